#pragma once

#include "vcell/eval/metric.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The metric of that name.
template <class = void>
Score de_direction_match_score(const TargetExpression& e) {
  const auto sign = [](double x) { return (float(x) > 0) - (float(x) < 0); };
  size_t both = 0, agree = 0;
  for (const uint32_t gene : e.real_genes) {
    if (!e.predicted.has_row(e.target, gene)) continue;
    const double a = e.real.log2_fold_change(e.target, gene),
                 b = e.predicted.log2_fold_change(e.target, gene);
    ++both;
    agree += a == a && b == b && sign(a) == sign(b);
  }
  return both ? Score(double(agree) / double(both)) : Score();
}

}  // namespace detail

namespace metrics {

/// de_direction_match: the share of the genes that really change, and have a row in the predicted
/// table, whose predicted log2 fold change has the same sign; null without such a gene.
template <class = void>
Metric de_direction_match() {
  return {.name = "de_direction_match",
          .title = "DE direction",
          .meaning =
              "Of the genes that are differentially expressed in the observed cells, the share "
              "that the prediction moves in the same direction. 1: all; about 0.5: by chance.",
          .direction = 1,
          .best = 1,
          .lowest = 0,
          .highest = 1,
          .reads = MetricReads::expression,
          .is_reliability = true,
          .digits = 2,
          .of_target = detail::de_direction_match_score<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
