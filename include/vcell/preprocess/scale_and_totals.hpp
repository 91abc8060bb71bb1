#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/preprocess/normalize_total.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Whether all values are whole numbers from 0.
/// @param fractional  they may have fractions
template <class T>
bool are_counts(std::span<const T> values, bool fractional) {
  uint32_t wrong = 0;  // no bool, which compilers take one by one
  if (fractional)
    for (const T x : values) wrong |= uint32_t(!((x >= 0) & (x <= std::numeric_limits<T>::max())));
  else
    for (const T x : values) wrong |= uint32_t(is_no_count(x));
  return !wrong;
}

/// declared_scale, and of counts the total of every cell, in one pass over X.
/// @tparam T      that values are read as
/// @param totals  (cells) gets the totals of counts, none of log1p
/// @param more    accumulators (see accumulate) that are handed the same blocks
/// @throws ConfigError as declared_scale, after the pass
template <class T, class S, class... More>
DeclaredScale scale_and_totals(const AnnData& adata, const S& X, std::optional<Scale> given,
                               std::vector<double>& totals, More&... more) {
  const bool is_log1p = given ? *given == Scale::log1p : says_log1p("declared_scale", adata);
  const bool fractional = says_fractional_counts(adata);
  std::atomic<bool> wrong{false}, any{false}, fractions{false};
  auto of_cells = per_cell<double>(X.rows(), [&](std::span<const T> values) {
    if (!is_log1p) {
      if (!are_counts(values, fractional)) wrong = true;
      return total_of(values);
    }
    uint32_t outside = 0, other = 0, broken = 0;
    for (const T x : values) {
      outside |= uint32_t(!((x >= 0) & (x <= highest_log1p)));
      other |= uint32_t(x != T(0));
      broken |= uint32_t(x != std::trunc(x));
    }
    if (outside) wrong = true;
    if (other) any = true;
    if (broken) fractions = true;
    return 0.0;
  });
  accumulate<T>(X, of_cells, more...);
  if (wrong || (is_log1p && any && !fractions)) {
    declared_scale(adata, X, given);  // which says where
    throw Error("declared_scale: X changed while it was read");
  }
  totals.clear();
  if (!is_log1p) totals = std::move(of_cells).of_cells();
  return {is_log1p ? Scale::log1p : Scale::counts,
          !is_log1p && !given && !find(adata.uns, "vcell/scale")};
}

}  // namespace detail
VCELL_END_NAMESPACE
