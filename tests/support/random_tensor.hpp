// Inputs of tests: standard normal numbers as a function of shape and seed.
#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/core/rng.hpp"

namespace vcell_test {

template <class T = double, int rank>
vcell::Tensor<T, rank> random_tensor(const vcell::Shape<rank>& shape, uint64_t seed) {
  vcell::Tensor<T, rank> x(shape);
  vcell::Rng rng(seed);
  for (T& v : x.values()) v = T(rng.normal());
  return x;
}

/// The same as a leaf that requires a gradient.
template <int rank, class T = double>
vcell::Variable<T, rank> parameter(const vcell::Shape<rank>& shape, uint64_t seed) {
  return vcell::Variable<T, rank>(random_tensor<T, rank>(shape, seed), true);
}

}  // namespace vcell_test
