#pragma once

#include <algorithm>

#include "vcell/core/cmath.hpp"
#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/eval/vcc2026/scored_metrics.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

/// (value - base) / (top - base), between low and high. A value that is NaN counts as the lowest
/// score of an error, and as 0 of any other metric.
/// @param base  what scores 0
/// @param top   what scores 1
template <class = void>
double scaled_score(const ScoredMetric& metric, double value, double base, double top, double low,
                    double high) {
  if (std::isnan(value)) {
    if (metric.is_error()) return low;
    value = 0;
  }
  return std::clamp((value - base) / (top - base), low, high);
}

/// The contest's score of a metric: 0 is the mean-response baseline, 1 the replicate.
/// @throws ConfigError if the replicate is no better than the baseline
template <class = void>
double score_from_replicate(const ScoredMetric& metric, double value, double baseline,
                            double replicate) {
  const double better = metric.is_error() ? baseline - replicate : replicate - baseline;
  if (!(better > 0))
    throw ConfigError(message("vcc2026: ", metric.name, " of the replicate is ", replicate,
                              ", no better than the baseline's ", baseline,
                              "; the real cells are too few to score by, or differ too little"));
  return scaled_score(metric, value, baseline, replicate, metric.low, metric.high);
}

/// The same with the best possible value in the replicate's place.
template <class = void>
double score_from_baseline(const ScoredMetric& metric, double value, double baseline) {
  return scaled_score(metric, value, baseline, metric.perfect, metric.low, metric.high);
}

/// The scale "low-random_high-1_v10", which no data go into: 0 is a random prediction, 1 the best
/// possible value.
template <class = void>
double score_from_random(const ScoredMetric& metric, double value) {
  return scaled_score(metric, value, metric.random, metric.perfect, metric.random_low,
                      metric.random_high);
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
