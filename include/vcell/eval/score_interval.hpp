#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// Which mean scores get intervals.
enum class IntervalScope {
  none,
  means,  ///< of metrics that read means alone (Metric::is_of_means)
  all     ///< of all; tables and distances between cells are measured again for every sample
};

constexpr std::array<std::string_view, 3> choices(IntervalScope) {
  return {"none", "means", "all"};
}

/// How far a mean score may be from that of all cells there could be.
struct ScoreInterval {
  double sd = 0;             ///< standard deviation over half-samples
  double low = 0, high = 0;  ///< the score -+ 1.96 sd, within the range of the metric
};

/// The intervals of the mean scores of one context, or over contexts.
struct ContextIntervals {
  std::string context;                                  ///< empty of the mean over contexts
  std::vector<std::optional<ScoreInterval>> intervals;  ///< beside ScoreIntervals::metrics
};

/// The intervals of mean scores over perturbations, beside those of summarise().
struct ScoreIntervals {
  std::vector<std::string> metrics;
  std::vector<ContextIntervals> contexts;  ///< beside the evaluation's
  ContextIntervals overall;                ///< of the mean over contexts
};

VCELL_END_NAMESPACE
