#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/csr_matrix.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// @throws ShapeError if a graph is not square
/// @throws ConfigError if a weight is negative or not finite, a node is joined to itself, or the
///         two directions of an edge have other weights
template <class = void>
void check_graph(const char* function, const CsrMatrix<double>& graph) {
  check_size_match(function, "rows of the graph", graph.rows, "columns", graph.columns);
  for (size_t v = 0; v < graph.rows; ++v) {
    const auto others = graph.row_indices(v);
    const auto weights = graph.row_values(v);
    for (size_t e = 0; e < others.size(); ++e) {
      const auto u = size_t(others[e]);
      if (u == v)
        throw ConfigError(message(function, ": node ", v, " is joined to itself, expected nothing ",
                                  "on the diagonal"));
      if (!(weights[e] >= 0 && std::isfinite(weights[e])))
        throw ConfigError(message(function, ": the edge ", v, ", ", u, " weighs ", weights[e],
                                  ", expected a number from 0"));
      const auto back = graph.row_indices(u);
      const auto found = std::lower_bound(back.begin(), back.end(), int32_t(v));
      const bool there = found != back.end() && *found == int32_t(v);
      if (!there || graph.row_values(u)[size_t(found - back.begin())] != weights[e])
        throw ConfigError(message(function, ": the edge ", v, ", ", u, " has another weight the ",
                                  "other way round, expected a symmetric graph"));
    }
  }
}

}  // namespace detail

/// The modularity of a partition at a resolution gamma, of a graph with weights A, strengths k_i =
/// sum_j A_ij and total 2 m = sum_i k_i:
///
///   1 / (2 m) sum_ij (A_ij - gamma k_i k_j / (2 m)) [i and j are in one community]
///
/// Newman & Girvan (2004), with the resolution of Reichardt & Bornholdt (2006).
///
/// @param graph      (n, n) symmetric, weights from 0, nothing on the diagonal
/// @param community  (n) from 0 to n - 1
/// @return           0 without an edge
/// @throws ShapeError if sizes do not fit; ConfigError if the graph is not as said
template <class = void>
double modularity(const CsrMatrix<double>& graph, std::span<const int32_t> community,
                  double resolution = 1) {
  detail::check_graph("modularity", graph);
  check_size_match("modularity", "nodes", graph.rows, "size of community", community.size());
  for (const int32_t c : community) check_index("modularity", "community", c, graph.rows);
  std::vector<double> strength(graph.rows, 0.0);
  double total = 0, within = 0;
  for (size_t v = 0; v < graph.rows; ++v) {
    const auto others = graph.row_indices(v);
    const auto weights = graph.row_values(v);
    for (size_t e = 0; e < others.size(); ++e) {
      strength[size_t(community[v])] += weights[e];
      total += weights[e];
      if (community[v] == community[size_t(others[e])]) within += weights[e];
    }
  }
  if (!(total > 0)) return 0;
  double expected = 0;
  for (const double k : strength) expected += k * k;
  return (within - resolution * expected / total) / total;
}

VCELL_END_NAMESPACE
