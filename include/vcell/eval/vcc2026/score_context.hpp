#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/eval/cell_totals.hpp"
#include "vcell/eval/vcc2026/compare_sides.hpp"
#include "vcell/eval/vcc2026/count_cells.hpp"
#include "vcell/eval/vcc2026/scaled_score.hpp"
#include "vcell/eval/vcc2026/split_halves.hpp"
#include "vcell/models/mean_response_cells.hpp"
#include "vcell/sets/own_columns.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

struct ScoreOptions {
  std::string control = "non-targeting";  ///< the label of unperturbed cells
  double alpha = 0.05;                    ///< of false discovery rates
  size_t splits = 5;             ///< replicates, each a half of the cells against the other
  uint64_t seed = 0;             ///< of the splits' seeds and of the baseline's cells
  ExpressionMemory memory = {};  ///< of tables of differential expression
  Progress progress = {};        ///< watches, and may stop
};

/// Values of the six metrics, beside scored_metrics.
using ScoredValues = std::array<double, n_scored>;

/// A prediction's score in one context, and all that it is held against.
struct ContextScore {
  std::string context;  ///< what tables call it
  Comparison prediction, baseline;
  MeanResponseCells response;      ///< how the baseline's cells are made; without them
  std::vector<uint32_t> seeds;     ///< (splits)
  std::vector<Comparison> halves;  ///< (splits) the first half as real, the second as predicted
  ScoredValues replicate{};        ///< the mean of the halves' aggregates
  ScoredValues from_replicate{};   ///< the contest's score: 0 the baseline, 1 the replicate
  ScoredValues from_baseline{};    ///< 0 the baseline, 1 perfect
  ScoredValues from_random{};      ///< on the scale "low-random_high-1_v10"
  double score = 0;                ///< the mean of from_replicate
};

namespace detail {

template <class = void>
double mean_value(const ScoredValues& values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return sum / double(n_scored);
}

/// The groups of cells that may have no control of their own: the rows of the targets alone.
template <class = void>
ExpressionGroups target_groups(const Factor& labels, const std::string& control) {
  ExpressionGroups out;
  std::vector<std::vector<size_t>> rows(labels.names.size());
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels.codes[i] >= 0) rows[size_t(labels.codes[i])].push_back(i);
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].empty() || labels.names[i] == control) continue;
    out.targets.push_back(labels.names[i]);
    out.rows.push_back(std::move(rows[i]));
  }
  return out;
}

/// The predicted cells with their columns in the order of the real genes, and the real control
/// cells behind them, against which they are held; control cells of their own take no part.
template <class = void>
CountSide predicted_side(CountCells predicted, const CsrMatrix<float>& real,
                         std::span<const size_t> control, const std::vector<std::string>& genes,
                         const std::string& control_name, const CountSideOptions& options) {
  if (predicted.genes != genes) {
    const NamePlaces places(predicted.genes);
    std::vector<size_t> columns;
    for (const std::string& gene : genes) columns.push_back(*places.find(gene));
    predicted.X = select_columns(predicted.X, columns);
  }
  auto groups = target_groups(predicted.perturbation, control_name);
  auto X = std::move(predicted.X);
  for (size_t i = 0; i < control.size(); ++i) {
    groups.reference.push_back(X.rows);
    X.append(real.view(control[i], control[i] + 1));
  }
  const auto all = std::make_shared<const CsrMatrix<float>>(std::move(X));
  const auto totals = cell_totals(all->view());
  return count_side(all, genes, std::move(groups), totals, options);
}

/// What is wanted of things beside the targets, for some of the targets.
template <class T>
std::vector<T> of_targets(const std::vector<T>& values, const std::vector<std::string>& targets,
                          const std::vector<std::string>& chosen) {
  const NamePlaces places(targets);
  std::vector<T> out;
  for (const std::string& name : chosen) out.push_back(values[*places.find(name)]);
  return out;
}

}  // namespace detail

