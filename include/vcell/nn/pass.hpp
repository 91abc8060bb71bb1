#pragma once

#include <cstdint>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// What kind of pass through a model this is. The default predicts: nothing is random.
struct Pass {
  /// Dropout is active.
  bool training = false;
  /// With the step, what random layers are a function of.
  uint64_t seed = 0;
  uint64_t step = 0;
};

VCELL_END_NAMESPACE
