// Numbers for benchmarks, the same in every run.
#pragma once

#include "vcell/core/rng.hpp"
#include "vcell/tensor/tensor.hpp"

namespace vcell_bench {

/// Standard normal numbers, the same in every run.
template <int rank>
vcell::Tensor<float, rank> random(const vcell::Shape<rank>& shape, uint64_t seed) {
  vcell::Rng rng(seed);
  vcell::Tensor<float, rank> x(shape);
  for (float& v : x.values()) v = float(rng.normal());
  return x;
}

}  // namespace vcell_bench
