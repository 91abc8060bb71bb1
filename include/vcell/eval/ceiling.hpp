#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/eval/split_by_levels.hpp"

VCELL_BEGIN_NAMESPACE

/// How well the real cells of one context predict themselves.
struct ContextCeiling {
  std::string context;           ///< empty when the cells are not divided
  ScoreTable scores;             ///< one half against the other, a row per perturbation
  std::vector<double> ceilings;  ///< beside the columns: see evaluation_ceilings
};

namespace detail {

/// One part of the cells of a side against the other.
template <class = void>
ContextCeiling ceiling_of(const EvaluationSide& side, CellHalves halves,
                          const EvaluationOptions& options) {
  const auto metrics = options.metrics.empty() ? metrics_of("vcell") : options.metrics;
  const auto measured = [&](ExpressionGroups& groups) {
    return side_of(cells_of(side), std::move(groups), side.context, side_options(options));
  };
  const auto first = measured(halves.real);
  ContextCeiling out{side.context, evaluate(first, measured(halves.predicted), options).scores, {}};
  const auto summaries = summarise(out.scores);
  for (size_t m = 0; m < metrics.size(); ++m) {
    const Score r = summaries[m][summary_mean];
    out.ceilings.push_back(metrics[m].is_reliability && r && *r > 0
                               ? 2 * *r / (1 + *r)
                               : std::numeric_limits<double>::quiet_NaN());
  }
  return out;
}

template <class = void>
ExpressionGroups groups_of(const EvaluationSide& side) {
  return {side.perturbations(), side.rows, side.control_rows};
}

}  // namespace detail

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
  std::vector<ContextCeiling> out;
  for (const EvaluationSide& side : real)
    out.push_back(detail::ceiling_of(
        side, split_in_halves(detail::groups_of(side), options.control, seed), options));
  return out;
}

/// How well the real cells of some levels of a column, such as guides or batches, predict those of
/// the others.
struct LevelCeilings {
  std::string by;                             ///< the column
  std::vector<ContextCeiling> contexts = {};  ///< those that could be divided
  /// Of each of these contexts, where each of its levels is.
  std::vector<std::vector<DividedLevel>> levels = {};
  std::vector<std::string> warnings = {};  ///< what was left out, a sentence each
};

/// Ceilings as evaluation_ceilings has them, but whole levels of a column are in one half or the
/// other (split_by_levels): what differs between guides, or between batches, lowers them, so they
/// are those of a repetition with other guides, or in another batch. Perturbations whose cells are
/// all in one half are left out and named in the warnings, and so are contexts of which nothing is
/// left. The formula of Spearman and Brown is applied as if both parts were halves.
/// @param by      what messages call the column
/// @param levels  of each cell of the matrix that the sides share; -1: no level
/// @param seed    of the halves of a control that has one level alone
/// @throws ShapeError if there are levels of another number of cells; ConfigError as evaluate;
///         Stopped
template <class = void>
LevelCeilings level_ceilings(const std::vector<EvaluationSide>& real, const std::string& by,
                             const Factor& levels, const EvaluationOptions& options,
                             uint64_t seed) {
  LevelCeilings out{by};
  for (const EvaluationSide& side : real) {
    const auto warn = [&](const auto&... parts) {
      out.warnings.push_back(message(
          "Ceiling by ", quoted(by),
          side.context.empty() ? std::string() : " in " + quoted(side.context), ": ", parts...));
    };
    check_size_match("level_ceilings", "levels", levels.size(), "cells", side.cells->rows);
    auto split = split_by_levels(detail::groups_of(side), levels, seed);
    if (split.unlabelled) warn(split.unlabelled, " cells have no level and are left out");
    if (split.halves.real.reference.empty() || split.halves.real.targets.empty()) {
      warn(split.halves.real.targets.empty()
               ? "no perturbation has cells in both halves of the levels"
               : "there are fewer than 2 control cells",
           ", so there is none");
      continue;
    }
    if (split.control_by_chance)
      warn("the control's cells are all in one half of the levels, or have none, and are halved ",
           "at random");
    if (!split.left_out.empty())
      warn(split.left_out.size(), " of ", side.perturbations().size(),
           " perturbations have cells in one half of the levels alone and are left out: ",
           list_of(split.left_out, 100));
    out.contexts.push_back(detail::ceiling_of(side, std::move(split.halves), options));
    out.levels.push_back(std::move(split.levels));
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

/// The mean ceilings by the levels of one column.
struct MeanLevelCeilings {
  std::string by;                                       ///< the column
  std::vector<std::pair<std::string, double>> metrics;  ///< by name: see mean_ceilings
};

/// The same of each column by whose levels cells were divided, but for those that have none.
template <class = void>
std::vector<MeanLevelCeilings> mean_level_ceilings(const std::vector<LevelCeilings>& columns) {
  std::vector<MeanLevelCeilings> out;
  for (const LevelCeilings& column : columns)
    if (!column.contexts.empty()) out.push_back({column.by, mean_ceilings(column.contexts)});
  return out;
}

VCELL_INSTANTIATE(pipeline,
                  std::vector<ContextCeiling> evaluation_ceilings<void>(
                      const std::vector<EvaluationSide>&, const EvaluationOptions&, uint64_t));
VCELL_INSTANTIATE(pipeline, LevelCeilings level_ceilings<void>(const std::vector<EvaluationSide>&,
                                                               const std::string&, const Factor&,
                                                               const EvaluationOptions&, uint64_t));

VCELL_END_NAMESPACE
