#pragma once

#include <span>
#include <string>
#include <utility>

#include "vcell/eval/mean_error.hpp"
#include "vcell/eval/metric.hpp"
#include "vcell/eval/scores_of_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A mean error over genes of what both sides have a row of for each perturbation.
/// @param of  the mean cells, or the shifts
template <class = void>
Metric mean_error_metric(std::string name, std::string title, std::string meaning,
                         Tensor<float, 2> EvaluationSide::*of,
                         double (*error)(std::span<const float>, std::span<const float>)) {
  return {.name = std::move(name),
          .title = std::move(title),
          .meaning = std::move(meaning),
          .direction = -1,
          .best = 0,
          .lowest = 0,
          .reads = MetricReads::means,
          .scores = [of, error](const EvaluationSide& real, const EvaluationSide& predicted,
                                const MetricOptions&) {
            return scores_of_rows(real.*of, predicted.*of, error);
          }};
}

}  // namespace detail

namespace metrics {

/// mae: mean over genes of |y predicted - y real|, with y the mean cell of a perturbation.
template <class = void>
Metric mae() {
  return detail::mean_error_metric(
      "mae", "Expression error",
      "Mean absolute difference of predicted and observed mean expression (log1p) over genes. 0: "
      "none.",
      &EvaluationSide::mean, mean_absolute_error<>);
}

/// mse: mean over genes of (y predicted - y real)^2.
template <class = void>
Metric mse() {
  return detail::mean_error_metric(
      "mse", "Squared expression error",
      "Mean squared difference of predicted and observed mean expression (log1p) over genes. 0: "
      "none.",
      &EvaluationSide::mean, mean_squared_error<>);
}

/// mae_delta: mean over genes of |delta predicted - delta real|, with delta the shift of a
/// perturbation's mean cell from its own side's control.
template <class = void>
Metric mae_delta() {
  return detail::mean_error_metric(
      "mae_delta", "Shift error",
      "Mean absolute difference of the predicted and the observed shift, each against its own "
      "control cells, over genes. 0: none.",
      &EvaluationSide::shift, mean_absolute_error<>);
}

/// mse_delta: mean over genes of (delta predicted - delta real)^2.
template <class = void>
Metric mse_delta() {
  return detail::mean_error_metric(
      "mse_delta", "Squared shift error",
      "Mean squared difference of the predicted and the observed shift, each against its own "
      "control cells, over genes. 0: none.",
      &EvaluationSide::shift, mean_squared_error<>);
}

}  // namespace metrics

VCELL_END_NAMESPACE
