#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/numpy_random.hpp"
#include "vcell/eval/evaluate.hpp"

VCELL_BEGIN_NAMESPACE

/// Two disjoint random halves of the cells of each label, the reference too.
struct CellHalves {
  ExpressionGroups real, predicted;
};

/// Splits the cells of each label in two halves of floor(n / 2), as cell-eval does: of the labels
/// in the order of their names, the reference among them, the cells are permuted by numpy's
/// default_rng(seed); the first half is the real one, the next the predicted one. An odd cell is
/// left out, and a label with fewer than 2 cells.
/// @param reference  the label of groups.reference
/// @throws ConfigError if fewer than 2 cells are of the reference, or no other label has 2
template <class = void>
CellHalves split_in_halves(const ExpressionGroups& groups, const std::string& reference,
                           uint64_t seed) {
  NumpyRandom random(seed);
  CellHalves out;
  const auto split = [&](const std::vector<size_t>& rows) {
    std::vector<size_t> order;
    for (const size_t place : random.permutation(rows.size())) order.push_back(rows[place]);
    const auto middle = order.begin() + std::ptrdiff_t(rows.size() / 2),
               end = middle + std::ptrdiff_t(rows.size() / 2);
    return std::pair(std::vector<size_t>(order.begin(), middle), std::vector<size_t>(middle, end));
  };
  const auto split_reference = [&] {
    if (groups.reference.size() < 2)
      throw ConfigError(message("split_in_halves: ", groups.reference.size(),
                                " cells are labelled ", quoted(reference),
                                ", the control, and each half needs one"));
    std::tie(out.real.reference, out.predicted.reference) = split(groups.reference);
  };
  bool is_split = false;
  for (size_t t = 0; t < groups.targets.size(); ++t) {
    if (!is_split && reference < groups.targets[t]) {
      split_reference();
      is_split = true;
    }
    if (groups.rows[t].size() < 2) continue;
    auto [real, predicted] = split(groups.rows[t]);
    out.real.targets.push_back(groups.targets[t]);
    out.predicted.targets.push_back(groups.targets[t]);
    out.real.rows.push_back(std::move(real));
    out.predicted.rows.push_back(std::move(predicted));
  }
  if (!is_split) split_reference();
  if (out.real.targets.empty())
    throw ConfigError("split_in_halves: no perturbation has 2 cells, and each half needs one");
  return out;
}

/// How well the real cells of one context predict themselves.
struct ContextCeiling {
  std::string context;           ///< empty when the cells are not divided
  ScoreTable scores;             ///< one half against the other, a row per perturbation
  std::vector<double> ceilings;  ///< beside the columns: see evaluation_ceilings
};

/// The scores that a prediction as good as a repetition of the experiment would have: one random
/// half of the real cells is evaluated against the other (split_in_halves), each against its own
/// control. A mean score r of halves becomes that of as many cells as there are by the formula of
/// Spearman and Brown, 2 r / (1 + r), where r > 0 and the metric is one of reliability
/// (Metric::is_reliability); else the ceiling is NaN. The seed is of each context.
/// @param real     as evaluation_sides has them; their tables are not read
/// @param options  as those of evaluate()
/// @throws ConfigError as split_in_halves and evaluate; Stopped
template <class = void>
std::vector<ContextCeiling> evaluation_ceilings(const std::vector<EvaluationSide>& real,
                                                const EvaluationOptions& options, uint64_t seed) {
  const auto metrics = options.metrics.empty() ? metrics_of("vcell") : options.metrics;
  std::vector<ContextCeiling> out;
  for (const EvaluationSide& side : real) {
    auto halves = split_in_halves({side.perturbations(), side.rows, side.control_rows},
                                  options.control, seed);
    const auto measured = [&](ExpressionGroups& groups) {
      return detail::side_of(detail::cells_of(side), std::move(groups), side.context,
                             side_options(options));
    };
    const auto first = measured(halves.real);
    ContextCeiling ceiling{
        side.context, evaluate(first, measured(halves.predicted), options).scores, {}};
    const auto summaries = summarise(ceiling.scores);
    for (size_t m = 0; m < metrics.size(); ++m) {
      const Score r = summaries[m][summary_mean];
      ceiling.ceilings.push_back(metrics[m].is_reliability && r && *r > 0
                                     ? 2 * *r / (1 + *r)
                                     : std::numeric_limits<double>::quiet_NaN());
    }
    out.push_back(std::move(ceiling));
  }
  return out;
}

/// Whether every side can be halved as evaluation_ceilings does: two cells of the control, and of a
/// perturbation.
template <class = void>
bool has_halves(const std::vector<EvaluationSide>& sides) {
  return std::all_of(sides.begin(), sides.end(), [](const EvaluationSide& side) {
    return side.control_rows.size() > 1 &&
           std::any_of(side.rows.begin(), side.rows.end(),
                       [](const auto& rows) { return rows.size() > 1; });
  });
}

/// The ceiling of each metric, by name: the mean over the contexts that have one; only those that
/// any has.
template <class = void>
std::vector<std::pair<std::string, double>> mean_ceilings(
    const std::vector<ContextCeiling>& contexts) {
  std::vector<std::pair<std::string, double>> out;
  if (contexts.empty()) return out;
  const auto& columns = contexts[0].scores.columns;
  for (size_t m = 0; m < columns.size(); ++m) {
    double sum = 0, n = 0;
    for (const ContextCeiling& c : contexts)
      if (std::isfinite(c.ceilings[m])) sum += c.ceilings[m], ++n;
    if (n) out.emplace_back(columns[m].name, sum / n);
  }
  return out;
}

VCELL_INSTANTIATE(pipeline,
                  std::vector<ContextCeiling> evaluation_ceilings<void>(
                      const std::vector<EvaluationSide>&, const EvaluationOptions&, uint64_t));

VCELL_END_NAMESPACE
