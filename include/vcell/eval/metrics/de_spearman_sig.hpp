#pragma once

#include <vector>

#include "vcell/eval/metric.hpp"
#include "vcell/eval/spearman.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The metric of that name.
template <class = void>
Score de_spearman_sig_score(std::span<const SignificantCounts> counts) {
  std::vector<double> real, predicted;
  for (const SignificantCounts& c : counts)
    if (c.real) {
      real.push_back(double(c.real));
      predicted.push_back(double(c.predicted));
    }
  return real.empty() ? 1 : spearman<double>(real, predicted);
}

}  // namespace detail

namespace metrics {

/// de_spearman_sig: Spearman's correlation, over the perturbations with a gene that really changes,
/// of the numbers of genes that change; 1 without such a perturbation, NaN with one alone.
template <class = void>
Metric de_spearman_sig() {
  return {.name = "de_spearman_sig",
          .title = "Effect size ranking",
          .meaning =
              "Spearman correlation over perturbations of the number of differentially expressed "
              "genes in the predicted and in the observed cells. 1: strong perturbations are told "
              "from weak ones in the right order; 0: unrelated. One number for all perturbations.",
          .direction = 1,
          .best = 1,
          .lowest = -1,
          .highest = 1,
          .reads = MetricReads::expression,
          .is_reliability = true,
          .digits = 2,
          .of_counts = detail::de_spearman_sig_score<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
