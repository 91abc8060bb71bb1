#pragma once

#include <algorithm>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/metric.hpp"
#include "vcell/eval/ranking_areas.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// How well predicted false discovery rates tell the genes that really change from the others:
/// labels fdr < alpha, scores -log10(fdr) with fdr in 1e-10 .. 1 and 1 where the predicted table
/// has no row, over the rows of the real table.
template <class = void>
RankingAreas expression_areas(const TargetExpression& e) {
  std::vector<uint8_t> labels;
  std::vector<float> scores;
  for (size_t gene = 0; gene < e.real.features.size(); ++gene) {
    if (!e.real.has_row(e.target, gene)) continue;
    labels.push_back(float(e.real.fdr(e.target, gene)) < float(e.alpha));
    const float fdr =
        e.predicted.has_row(e.target, gene) ? float(e.predicted.fdr(e.target, gene)) : 1.0f;
    scores.push_back(-std::log10(fdr == fdr ? std::clamp(fdr, 1e-10f, 1.0f) : 1.0f));
  }
  return vcell::ranking_areas(labels, scores);
}

}  // namespace detail

namespace metrics {

/// pr_auc: average precision of predicted false discovery rates at finding the genes that really
/// change; NaN unless some do and some do not.
template <class = void>
Metric pr_auc() {
  return {.name = "pr_auc",
          .title = "DE precision-recall",
          .meaning =
              "Area under the curve of precision against recall when genes are called by their "
              "predicted false discovery rate and those that are differentially expressed in the "
              "observed cells are to be found. 1: all of them first; by chance their share of all "
              "genes.",
          .direction = 1,
          .best = 1,
          .lowest = 0,
          .highest = 1,
          .reads = MetricReads::expression,
          .is_reliability = true,
          .digits = 2,
          .of_target = [](const TargetExpression& e) -> Score {
            return detail::expression_areas(e).precision_recall;
          }};
}

/// roc_auc: the area under the ROC curve of the same.
template <class = void>
Metric roc_auc() {
  return {.name = "roc_auc",
          .title = "DE ROC",
          .meaning =
              "Probability that a gene which is differentially expressed in the observed cells has "
              "a lower predicted false discovery rate than one which is not. 1: always; 0.5: by "
              "chance.",
          .direction = 1,
          .best = 1,
          .lowest = 0,
          .highest = 1,
          .reads = MetricReads::expression,
          .is_reliability = true,
          .digits = 2,
          .of_target = [](const TargetExpression& e) -> Score {
            return detail::expression_areas(e).roc;
          }};
}

}  // namespace metrics

VCELL_END_NAMESPACE
