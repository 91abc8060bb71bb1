#pragma once

#include "vcell/eval/mean_error.hpp"
#include "vcell/eval/metric.hpp"
#include "vcell/eval/scores_of_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace metrics {

/// mae: mean over genes of |y predicted - y real|, with y the mean cell of a perturbation.
template <class = void>
Metric mae() {
  return {.name = "mae",
          .title = "Expression error",
          .meaning =
              "Mean absolute difference of predicted and observed mean expression (log1p) over "
              "genes. 0: none.",
          .direction = -1,
          .best = 0,
          .lowest = 0,
          .reads = MetricReads::means,
          .scores = [](const EvaluationSide& real, const EvaluationSide& predicted,
                       const MetricOptions&) {
            return detail::scores_of_rows(real.mean, predicted.mean,
                                          [](auto a, auto b) { return mean_absolute_error(a, b); });
          }};
}

}  // namespace metrics

VCELL_END_NAMESPACE
