#pragma once

#include "vcell/eval/metric.hpp"
#include "vcell/eval/overlap_at.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The metric of that name.
template <class = void>
Score de_sig_genes_recall_score(const TargetExpression& e) {
  const size_t n = e.real_genes.size();
  if (n == 0) return {};
  const size_t all = std::max(n, e.predicted_genes.size());
  return double(shared_of_first(e.real_genes, e.predicted_genes, all)) / double(n);
}

}  // namespace detail

namespace metrics {

/// de_sig_genes_recall: the share of the genes that really change which are predicted to change;
/// null without such a gene.
template <class = void>
Metric de_sig_genes_recall() {
  return {.name = "de_sig_genes_recall",
          .title = "DE recall",
          .meaning =
              "Of the genes that are differentially expressed in the observed cells, the share "
              "that is so in the predicted cells, too. 1: all, as also a prediction in which every "
              "gene changes has.",
          .direction = 1,
          .best = 1,
          .lowest = 0,
          .highest = 1,
          .reads = MetricReads::expression,
          .is_reliability = true,
          .digits = 2,
          .of_target = detail::de_sig_genes_recall_score<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
