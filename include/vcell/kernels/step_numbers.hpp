#pragma once

#include <cstdint>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// What differs between one training step and the next. The host works it out and sends it ahead of
/// the step, in the order of the context; kernels have a view of it and read it when they run. So
/// nothing of it is an argument, and a step that was recorded can run again as it is. It stays as
/// it is until the last kernel of its step, those of backward included.
struct StepNumbers {
  uint64_t step = 0;       ///< batches done before: what random layers are a function of
  uint64_t slot = 0;       ///< where among the reports that of this step goes
  double rate = 0;         ///< learning rate
  double correction1 = 1;  ///< 1 - beta1^t, with t the number of this step of Adam, from 1
  double correction2 = 1;  ///< 1 - beta2^t
  double kept = 0;         ///< share of itself that an average of the parameters keeps
};

}  // namespace kernel
VCELL_END_NAMESPACE
