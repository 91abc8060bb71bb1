#pragma once

#include <string_view>

#include "vcell/core/rng.hpp"
#include "vcell/nn/pass.hpp"
#include "vcell/ops/dropout.hpp"

VCELL_BEGIN_NAMESPACE

/// Dropout as a layer: active in training only, with a mask of its own in every step.
class Dropout {
 public:
  /// @param name         where in the model it stands; what its random numbers are told apart by
  /// @param probability  share of elements set to zero, in [0, 1)
  /// @throws ConfigError if the probability is another
  Dropout(std::string_view name, double probability)
      : stream_(stream_of(name)), probability_(probability) {
    detail::check_probability("Dropout", probability);
  }

  /// @param x  any shape
  template <class T, int rank, class Device>
  Variable<T, rank, Device> operator()(const Variable<T, rank, Device>& x,
                                       const Pass<Device>& pass) const {
    if (!pass.training) return x;
    const auto& [number, numbers] = pass.step;
    const uint64_t stream = numbers ? stream_ : kernel::stream_at_step(stream_, number);
    return dropout(x, {.probability = probability_, .seed = pass.seed, .stream = stream}, numbers);
  }

 private:
  uint64_t stream_;
  double probability_;
};

VCELL_END_NAMESPACE
