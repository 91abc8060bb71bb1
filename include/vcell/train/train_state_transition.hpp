#pragma once

#include <functional>
#include <span>
#include <type_traits>
#include <utility>

#include "vcell/core/instantiate.hpp"
#include "vcell/models/place_model.hpp"
#include "vcell/nn/copy_parameters.hpp"
#include "vcell/train/state_transition_task.hpp"
#include "vcell/train/trainer.hpp"

VCELL_BEGIN_NAMESPACE

/// A State Transition model on the host and all that its training reads, for whoever trains it.
struct StateTransitionTraining {
  const StateTransition<float>& model;
  Trainer<float>& trainer;  ///< of the model's parameters: where training stands, before and after
  const PerturbationFeatures& features;
  const Screen& screen;
  std::span<const Part> parts;  ///< (cells)
  const StateTransitionTaskOptions& options;
  std::function<void()> begin =
      {};                         ///< data and settings were found to fit; the first step is next
  TrainCallbacks callbacks = {};  ///< checkpoint finds the trainer where training stands
};

/// Trains it, as train_state_transition<Device> does.
using TrainStateTransition = std::function<TrainResult(const StateTransitionTraining&)>;

/// What a device does of State Transition; empty functions: the Cpu does it.
struct StateTransitionDevice {
  TrainStateTransition train = {};
  PlaceModel place = {};  ///< to predict there
};

namespace detail {

/// A trainer on a device in place of one on the host.
template <class Device>
class TrainerElsewhere {
 public:
  /// @param parameters  of a new model of the same configuration
  TrainerElsewhere(Trainer<float>& host, const Parameters<float, Device>& parameters)
      : host_(host), there_(sent(host.parameters(), parameters), host.options()) {
    if (host.state().step == 0) return;
    there_.optimizer().restore(host.optimizer().steps(), copied(host.optimizer().first()),
                               copied(host.optimizer().second()));
    there_.restore(host.state(), copied(host.best()), copied(host.average()));
  }

  Trainer<float, Device>& trainer() { return there_; }

  /// Puts the host's trainer where this one is. Waits for the device.
  void bring_back() {
    const auto values = host_.parameters().values();
    Memory<Device>::download(current_context<Device>(), values.data,
                             there_.parameters().values().data, values.count() * sizeof(float));
    auto& optimizer = there_.optimizer();
    host_.optimizer().restore(optimizer.steps(), to_host(optimizer.first()),
                              to_host(optimizer.second()));
    host_.restore(there_.state(), to_host(there_.best()), to_host(there_.average()));
  }

 private:
  static Tensor<float, 1> copied(View<const float, 1> values) {
    return Tensor<float, 1>(values.shape, values.values());
  }
  static const Parameters<float, Device>& sent(const Parameters<float>& from,
                                               const Parameters<float, Device>& to) {
    copy_parameters(from, to);
    to.freeze_like(from);
    return to;
  }

  Trainer<float>& host_;
  Trainer<float, Device> there_;
};

}  // namespace detail

/// Trains a model on a device. On another one than the Cpu a model of the same configuration is
/// made there, and the host's trainer is put where that one's is before each checkpoint and in the
/// end, so that what reads, writes and resumes it knows no device. The screen's cells stay on a GPU
/// where they take at most half of what is free there, unless the options say how many bytes may.
/// @throws what StateTransitionTask and Trainer::run throw; the device's errors
template <class Device>
TrainResult train_state_transition(const StateTransitionTraining& t) {
  if constexpr (std::is_same_v<Device, Cpu>) {
    StateTransitionTask<float> task(t.model, t.features, t.screen, t.parts, t.options,
                                    t.trainer.batches());
    if (t.begin) t.begin();
    return t.trainer.run(task, t.callbacks);
  } else {
    const StateTransition<float, Device> model(t.model.config());
    detail::TrainerElsewhere<Device> elsewhere(t.trainer, model.parameters());
    StateTransitionTaskOptions options = t.options;
    if constexpr (requires { Memory<Device>::free_bytes(); })
      if (!options.resident_bytes) options.resident_bytes = Memory<Device>::free_bytes() / 2;
    StateTransitionTask<float, Device> task(model, t.features, t.screen, t.parts, options,
                                            t.trainer.batches());
    if (t.begin) t.begin();
    TrainCallbacks callbacks = t.callbacks;
    if (t.callbacks.checkpoint)
      callbacks.checkpoint = [&](CheckpointKind kind) {
        elsewhere.bring_back();
        t.callbacks.checkpoint(kind);
      };
    const TrainResult result = elsewhere.trainer().run(task, callbacks);
    elsewhere.bring_back();
    return result;
  }
}

VCELL_INSTANTIATE(models, TrainResult train_state_transition<Cpu>(const StateTransitionTraining&));

VCELL_END_NAMESPACE
