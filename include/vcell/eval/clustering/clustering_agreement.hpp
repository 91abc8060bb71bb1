#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "vcell/eval/clustering/adjusted_mutual_information.hpp"
#include "vcell/eval/clustering/fuzzy_connectivities.hpp"
#include "vcell/eval/clustering/leiden.hpp"
#include "vcell/eval/score_table.hpp"

VCELL_BEGIN_NAMESPACE

/// The resolutions at which predicted points are clustered; observed ones are at 1.
inline constexpr std::array<double, 7> clustering_resolutions = {0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0};

/// The graph that clustering_agreement clusters: the connectivities (fuzzy_connectivities) of each
/// of n points with its min(15, n - 1) nearest, of which it is one itself.
/// @param points  (n, dimensions), n from 2
/// @throws ShapeError if there are fewer; ConfigError if a value is not finite; Stopped
template <class = void>
CsrMatrix<double> clustering_graph(View<const double, 2> points, const Progress& progress = {}) {
  const size_t n = points.shape[0];
  if (n < 2) throw ShapeError(message("clustering_graph: ", n, " points, expected 2 or more"));
  return fuzzy_connectivities(
      nearest_neighbours(points, std::min<size_t>(15, n - 1) - 1, progress));
}

/// Whether predicted perturbations fall into the groups that observed ones do: Leiden communities
/// of the mean cells of perturbations, observed at resolution 1 and predicted at each of
/// clustering_resolutions, and of their adjusted mutual information the largest, at least 0.
/// cell-eval's clustering_agreement, with communities of vcell's own seed, which may be others
/// where groups are not well apart.
///
/// @param real, predicted  (n, genes) mean cells of the same perturbations in the same order
/// @param seed             of leiden
/// @return                 0 to 1; 1 is best. Null below 3 perturbations, which make no graph
/// @throws ShapeError if the shapes differ; ConfigError if a value is not finite; Stopped
/// 6 n^2 genes operations, and memory of 64 n numbers a thread.
template <class = void>
Score clustering_agreement(View<const double, 2> real, View<const double, 2> predicted,
                           uint64_t seed = 0, const Progress& progress = {}) {
  check_shape_match("clustering_agreement", "real", real.shape, "predicted", predicted.shape);
  if (real.shape[0] < 3) return std::nullopt;
  const auto of_real = clustering_graph(real, progress),
             of_predicted = clustering_graph(predicted, progress);
  constexpr size_t n = clustering_resolutions.size();
  std::array<std::vector<int32_t>, n + 1> found;  // the last one observed
  const auto cluster = [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      found[i] = i < n
                     ? leiden(of_predicted, {.resolution = clustering_resolutions[i], .seed = seed})
                     : leiden(of_real, {.resolution = 1, .seed = seed});
  };
  parallel_for_watched(n + 1, 1, cluster, progress, "clusters");
  double best = 0;
  for (size_t i = 0; i < n; ++i)
    best = std::max(best, adjusted_mutual_information(found[n], found[i]));
  return best;
}

VCELL_END_NAMESPACE
