#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/autograd/with_targets.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/dropout.hpp"

VCELL_BEGIN_NAMESPACE

struct DropoutOptions {
  /// Share of elements set to zero, in [0, 1). 0 returns x itself.
  double probability = 0.1;
  /// The mask is a function of seed, stream, the element's place and, where one is given, the
  /// training step: give every use in a model a stream of its own, and every step where none is.
  uint64_t seed = 0;
  uint64_t stream = 0;
};

namespace detail {

inline void check_probability(const char* function, double p) {
  if (!(p >= 0 && p < 1))
    throw ConfigError(message(function, ": probability is ", p, ", expected 0 <= probability < 1"));
}

}  // namespace detail

/// Sets elements to zero at random and scales the others by 1 / (1 - probability) (Srivastava et
/// al. 2014, JMLR 15). For training only: leave it out when predicting. Any shape.
/// @param numbers  on the device: of the step that the mask belongs to. Backward makes it again, so
///                 they must be the same then. Null: no step
/// @throws ConfigError unless 0 <= probability < 1
template <class T, int rank, class Device>
Variable<T, rank, Device> dropout(const Variable<T, rank, Device>& x, const DropoutOptions& options,
                                  View<const kernel::StepNumbers, 0, Device> numbers = {}) {
  detail::check_probability("dropout", options.probability);
  if (options.probability == 0) return x;
  auto y = Tensor<T, rank, Device>::uninitialized(x.shape());
  const auto mask = [p = float(options.probability), seed = options.seed, stream = options.stream,
                     numbers](View<const T, 1, Device> from,
                              const kernel::Target<T, 1, Device>& to) {
    kernel::run<kernel::Dropout, Device>("dropout", from, to, p, seed, stream, numbers);
  };
  mask(x.value().flat(), {y.view().flat(), false});
  return make_variable(
      std::move(y),
      [mask](auto dy, auto, const auto& input) { mask(dy.flat(), input.gradient_target().flat()); },
      x);
}

VCELL_INSTANTIATE(ops, Variable<float, 2> dropout(const Variable<float, 2>&, const DropoutOptions&,
                                                  View<const kernel::StepNumbers, 0>));
VCELL_INSTANTIATE(ops, Variable<float, 3> dropout(const Variable<float, 3>&, const DropoutOptions&,
                                                  View<const kernel::StepNumbers, 0>));

VCELL_END_NAMESPACE
