#pragma once

#include <cstdint>

#include "vcell/kernels/step_numbers.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE

/// A step of a training, as the trainer hands it on: where a step has several batches, one of them.
/// A plain number is one too, `loss(0)`; kernels then get it with the call.
template <class Device = Cpu>
struct TrainingStep {
  /// Steps, or batches, done before it, for the host.
  uint64_t number = 0;
  /// The same and more on the device, sent ahead, where kernels read it; null: not sent.
  View<const kernel::StepNumbers, 0, Device> numbers = {};

  TrainingStep(uint64_t n = 0) : number(n) {}  // implicit
  TrainingStep(uint64_t n, View<const kernel::StepNumbers, 0, Device> sent)
      : number(n), numbers(sent) {}
};

/// What kind of pass through a model this is. The default predicts: nothing is random.
template <class Device = Cpu>
struct Pass {
  /// Dropout is active.
  bool training = false;
  /// With the step, what random layers are a function of.
  uint64_t seed = 0;
  TrainingStep<Device> step = {};
};

VCELL_END_NAMESPACE
