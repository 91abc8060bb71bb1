#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/score_table.hpp"

VCELL_BEGIN_NAMESPACE

/// What a Summary holds, in this order: the rows of agg_results.csv.
inline constexpr std::array<std::string_view, 9> summary_statistics = {
    "count", "null_count", "mean", "std", "min", "25%", "50%", "75%", "max"};

/// A score over perturbations, beside summary_statistics.
using Summary = std::array<Score, summary_statistics.size()>;

/// The place of the mean in a Summary.
inline constexpr size_t summary_mean = 2;

namespace detail {

/// Numbers ascending, NaN after them.
inline bool number_before(double a, double b) { return a < b || (!std::isnan(a) && std::isnan(b)); }

}  // namespace detail

/// Summarises the scores that are not null. NaN is counted, makes mean and std NaN, is passed over
/// by min and max, and comes last in the order of the quantiles; a quantile q is the value at place
/// floor(q (n - 1) + 1/2) of that order. std has n - 1 below and is null for one score; without any
/// score all but the counts are null.
template <class = void>
Summary summarise(const std::vector<Score>& scores) {
  std::vector<double> values;
  for (const Score& s : scores)
    if (s) values.push_back(*s);
  Summary out;
  out[0] = double(values.size());
  out[1] = double(scores.size() - values.size());
  if (values.empty()) return out;
  std::sort(values.begin(), values.end(), detail::number_before);

  double sum = 0, squares = 0;
  for (double v : values) sum += v;
  const double n = double(values.size()), mean = sum / n;
  for (double v : values) squares += (v - mean) * (v - mean);
  out[summary_mean] = mean;
  if (values.size() > 1) out[3] = std::sqrt(squares / (n - 1));
  out[4] = values.front();
  const auto last = std::find_if(values.rbegin(), values.rend(), [](double v) { return v == v; });
  out[8] = last == values.rend() ? values.front() : *last;
  for (size_t i = 0; i < 3; ++i)
    out[5 + i] = values[size_t(std::floor(0.25 * double(i + 1) * (n - 1) + 0.5))];
  return out;
}

/// The mean of each statistic over several summaries, of those that are not null; NaN makes it NaN.
template <class = void>
Summary mean_of(const std::vector<Summary>& summaries) {
  Summary out;
  for (size_t statistic = 0; statistic < out.size(); ++statistic) {
    double sum = 0;
    size_t n = 0;
    for (const Summary& s : summaries)
      if (s[statistic]) sum += *s[statistic], ++n;
    if (n) out[statistic] = sum / double(n);
  }
  return out;
}

VCELL_END_NAMESPACE
