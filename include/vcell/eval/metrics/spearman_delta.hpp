#pragma once

#include "vcell/eval/metric.hpp"
#include "vcell/eval/scores_of_rows.hpp"
#include "vcell/eval/spearman.hpp"

VCELL_BEGIN_NAMESPACE
namespace metrics {

/// spearman_delta: Spearman's correlation over genes of the predicted and the real shift of a
/// perturbation's mean cell, each from its own side's control.
template <class = void>
Metric spearman_delta() {
  return {.name = "spearman_delta",
          .title = "Shift rank correlation",
          .meaning =
              "Spearman correlation over genes of the predicted and the observed shift of the mean "
              "expression: pearson_delta of their ranks, which a few large changes do not decide. "
              "1: the same order; 0: unrelated.",
          .direction = 1,
          .best = 1,
          .lowest = -1,
          .highest = 1,
          .reads = MetricReads::means,
          .is_reliability = true,
          .digits = 2,
          .scores = [](const EvaluationSide& real, const EvaluationSide& predicted,
                       const MetricOptions&) {
            return detail::scores_of_rows(real.shift, predicted.shift,
                                          [](auto a, auto b) { return spearman(a, b); });
          }};
}

}  // namespace metrics

VCELL_END_NAMESPACE
