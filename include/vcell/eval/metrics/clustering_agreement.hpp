#pragma once

#include "vcell/eval/clustering/clustering_agreement.hpp"
#include "vcell/eval/metric.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The metric of that name.
template <class = void>
Score clustering_agreement_score(const EvaluationSide& real, const EvaluationSide& predicted,
                                 const MetricOptions& options) {
  // In double, as the peer has them.
  const auto centroids = [](const EvaluationSide& side) {
    return mean_cells(side.cells->view(), side.rows);
  };
  const auto a = centroids(real), b = centroids(predicted);
  return vcell::clustering_agreement(a.view(), b.view(), 0, options.progress);
}

}  // namespace detail

namespace metrics {

/// clustering_agreement: do predicted perturbations fall into the groups that observed ones do.
template <class = void>
Metric clustering_agreement() {
  return {.name = "clustering_agreement",
          .title = "Clustering agreement",
          .meaning =
              "Do perturbations whose observed mean cells are alike have predicted mean cells that "
              "are alike? Adjusted mutual information of Leiden clusters of both, the best over "
              "several resolutions of the predicted ones. 1: the same groups; 0: no more alike "
              "than by chance.",
          .direction = 1,
          .best = 1,
          .lowest = 0,
          .highest = 1,
          .reads = MetricReads::cells,  // of perturbations, each from every other
          .digits = 2,
          .aggregate = detail::clustering_agreement_score<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
