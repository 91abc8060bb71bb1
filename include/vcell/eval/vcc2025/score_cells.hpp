#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/eval/expression_preset.hpp"
#include "vcell/eval/scale_aggregates.hpp"
#include "vcell/eval/vcc2025/constant_baseline.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2025 {

struct ScoreOptions {
  std::string control = "non-targeting";  ///< the label of unperturbed cells
  ExpressionMemory memory = {};           ///< of tables of differential expression
  Progress progress = {};                 ///< watches, and may stop
};

/// A prediction's score, and all that it is held against.
struct CellScore {
  Evaluation prediction, baseline;
  std::vector<float> constant_cell;  ///< that of the baseline, (genes)
  ScaledAggregates score;            ///< its average is the contest's score
};

/// Scores a prediction by the rules of the leaderboard of the Virtual Cell Challenge of 2025, as
/// cell-eval 0.6.6 with pdex 0.1.27 does: overlap of differentially expressed genes (false
/// discovery rates over all rows of a table at once), mean absolute error and discrimination, each
/// between that of a baseline of constant cells and the best value.
/// @param real, predicted  log1p values, by value: move them in where they are not needed any more
/// @throws ShapeError, ConfigError as evaluate; if the cells are divided into contexts; Stopped
template <class = void>
CellScore score_cells(LabelledCells real, LabelledCells predicted,
                      const ScoreOptions& options = {}) {
  if (real.has_contexts() || predicted.has_contexts())
    throw ConfigError("vcc2025: the cells are divided into contexts; the rules know of one");
  EvaluationOptions rules;
  rules.control = options.control;
  rules.expression = expression_preset("pdex-0.1.27");
  rules.metrics = metrics_of("vcc");
  rules.memory = options.memory;
  rules.progress = options.progress;
  check_labelled_cells(real, "real", rules.highest);
  check_labelled_cells(predicted, "predicted", rules.highest);
  align_cells(real, predicted, options.control, false);
  const EvaluationSideOptions measured{rules.control, rules.expression, rules.memory,
                                       rules.progress};
  CellScore out;
  out.constant_cell = constant_cell(real, options.control);
  const auto observed = evaluation_sides(std::move(real), measured);
  out.prediction = evaluate(observed, evaluation_sides(std::move(predicted), measured), rules);
  const std::vector<EvaluationSide> constant = {
      constant_baseline(observed[0], out.constant_cell, measured)};
  out.baseline = evaluate(observed, constant, rules);
  out.score = scale_aggregates(aggregate_scores(out.prediction.contexts[0].scores),
                               aggregate_scores(out.baseline.contexts[0].scores));
  return out;
}

VCELL_INSTANTIATE(pipeline,
                  CellScore score_cells<void>(LabelledCells, LabelledCells, const ScoreOptions&));

}  // namespace vcc2025
VCELL_END_NAMESPACE
