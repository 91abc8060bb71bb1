#pragma once

#include "vcell/eval/mean_error.hpp"
#include "vcell/eval/metric.hpp"
#include "vcell/eval/scores_of_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace metrics {

/// mse_delta: mean over genes of (delta predicted - delta real)^2, with delta the shift of a
/// perturbation's mean cell from its own side's control.
template <class = void>
Metric mse_delta() {
  return {.name = "mse_delta",
          .title = "Squared shift error",
          .meaning =
              "Mean squared difference of the predicted and the observed shift, each against its "
              "own control cells, over genes. 0: none.",
          .direction = -1,
          .best = 0,
          .lowest = 0,
          .reads = MetricReads::means,
          .scores = [](const EvaluationSide& real, const EvaluationSide& predicted,
                       const MetricOptions&) {
            return detail::scores_of_rows(real.shift, predicted.shift,
                                          [](auto a, auto b) { return mean_squared_error(a, b); });
          }};
}

}  // namespace metrics

VCELL_END_NAMESPACE
