#pragma once

#include "vcell/eval/metric.hpp"
#include "vcell/eval/pearson.hpp"
#include "vcell/eval/scores_of_rows.hpp"

VCELL_BEGIN_NAMESPACE
namespace metrics {

/// pearson_delta: Pearson's correlation over genes of the predicted and the real shift of a
/// perturbation's mean cell, each from its own side's control.
template <class = void>
Metric pearson_delta() {
  return {.name = "pearson_delta",
          .title = "Shift correlation",
          .meaning =
              "Pearson correlation over genes of the predicted and the observed shift of the mean "
              "expression. 1: same direction and proportions; 0: unrelated.",
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
                                          [](auto a, auto b) { return pearson(a, b); });
          }};
}

}  // namespace metrics

VCELL_END_NAMESPACE
