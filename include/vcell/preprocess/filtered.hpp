#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE

/// Which cells or genes a threshold keeps.
struct Filtered {
  std::vector<uint8_t> keep;    ///< 1 where it stays, one per cell or gene of the input
  std::vector<double> numbers;  ///< what was compared with the threshold

  /// The places of those that stay, ascending.
  template <class = void>
  std::vector<size_t> kept() const {
    std::vector<size_t> out;
    for (size_t i = 0; i < keep.size(); ++i)
      if (keep[i]) out.push_back(i);
    return out;
  }
  size_t dropped() const { return keep.size() - kept().size(); }
};

namespace detail {

/// The one threshold that was given.
struct Threshold {
  bool counts = false;  ///< of counts, else of a number of genes or cells
  bool upper = false;   ///< the most that is kept, else the least
  double value = 0;
};

/// @param name  of what is counted beside counts: "genes" or "cells"
template <class = void>
Threshold threshold_of(const char* function, std::string_view name,
                       const std::optional<double>& min_counts,
                       const std::optional<double>& min_number,
                       const std::optional<double>& max_counts,
                       const std::optional<double>& max_number) {
  const int given = min_counts.has_value() + min_number.has_value() + max_counts.has_value() +
                    max_number.has_value();
  if (given != 1)
    throw ConfigError(message(function, ": ", given, " thresholds given, expected exactly one of ",
                              "min_counts, min_", name, ", max_counts, max_", name,
                              "; call it once for each"));
  const Threshold t = min_counts   ? Threshold{true, false, *min_counts}
                      : min_number ? Threshold{false, false, *min_number}
                      : max_counts ? Threshold{true, true, *max_counts}
                                   : Threshold{false, true, *max_number};
  if (!(t.value >= 0))
    throw ConfigError(message(function, ": the threshold is ", t.value, ", expected 0 or more"));
  return t;
}

template <class = void>
Filtered judge(const Threshold& t, std::vector<double> numbers) {
  Filtered out{std::vector<uint8_t>(numbers.size()), std::move(numbers)};
  for (size_t i = 0; i < out.keep.size(); ++i)
    out.keep[i] = t.upper ? out.numbers[i] <= t.value : out.numbers[i] >= t.value;
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
