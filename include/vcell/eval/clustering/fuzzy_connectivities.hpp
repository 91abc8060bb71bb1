#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/eval/clustering/nearest_neighbours.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What a point's distances are measured in: from rho on, in units of sigma.
struct LocalScale {
  double rho, sigma;
};

/// rho is the distance to the nearest other point that is not the same, 0 where all are; sigma
/// solves
///
///   sum_j exp(-max(0, d_j - rho) / sigma) = log2(k)
///
/// by bisection, to 1e-5 or in 64 steps, and is at least 1/1000 of the mean of the k distances.
/// @param distances  to the k - 1 others, ascending
/// @param floor      1/1000 of the mean distance of all points, for a point with rho 0
template <class = void>
LocalScale local_scale(std::span<const double> distances, double floor) {
  const size_t k = distances.size() + 1;
  double sum = 0;
  for (const double d : distances) sum += d;
  const auto nearest =
      std::find_if(distances.begin(), distances.end(), [](double d) { return d > 0; });
  LocalScale out{nearest == distances.end() ? 0 : *nearest, 1};
  const double target = std::log2(double(k));
  double low = 0, high = std::numeric_limits<double>::infinity();
  for (int step = 0; step < 64; ++step) {
    double members = 0;
    for (const double d : distances)
      members += d > out.rho ? std::exp(-(d - out.rho) / out.sigma) : 1;
    if (std::abs(members - target) < 1e-5) break;
    (members > target ? high : low) = out.sigma;
    out.sigma = std::isinf(high) ? 2 * out.sigma : (low + high) / 2;
  }
  out.sigma = std::max(out.sigma, out.rho > 0 ? 1e-3 * sum / double(k) : floor);
  return out;
}

}  // namespace detail

/// How strongly points are connected: UMAP's fuzzy simplicial set of a graph of nearest neighbours,
/// with local connectivity 1. A point i belongs to its neighbour j by exp(-max(0, d_ij - rho_i) /
/// sigma_i), with rho_i and sigma_i of its own (McInnes, Healy & Melville 2018, arXiv:1802.03426,
/// algorithms 2 and 3), and both directions a and b are united to a + b - a b.
///
/// @param neighbours  k - 1 of every point: k in the formulas counts the point itself
/// @return            (n, n) symmetric, above 0 to 1, nothing on the diagonal
/// O(n k log k) beside the bisection; memory of the result.
template <class = void>
CsrMatrix<double> fuzzy_connectivities(const NearestNeighbours& neighbours) {
  const size_t n = neighbours.index.shape(0), others = neighbours.index.shape(1);
  double sum = 0;
  for (const double d : neighbours.distance.values()) sum += d;
  const double floor = n ? 1e-3 * sum / (double(n) * double(others + 1)) : 0;

  // Both directions of an edge: a row's own memberships, then those of others in it.
  struct Entry {
    int32_t column;
    double from, to;
  };
  std::vector<std::vector<Entry>> rows(n);
  for (size_t i = 0; i < n; ++i) {
    const std::span<const double> distances(neighbours.distance[i].data, others);
    const auto [rho, sigma] = detail::local_scale(distances, floor);
    for (size_t j = 0; j < others; ++j) {
      const double member = distances[j] > rho ? std::exp(-(distances[j] - rho) / sigma) : 1;
      const auto other = size_t(neighbours.index(i, j));
      rows[i].push_back({int32_t(other), member, 0});
      rows[other].push_back({int32_t(i), 0, member});
    }
  }
  CsrMatrix<double> out;
  out.columns = n;
  for (auto& row : rows) {
    std::sort(row.begin(), row.end(), [](const Entry& a, const Entry& b) {
      return a.column != b.column ? a.column < b.column : a.from > b.from;
    });
    for (size_t e = 0; e < row.size(); ++e) {
      Entry edge = row[e];
      if (e + 1 < row.size() && row[e + 1].column == edge.column) {
        edge.from += row[e + 1].from;  // one of the two is 0
        edge.to += row[++e].to;
      }
      // The smaller one first: the same bytes in both triangles.
      const auto [a, b] = std::minmax(edge.from, edge.to);
      const double united = a + b - a * b;
      if (!(united > 0)) continue;  // of a point that is too far to be told from 0
      out.indices.push_back(edge.column);
      out.values.push_back(united);
    }
    out.end_row();
  }
  return out;
}

VCELL_END_NAMESPACE