/// Scores a prediction of one context by the rules of the Virtual Cell Challenge of 2026, as
/// cell-eval2's preset vcc2026 does: every effect against the real control cells; 0 is what the
/// mean-response baseline gets, 1 what one half of the real cells gets as a prediction of the
/// other.
/// @param real, predicted  by value: move them in where they are not needed any more
/// @throws ShapeError, ConfigError as check_count_cells and check_same_names; if there is no
///         perturbation, fewer than two control cells, or the replicate is no better than the
///         baseline; Stopped
template <class = void>
ContextScore score_context(CountCells real, CountCells predicted,
                           const ScoreOptions& options = {}) {
  check_positive("vcc2026", "splits", options.splits);
  check_count_cells(real, "real", options.progress);
  check_count_cells(predicted, "predicted", options.progress);
  check_same_names(real, predicted, options.control);
  const std::vector<std::string> genes = std::move(real.genes);
  const auto groups =
      expression_groups(real.perturbation, options.control, vcell::detail::places(real.X.rows));
  if (groups.targets.empty())
    throw ConfigError(message("vcc2026: all cells are labelled ", quoted(options.control),
                              ", the control; there is nothing to score"));
  const auto own = own_columns(groups.targets, genes);
  const auto X = std::make_shared<const CsrMatrix<float>>(std::move(real.X));
  const auto totals = cell_totals(X->view());
  const CountSideOptions measured{options.memory, options.progress};
  const ComparisonOptions compared{options.alpha, nullptr, options.progress};

  ContextScore out;
  {
    const CountSide observed = count_side(X, genes, groups, totals, measured);
    out.prediction =
        compare_sides(observed,
                      detail::predicted_side(std::move(predicted), *X, groups.reference, genes,
                                             options.control, measured),
                      own, compared);
    const Factor& labels = real.perturbation;
    out.response = mean_response_cells(
        X->view(), labels, labels.code(options.control), own_columns(labels.names, genes),
        vcell::detail::places(X->rows), options.seed, options.progress);
    CountCells made;
    made.X = out.response.counts;
    made.genes = genes;
    made.perturbation.names = labels.names;
    for (const size_t row : out.response.cells)
      made.perturbation.codes.push_back(labels.codes[row]);
    out.baseline = compare_sides(observed,
                                 detail::predicted_side(std::move(made), *X, groups.reference,
                                                        genes, options.control, measured),
                                 own, compared);
    out.response.counts = {};
  }

  out.seeds = numpy_seed_states(options.seed, options.splits);
  ScoredValues counted{};  // splits that have a value
  for (const uint32_t seed : out.seeds) {
    auto [a, b] = split_halves(groups, options.control, seed);
    const auto own_here = detail::of_targets(own, groups.targets, a.targets);
    const auto changed = detail::of_targets(out.prediction.changed, groups.targets, a.targets);
    const CountSide first = count_side(X, genes, std::move(a), totals, measured),
                    second = count_side(X, genes, std::move(b), totals, measured);
    out.halves.push_back(
        compare_sides(first, second, own_here, {options.alpha, &changed, options.progress}));
    for (size_t m = 0; m < n_scored; ++m)
      if (const double value = out.halves.back().aggregates[m]; !std::isnan(value)) {
        out.replicate[m] += value;
        counted[m] += 1;
      }
  }
  for (size_t m = 0; m < n_scored; ++m) {
    out.replicate[m] /= counted[m];
    const ScoredMetric& metric = scored_metrics[m];
    const double value = out.prediction.aggregates[m], base = out.baseline.aggregates[m];
    out.from_replicate[m] = score_from_replicate(metric, value, base, out.replicate[m]);
    out.from_baseline[m] = score_from_baseline(metric, value, base);
    out.from_random[m] = score_from_random(metric, value);
  }
  out.score = detail::mean_value(out.from_replicate);
  return out;
}

VCELL_INSTANTIATE(pipeline,
                  ContextScore score_context<void>(CountCells, CountCells, const ScoreOptions&));

}  // namespace vcc2026
VCELL_END_NAMESPACE
