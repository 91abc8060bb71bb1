#pragma once

#include "vcell/eval/metric.hpp"
#include "vcell/eval/overlap_at.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// |real n predicted| / n_true, with the predicted genes cut to the n_true most important ones.
template <class = void>
Score de_score_of(std::span<const uint32_t> real, std::span<const uint32_t> predicted) {
  return real.empty() ? Score() : Score(overlap_at(real, predicted));
}

}  // namespace detail

namespace metrics {

/// de_score: the score of differential expression of the primers on the Virtual Cell Challenge: the
/// share of the n_true genes that really change which are predicted to change, where a longer
/// predicted list is cut to its n_true largest |log2 fold changes|. overlap_at_N but for n_true =
/// 0, where this is null.
template <class = void>
Metric de_score() {
  return {.name = "de_score",
          .title = "DE score",
          .meaning =
              "Of the genes that are differentially expressed in the observed cells, the share "
              "found among as many of the predicted ones, those with the largest fold changes. 1: "
              "all; 0: none.",
          .direction = 1,
          .best = 1,
          .lowest = 0,
          .highest = 1,
          .reads = MetricReads::expression,
          .is_reliability = true,
          .digits = 2,
          .of_target = [](const TargetExpression& e) {
            return detail::de_score_of(e.real_genes, e.predicted_genes);
          }};
}

/// de_score_p: the same with the predicted list cut to its n_true smallest p-values.
template <class = void>
Metric de_score_p() {
  Metric out = de_score();
  out.name = "de_score_p";
  out.title = "DE score by p";
  out.meaning =
      "As de_score, of as many of the predicted genes as have the smallest p-values. 1: all; 0: "
      "none.";
  out.of_target = [](const TargetExpression& e) {
    return detail::de_score_of(e.real_genes, significant_genes(e.predicted, e.target, e.alpha,
                                                               SignificanceOrder::p_value));
  };
  return out;
}

}  // namespace metrics

VCELL_END_NAMESPACE
