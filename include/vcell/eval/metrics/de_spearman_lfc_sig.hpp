#pragma once

#include <vector>

#include "vcell/eval/metric.hpp"
#include "vcell/eval/spearman.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The metric of that name.
template <class = void>
Score de_spearman_lfc_sig_score(const TargetExpression& e) {
  if (e.real_genes.empty()) return {};
  std::vector<float> real, predicted;
  for (const uint32_t gene : e.real_genes) {
    real.push_back(float(e.real.log2_fold_change(e.target, gene)));
    predicted.push_back(e.predicted.has_row(e.target, gene)
                            ? float(e.predicted.log2_fold_change(e.target, gene))
                            : 0.0f);
  }
  return spearman<float>(real, predicted);
}

}  // namespace detail

namespace metrics {

/// de_spearman_lfc_sig: Spearman's correlation of the predicted and the real log2 fold change over
/// the genes that really change; 0 where the predicted table has no row of a gene. Null without
/// such a gene, NaN with one alone or where a side is constant.
template <class = void>
Metric de_spearman_lfc_sig() {
  return {.name = "de_spearman_lfc_sig",
          .title = "DE fold changes",
          .meaning =
              "Spearman correlation of the predicted and the observed log2 fold changes over the "
              "genes that are differentially expressed in the observed cells. 1: the same order; "
              "0: unrelated.",
          .direction = 1,
          .best = 1,
          .lowest = -1,
          .highest = 1,
          .reads = MetricReads::expression,
          .is_reliability = true,
          .digits = 2,
          .of_target = detail::de_spearman_lfc_sig_score<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
