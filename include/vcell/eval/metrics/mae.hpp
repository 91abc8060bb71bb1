#pragma once

#include "vcell/eval/mean_absolute_error.hpp"
#include "vcell/eval/metric.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// mean_absolute_error of each row of the predicted matrix against that of the real one.
template <class = void>
std::vector<Score> mean_absolute_errors(const Tensor<double, 2>& real,
                                        const Tensor<double, 2>& predicted) {
  std::vector<Score> out(real.shape(0));
  for (size_t t = 0; t < out.size(); ++t)
    out[t] =
        mean_absolute_error({predicted[t].data, predicted.shape(1)}, {real[t].data, real.shape(1)});
  return out;
}

/// The metric of that name.
template <class = void>
std::vector<Score> mae_scores(const EvaluationSide& real, const EvaluationSide& predicted,
                              const MetricOptions&) {
  return detail::mean_absolute_errors(real.mean, predicted.mean);
}

}  // namespace detail

namespace metrics {

/// mae: mean over genes of |y predicted - y real|, with y the mean cell of a perturbation.
template <class = void>
Metric mae() {
  return {.name = "mae",
          .title = "Expression error",
          .meaning =
              "Mean absolute difference of predicted and observed mean expression (log1p) "
              "over genes. 0: none.",
          .direction = -1,
          .best = 0,
          .lowest = 0,
          .profiles = {"vcell", "vcc"},
          .scores = detail::mae_scores<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
