#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE

/// How well scores tell the positives of a list from the negatives; NaN unless both are there.
struct RankingAreas {
  /// Average precision, sum over distinct scores, largest first, of
  /// (recall - recall before) * precision.
  double precision_recall = std::numeric_limits<double>::quiet_NaN();
  /// Area under the ROC curve by trapezoids: the probability that a positive has a larger score
  /// than a negative, equal ones counting by half.
  double roc = std::numeric_limits<double>::quiet_NaN();
};

/// Both areas of a list of labels and scores. O(n log n).
/// @param labels  1 for a positive, 0 for a negative
/// @param scores  beside the labels, larger for what is likelier positive; no NaN
/// @throws ShapeError if the sizes differ
template <class = void>
RankingAreas ranking_areas(std::span<const uint8_t> labels, std::span<const float> scores) {
  check_size_match("ranking_areas", "labels", labels.size(), "scores", scores.size());
  const size_t n = labels.size();
  const double positives = double(std::count(labels.begin(), labels.end(), uint8_t(1))),
               negatives = double(n) - positives;
  if (positives == 0 || negatives == 0) return {};
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  RankingAreas out{0, 0};
  double hits = 0, misses = 0;
  for (size_t first = 0, last = 0; first < n; first = last) {
    double new_hits = 0, new_misses = 0;
    for (; last < n && scores[order[last]] == scores[order[first]]; ++last)
      ++(labels[order[last]] ? new_hits : new_misses);
    out.roc += new_misses * (hits + new_hits / 2);
    hits += new_hits;
    misses += new_misses;
    out.precision_recall += new_hits / positives * (hits / (hits + misses));
  }
  out.roc /= positives * negatives;
  return out;
}

VCELL_END_NAMESPACE
