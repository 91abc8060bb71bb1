#pragma once

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
/// that the second part can be recorded. loss(step) is load(step), then loss_of_loaded(step).
template <class Task, class T, class Device>
concept LoadsBatches = requires(Task& task, const TrainingStep<Device>& step) {
  { task.load(step) } -> std::same_as<BatchShape>;
  { task.loss_of_loaded(step) } -> std::same_as<Variable<T, 0, Device>>;
};

/// How many steps were launched as a recording, and why others were not.
struct RecordedSteps {
  uint64_t count = 0;
  std::string why_not = {};  ///< empty: all were that could be
};

/// The steps of a training, recorded for each shape that their batches have.
template <class Device>
class StepRecordings {
 public:
  /// Runs the work of a step, from a recording where there is one (tensor/recording_cuda.hpp).
  /// @param work  queues it
  template <class Work>
  void run(const BatchShape& shape, Work&& work) {
    Recording<Device>* const recording = of(shape);
    if (!recording) return work();
    recording->run(work);
    told_.count += recording->is_recorded();
    if (told_.why_not.empty()) told_.why_not = recording->why_not();
  }
  /// A step was queued without asking for a recording.
  void decline(const char* reason) {
    if (told_.why_not.empty()) told_.why_not = reason;
  }
  const RecordedSteps& told() const { return told_; }

 private:
  // Each keeps memory for a whole step.
  static constexpr size_t most = 2;

  Recording<Device>* of(const BatchShape& shape) {
    for (auto& [other, recording] : all_)
      if (other == shape) return &recording;
    if (all_.size() < most)
      return &all_.emplace_back(shape, Recording<Device>(current_context<Device>())).second;
    if (told_.why_not.empty()) told_.why_not = "batches have more than two shapes";
    return nullptr;
  }

  std::vector<std::pair<BatchShape, Recording<Device>>> all_;
  RecordedSteps told_;
};

VCELL_END_NAMESPACE
