#pragma once

#include "vcell/eval/metric.hpp"
#include "vcell/eval/overlap_at_n.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The metric overlap_at_N.
template <class = void>
std::vector<Score> overlap_at_n_scores(const EvaluationSide& real, const EvaluationSide& predicted,
                                       const MetricOptions& options) {
  std::vector<Score> out(real.perturbations().size());
  for_each_expression_block(
      real.expression, predicted.expression,
      [&](size_t first, const DifferentialExpression& a, const DifferentialExpression& b) {
        for (size_t t = 0; t < a.targets.size(); ++t)
          out[first + t] = vcell::overlap_at_n(significant_genes(a, t, options.alpha),
                                               significant_genes(b, t, options.alpha));
      },
      options.progress);
  return out;
}

}  // namespace detail

namespace metrics {

/// overlap_at_N: the share of the N genes that really change which is among the N strongest of the
/// predicted ones (overlap_at_n).
template <class = void>
Metric overlap_at_n() {
  return {.name = "overlap_at_N",
          .title = "DE overlap",
          .meaning =
              "Of the N genes that are differentially expressed in the observed cells, the "
              "share found among the N strongest of the predicted cells. 1: all; 0: none, "
              "or no such gene at all.",
          .direction = 1,
          .best = 1,
          .lowest = 0,
          .highest = 1,
          .reads = MetricReads::expression,
          .digits = 2,
          .profiles = {"vcell", "vcc"},
          .scores = detail::overlap_at_n_scores<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
