#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// How products of float32 matrices are computed on the GPU: what factors are rounded to before
/// they are multiplied. Sums are float32 in each, and so are the matrices themselves; products of
/// double and of bfloat16 matrices know no choice.
enum class Precision {
  float32,  ///< 24 bits: not rounded
  tf32,     ///< 11 bits, the range of float32
  bfloat16  ///< 8 bits, the range of float32
};

VCELL_END_NAMESPACE
