#pragma once

#include <type_traits>

#include "vcell/kernels/cross_entropy.hpp"
#include "vcell/ops/indices.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/reduction.hpp"
#include "vcell/ops/scale.hpp"

VCELL_BEGIN_NAMESPACE

/// How surprising the true class of each row is: -log(softmax(logits)[label]).
///
/// @param logits  (N, classes)
/// @param labels  (N), each within 0 .. classes - 1
/// @return        (N)
/// @throws ShapeError if there is not one label for each row, or one lies outside
template <class T, class Device>
Variable<T, 1, Device> cross_entropies(const Variable<T, 2, Device>& logits,
                                       const std::type_identity_t<Indices<1, Device>>& labels) {
  check_size_match("cross_entropies", "rows of logits", logits.shape(0), "labels", labels.count());
  labels.for_extremes([&](int32_t label, size_t row) {
    if (label < 0 || size_t(label) >= logits.shape(1))
      throw ShapeError(message("cross_entropies: label ", label, " of row ", row,
                               ", expected 0 <= it < ", logits.shape(1),
                               ", the classes of the logits"));
  });
  auto y = Tensor<T, 1, Device>::uninitialized({logits.shape(0)});
  kernel::forward<kernel::CrossEntropy, Device>("cross_entropies", logits.value(),
                                                labels.values().value(), y.view());
  return make_variable(
      std::move(y),
      [](auto dy, auto, const auto& x, const auto& l) {
        kernel::backward<kernel::CrossEntropy, Device>("cross_entropies", dy, x.value(), l.value(),
                                                       x.gradient_target());
      },
      logits, labels.values());
}

/// Their mean, or sum, over the rows.
/// @throws ShapeError also where there are no rows
template <class T, class Device>
Variable<T, 0, Device> cross_entropy(const Variable<T, 2, Device>& logits,
                                     const std::type_identity_t<Indices<1, Device>>& labels,
                                     Reduction reduction = Reduction::mean) {
  if (logits.shape(0) == 0)
    throw ShapeError(message("cross_entropy: logits ", logits.shape(), " have no rows"));
  const auto average = mean(cross_entropies(logits, labels));
  return reduction == Reduction::mean ? average : scale(average, double(logits.shape(0)));
}

VCELL_END_NAMESPACE
