#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// How many elements each pair of clusters shares, and how many each cluster has.
struct Contingency {
  std::map<std::pair<int32_t, int32_t>, size_t> shared;
  std::map<int32_t, size_t> a, b;

  template <class = void>
  Contingency(std::span<const int32_t> labels_a, std::span<const int32_t> labels_b) {
    for (size_t i = 0; i < labels_a.size(); ++i) {
      ++shared[{labels_a[i], labels_b[i]}];
      ++a[labels_a[i]];
      ++b[labels_b[i]];
    }
  }
};

/// -sum p log p of the shares that clusters have, in nats.
template <class = void>
double entropy_of(const std::map<int32_t, size_t>& clusters, double n) {
  double out = 0;
  for (const auto& [label, size] : clusters) out -= double(size) / n * std::log(double(size) / n);
  return out;
}

/// The mean of the mutual information over all pairs of partitions with these sizes of clusters,
/// every permutation of the n elements being as likely: the number that two clusters share is then
/// hypergeometric.
template <class = void>
double expected_mutual_information(const std::vector<size_t>& a, const std::vector<size_t>& b,
                                   size_t n) {
  std::vector<double> log_factorial(n + 1, 0.0);
  for (size_t i = 2; i <= n; ++i) log_factorial[i] = log_factorial[i - 1] + std::log(double(i));
  double out = 0;
  for (const size_t x : a)
    for (const size_t y : b) {
      const double fixed = log_factorial[x] + log_factorial[y] + log_factorial[n - x] +
                           log_factorial[n - y] - log_factorial[n];
      for (size_t k = x + y > n ? x + y - n : 1; k <= std::min(x, y); ++k) {
        const double log_chance = fixed - log_factorial[k] - log_factorial[x - k] -
                                  log_factorial[y - k] - log_factorial[n + k - x - y];
        out += double(k) / double(n) * std::log(double(n) * double(k) / (double(x) * double(y))) *
               std::exp(log_chance);
      }
    }
  return out;
}

}  // namespace detail

/// The mutual information of two partitions of the same elements, adjusted for chance:
///
///   (I - E) / ((H(a) + H(b)) / 2 - E)
///
/// with I the mutual information, E its mean over random partitions with clusters of the same sizes
/// (exactly, by the hypergeometric model) and H the entropies: Vinh, Epps & Bailey (2010), J. Mach.
/// Learn. Res. 11, with the arithmetic mean. 1: the same partition up to names; about 0: no more
/// alike than by chance; below 0 is possible.
///
/// @param a, b  the cluster of each element
/// @return      of equal partitions 1, also without an element; of two others of which one is a
///              single cluster, or every element one of its own, 0
/// @throws ShapeError if the sizes differ
/// Time of the sum over pairs of clusters of the smaller one's size.
template <class = void>
double adjusted_mutual_information(std::span<const int32_t> a, std::span<const int32_t> b) {
  check_size_match("adjusted_mutual_information", "size of a", a.size(), "size of b", b.size());
  const detail::Contingency table(a, b);
  if (table.shared.size() == table.a.size() && table.shared.size() == table.b.size()) return 1;
  const double n = double(a.size());
  // Nothing is told by these, so chance explains all of I, whatever is left by rounding.
  for (const auto* side : {&table.a, &table.b})
    if (side->size() == 1 || side->size() == a.size()) return 0;
  double mutual = 0;
  for (const auto& [labels, size] : table.shared) {
    const double expected = double(table.a.at(labels.first)) * double(table.b.at(labels.second));
    mutual += double(size) / n * std::log(n * double(size) / expected);
  }
  std::vector<size_t> sizes_a, sizes_b;
  for (const auto& [label, size] : table.a) sizes_a.push_back(size);
  for (const auto& [label, size] : table.b) sizes_b.push_back(size);
  const double by_chance = detail::expected_mutual_information(sizes_a, sizes_b, a.size());
  const double most = (detail::entropy_of(table.a, n) + detail::entropy_of(table.b, n)) / 2;
  return (mutual - by_chance) / (most - by_chance);
}

VCELL_END_NAMESPACE
