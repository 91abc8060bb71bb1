// How far what a device computed is from what the Cpu did.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "support/catch.hpp"
#include "vcell/tensor/tensor.hpp"

namespace vcell_test {

/// The largest difference; infinite when one is not-a-number and the other is not.
template <class T, int rank>
double difference(const vcell::Tensor<T, rank>& a, const vcell::Tensor<T, rank>& b) {
  REQUIRE(a.shape() == b.shape());
  double most = 0;
  for (size_t i = 0; i < a.count(); ++i) {
    const double x = double(a.data()[i]), y = double(b.data()[i]);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double d = std::abs(x - y);
    most = std::isnan(d) ? std::numeric_limits<double>::infinity() : std::max(most, d);
  }
  return most;
}

template <class T, int rank>
bool same_bytes(const vcell::Tensor<T, rank>& a, const vcell::Tensor<T, rank>& b) {
  return a.shape() == b.shape() &&
         (a.count() == 0 || !std::memcmp(a.data(), b.data(), a.count() * sizeof(T)));
}

}  // namespace vcell_test
