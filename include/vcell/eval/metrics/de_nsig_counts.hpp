#pragma once

#include "vcell/eval/metric.hpp"

VCELL_BEGIN_NAMESPACE
namespace metrics {

/// de_nsig_counts_real: how many genes really change.
template <class = void>
Metric de_nsig_counts_real() {
  return {
      .name = "de_nsig_counts_real",
      .title = "DE genes, observed",
      .meaning = "How many genes are differentially expressed in the observed cells.",
      .lowest = 0,
      .reads = MetricReads::expression,
      .digits = 0,
      .of_target = [](const TargetExpression& e) -> Score { return double(e.real_genes.size()); }};
}

/// de_nsig_counts_pred: how many genes are predicted to change.
template <class = void>
Metric de_nsig_counts_pred() {
  return {.name = "de_nsig_counts_pred",
          .title = "DE genes, predicted",
          .meaning =
              "How many genes are differentially expressed in the predicted cells; as many as in "
              "the observed ones is best.",
          .lowest = 0,
          .reads = MetricReads::expression,
          .digits = 0,
          .of_target = [](const TargetExpression& e) -> Score {
            return double(e.predicted_genes.size());
          }};
}

}  // namespace metrics

VCELL_END_NAMESPACE
