#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "vcell/core/rng.hpp"
#include "vcell/eval/evaluation_side.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Half of some rows, in their order: of an odd number n, (n - 1) / 2 or (n + 1) / 2 with equal
/// probability, but one at least.
template <class = void>
std::vector<size_t> half_of(std::vector<size_t> rows, Rng& rng) {
  const size_t n = rows.size();
  size_t half = n / 2;
  if (n % 2 && rng.below(2)) ++half;
  half = std::max<size_t>(half, std::min<size_t>(n, 1));
  for (size_t i = 0; i < half; ++i) std::swap(rows[i], rows[i + size_t(rng.below(n - i))]);
  rows.resize(half);
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace detail

/// A side with half of its cells: of each perturbation and of the control, drawn without
/// replacement. A mean of n / 2 of n cells deviates from the mean of all n as that deviates from
/// the mean of all cells there could be: both have the variance s^2 / n. So what is measured of
/// many half-samples varies as much as what is measured of all cells is uncertain; drawing with
/// replacement instead adds ties and, in distances between cells, pairs of a cell with itself
/// (Politis & Romano, Ann. Statist. 22:2031, 1994).
/// @param options  as those that the side was measured by
/// @param rng      what it draws depends on the sizes of the side alone
/// @throws Stopped
template <class = void>
EvaluationSide half_sample(const EvaluationSide& side, const EvaluationSideOptions& options,
                           Rng& rng) {
  ExpressionGroups groups;
  groups.targets = side.perturbations();
  for (const auto& rows : side.rows) groups.rows.push_back(detail::half_of(rows, rng));
  groups.reference = detail::half_of(side.control_rows, rng);
  return detail::side_of({side.cells, side.genes(), side.embedding}, std::move(groups),
                         side.context, options);
}

VCELL_END_NAMESPACE
