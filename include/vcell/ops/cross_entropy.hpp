#pragma once

#include "vcell/kernels/cross_entropy.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/reduction.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/tensor/copy.hpp"

VCELL_BEGIN_NAMESPACE

/// How surprising the true class of each row is: -log(softmax(logits)[label]).
///
/// @param logits  (N, classes)
/// @param labels  (N), each within 0 .. classes - 1; on the host, where they are checked before
/// they
///                go to the device
/// @return        (N)
/// @throws ShapeError if there is not one label for each row, or one lies outside
template <class T, class Device>
Variable<T, 1, Device> cross_entropies(const Variable<T, 2, Device>& logits,
                                       Tensor<int32_t, 1> labels) {
  check_size_match("cross_entropies", "rows of logits", logits.shape(0), "labels", labels.count());
  for (size_t i = 0; i < labels.count(); ++i) {
    const int32_t label = labels.data()[i];
    if (label < 0 || size_t(label) >= logits.shape(1))
      throw ShapeError(message("cross_entropies: label ", label, " of row ", i,
                               ", expected 0 <= it < ", logits.shape(1),
                               ", the classes of the logits"));
  }
  auto y = Tensor<T, 1, Device>::uninitialized({logits.shape(0)});
  const Variable<int32_t, 1, Device> truth(to_device<Device>(std::move(labels)));
  kernel::forward<kernel::CrossEntropy, Device>("cross_entropies", logits.value(), truth.value(),
                                                y.view());
  return make_variable(
      std::move(y),
      [](auto dy, auto, const auto& x, const auto& l) {
        kernel::backward<kernel::CrossEntropy, Device>("cross_entropies", dy, x.value(), l.value(),
                                                       x.gradient_target());
      },
      logits, truth);
}

/// Their mean, or sum, over the rows.
/// @throws ShapeError also where there are no rows
template <class T, class Device>
Variable<T, 0, Device> cross_entropy(const Variable<T, 2, Device>& logits,
                                     Tensor<int32_t, 1> labels,
                                     Reduction reduction = Reduction::mean) {
  if (logits.shape(0) == 0)
    throw ShapeError(message("cross_entropy: logits ", logits.shape(), " have no rows"));
  const auto average = mean(cross_entropies(logits, std::move(labels)));
  return reduction == Reduction::mean ? average : scale(average, double(logits.shape(0)));
}

VCELL_END_NAMESPACE
