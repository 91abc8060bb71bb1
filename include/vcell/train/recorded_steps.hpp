#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vcell/autograd/variable.hpp"
#include "vcell/nn/pass.hpp"
#include "vcell/tensor/recording.hpp"

VCELL_BEGIN_NAMESPACE

/// What has to be equal for the steps of two batches to be the same work: sets, cells of a set, and
/// what else a task has there.
using BatchShape = std::array<size_t, 3>;

/// A task (train/trainer.hpp) that first brings a batch to the device and then queues its loss, so
/// that the second part can be recorded. loss(step) is load(step), then loss_of_loaded(step). What
/// the second part reads has to lie where it lay for the last batch of that shape, also after one
/// of another: a recording finds it by its address.
template <class Task, class T, class Device>
concept LoadsBatches = requires(Task& task, const TrainingStep<Device>& step) {
  { task.load(step) } -> std::same_as<BatchShape>;
  { task.loss_of_loaded(step) } -> std::same_as<Variable<T, 0, Device>>;
};

/// Where a batch stands among those of its step: the gradients of the first are assigned and those
/// of the others added, and the last is followed by the update. So these are different work.
struct BatchInStep {
  bool is_first = true, is_last = true;
  bool operator==(const BatchInStep&) const = default;
};

/// How many steps were launched as recordings, and why others were not.
struct RecordedSteps {
  uint64_t count = 0;
  std::string why_not = {};  ///< empty: all were that could be
};

/// The batches of a training, recorded for each shape and each place in a step.
template <class Device>
class StepRecordings {
 public:
  /// Runs the work of a batch, from a recording where there is one (tensor/recording_cuda.hpp).
  /// @param work  queues it
  template <class Work>
  void run(const BatchShape& shape, BatchInStep place, Work&& work) {
    Recording<Device>* const recording = of({shape, place});
    if (recording)
      recording->run(work);
    else
      work();
    all_recorded_ = (place.is_first || all_recorded_) && recording && recording->is_recorded();
    told_.count += place.is_last && all_recorded_;
    if (recording && told_.why_not.empty()) told_.why_not = recording->why_not();
  }
  /// A step was queued without asking for a recording.
  void decline(const char* reason) {
    if (told_.why_not.empty()) told_.why_not = reason;
  }
  const RecordedSteps& told() const { return told_; }

 private:
  // Memory for a whole step is kept for each.
  static constexpr size_t most_shapes = 2;
  struct Key {
    BatchShape shape;
    BatchInStep place;
    bool operator==(const Key&) const = default;
  };

  Recording<Device>* of(const Key& key) {
    const Recording<Device>* beside = nullptr;
    for (auto& [other, recording] : all_) {
      if (other == key) return &recording;
      if (recording.why_not().empty()) beside = &recording;
    }
    if (std::find(shapes_.begin(), shapes_.end(), key.shape) == shapes_.end()) {
      if (shapes_.size() == most_shapes) {
        decline("batches have more than two shapes");
        return nullptr;
      }
      shapes_.push_back(key.shape);
    }
    Recording<Device> made(current_context<Device>(), beside);
    return &all_.emplace_back(key, std::move(made)).second;
  }

  std::vector<BatchShape> shapes_;
  std::vector<std::pair<Key, Recording<Device>>> all_;
  bool all_recorded_ = false;  // the batches of the step so far
  RecordedSteps told_;
};

VCELL_END_NAMESPACE
