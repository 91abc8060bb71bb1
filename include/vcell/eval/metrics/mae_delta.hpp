#pragma once

#include "vcell/eval/metrics/mae.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The metric of that name.
template <class = void>
std::vector<Score> mae_delta_scores(const EvaluationSide& real, const EvaluationSide& predicted,
                                    const MetricOptions&) {
  return detail::mean_absolute_errors(real.shift, predicted.shift);
}

}  // namespace detail

namespace metrics {

/// mae_delta: mean over genes of |delta predicted - delta real|, with delta the shift of a
/// perturbation's mean cell from its own side's control.
template <class = void>
Metric mae_delta() {
  return {.name = "mae_delta",
          .title = "Shift error",
          .meaning =
              "Mean absolute difference of the predicted and the observed shift, each "
              "against its own control cells, over genes. 0: none.",
          .direction = -1,
          .best = 0,
          .lowest = 0,
          .profiles = {"vcell"},
          .scores = detail::mae_delta_scores<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
