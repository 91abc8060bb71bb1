#pragma once

#include "vcell/eval/metric.hpp"
#include "vcell/eval/pearson.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The metric of that name.
template <class = void>
std::vector<Score> pearson_delta_scores(const EvaluationSide& real, const EvaluationSide& predicted,
                                        const MetricOptions&) {
  std::vector<Score> out(real.perturbations().size());
  const size_t genes = real.genes().size();
  for (size_t t = 0; t < out.size(); ++t)
    out[t] = pearson({predicted.shift[t].data, genes}, {real.shift[t].data, genes});
  return out;
}

}  // namespace detail

namespace metrics {

/// pearson_delta: Pearson's correlation over genes of the predicted and the real shift of a
/// perturbation's mean cell, each from its own side's control.
template <class = void>
Metric pearson_delta() {
  return {.name = "pearson_delta",
          .title = "Shift correlation",
          .meaning =
              "Pearson correlation over genes of the predicted and the observed shift of "
              "the mean expression. 1: same direction and proportions; 0: unrelated.",
          .direction = 1,
          .best = 1,
          .lowest = -1,
          .highest = 1,
          .digits = 2,
          .profiles = {"vcell"},
          .scores = detail::pearson_delta_scores<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
