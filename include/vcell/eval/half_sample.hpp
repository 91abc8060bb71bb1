#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/rng.hpp"
#include "vcell/eval/evaluation_side.hpp"
#include "vcell/eval/sample_means.hpp"

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

/// Which cells a half-sample of a side has.
struct HalfRows {
  SetRows rows;  // (targets)
  std::vector<size_t> control_rows;
};

/// @param rng  what it draws depends on the sizes of the side alone
template <class = void>
HalfRows half_rows(const EvaluationSide& side, Rng& rng) {
  HalfRows out;
  for (const auto& rows : side.rows) out.rows.push_back(half_of(rows, rng));
  out.control_rows = half_of(side.control_rows, rng);
  return out;
}

/// Half-samples of a side, but for `expression`, which is that of the whole side: half_expression
/// measures theirs.
/// @param halves  at most samples_at_once
/// @throws ShapeError if the side has some of its genes alone (select_genes)
template <class = void>
std::vector<EvaluationSide> half_samples(const EvaluationSide& side,
                                         const std::vector<HalfRows>& halves) {
  const size_t genes = side.genes().size();
  check_size_match("half_sample", "columns of X", side.cells->columns, "genes", genes);
  std::vector<EvaluationSide> out(halves.size());
  std::vector<SetRows> rows, control_rows;
  for (size_t k = 0; k < halves.size(); ++k) {
    rows.push_back(halves[k].rows);
    control_rows.push_back({halves[k].control_rows});
    out[k].context = side.context;
    out[k].expression = side.expression;
    out[k].scale = side.scale;
    out[k].cells = side.cells;
    out[k].rows = halves[k].rows;
    out[k].control_rows = halves[k].control_rows;
    out[k].control = Tensor<double, 1>({genes});
    out[k].mean = Tensor<float, 2>({side.rows.size(), genes});
    out[k].shift = Tensor<float, 2>({side.rows.size(), genes});
    out[k].embedding = side.embedding;
    if (side.embedding)
      out[k].embedding_shift = embedding_shift(*side.embedding, out[k].rows, out[k].control_rows);
  }
  const auto ascending = [](SetRows sets) {
    for (auto& set : sets) std::sort(set.begin(), set.end());
    return sets;
  };
  for_each_sample_mean(side.cells->view(), ascending({side.control_rows}), control_rows,
                       [&](size_t k, size_t, size_t first, std::span<const double> mean) {
                         std::copy(mean.begin(), mean.end(), out[k].control.data() + first);
                       });
  for_each_sample_mean(side.cells->view(), ascending(side.rows), rows,
                       [&](size_t k, size_t t, size_t first, std::span<const double> mean) {
                         for (size_t g = 0; g < mean.size(); ++g) {
                           out[k].mean(t, first + g) = float(mean[g]);
                           out[k].shift(t, first + g) = float(mean[g] - out[k].control(first + g));
                         }
                       });
  return out;
}

/// The table of a half-sample. Its cells are those of a side that was measured, so their values are
/// not checked again.
/// @throws ConfigError if its groups are too small for the test of the options; Stopped
template <class = void>
ExpressionTable half_expression(const EvaluationSide& half, const EvaluationSideOptions& options) {
  ExpressionGroups groups{half.perturbations(), half.rows, half.control_rows};
  return measured_expression_of_checked(half.cells, half.genes(), std::move(groups),
                                        tested(options, half.scale), options.memory);
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
/// @throws ShapeError if the side has some of its genes alone (select_genes)
/// @throws ConfigError if halves are too small for the test of the options; Stopped
template <class = void>
EvaluationSide half_sample(const EvaluationSide& side, const EvaluationSideOptions& options,
                           Rng& rng) {
  const std::vector<detail::HalfRows> halves = {detail::half_rows(side, rng)};
  EvaluationSide out = std::move(detail::half_samples(side, halves)[0]);
  out.expression = detail::half_expression(out, options);
  return out;
}

VCELL_END_NAMESPACE
