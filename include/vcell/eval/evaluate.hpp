#pragma once

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/align_cells.hpp"
#include "vcell/eval/diagnose_cells.hpp"
#include "vcell/eval/profiles.hpp"
#include "vcell/eval/score_columns.hpp"
#include "vcell/eval/score_interval.hpp"
#include "vcell/eval/score_stratum.hpp"
#include "vcell/eval/summary.hpp"
#include "vcell/preprocess/scale.hpp"

VCELL_BEGIN_NAMESPACE

struct EvaluationOptions {
  /// The label of unperturbed cells.
  std::string control = "non-targeting";
  /// Compare the genes and labels that both sides have, and say what was left out; false: an
  /// unequal set of either is an error.
  bool subset = false;
  /// How both sides are tested (their progress is that of these options). With epsilon 0,
  /// cell-eval's, a gene seen on one side only has an infinite fold change.
  DifferentialExpressionOptions expression = {.epsilon = 0};
  /// A gene is differentially expressed when its false discovery rate is below this.
  double alpha = 0.05;
  /// The greatest log1p value; a larger one is an error. cell-eval refuses values from 15 on, by
  /// which it guesses the scale.
  double highest = highest_log1p;
  /// False: compared_sides does not test the cells of that side, whose finished table is put in its
  /// place (with_expression).
  bool tests_real = true, tests_predicted = true;
  /// The columns of the tables of scores; none: those of the profile "vcell".
  std::vector<Metric> metrics = {};
  /// How perturbations are matched with their own genes, where not by the genes' names.
  GeneSymbols symbols = {};
  /// How much of the tables of differential expression is in memory.
  ExpressionMemory memory = {};
  /// Watches, and may stop.
  Progress progress = {};
};

/// How each of the sides is measured.
template <class = void>
EvaluationSideOptions side_options(const EvaluationOptions& options) {
  return {options.control, options.expression, options.memory, options.progress};
}

/// Prediction against observation in one context.
struct ContextEvaluation {
  std::string context;           ///< empty when the cells are not divided
  ScoreTable scores;             ///< a row per perturbation
  ExpressionTable real_de;       ///< real cells against real controls
  ExpressionTable predicted_de;  ///< predicted cells against predicted controls
};

struct Evaluation {
  std::vector<ContextEvaluation> contexts;  ///< sorted; one with an empty name without contexts
  std::vector<std::string> left_out;        ///< what subset left out, a sentence each
  double alpha = 0.05;                      ///< EvaluationOptions::alpha
  ScoreIntervals intervals;                 ///< of the mean scores; none until score_intervals
  ScoreStrata strata;                       ///< of parts of it; none until score_strata
  std::vector<std::string> warnings;        ///< of the cells of both sides (cell_warnings)
};

/// Scores one context by every metric of the options (alpha, metrics, symbols and progress of them
/// are used).
/// @throws ConfigError if perturbations or genes of the sides differ, or a metric is none
///         (score_columns); Stopped
template <class = void>
ContextEvaluation evaluate(const EvaluationSide& real, const EvaluationSide& predicted,
                           const EvaluationOptions& options = {}) {
  if (predicted.perturbations() != real.perturbations() || predicted.genes() != real.genes())
    throw ConfigError(message("evaluate: real and predicted cells of context ",
                              quoted(real.context), " are of different perturbations or genes"));
  const auto dimensions = [](const EvaluationSide& side) {
    return side.embedding ? side.embedding_shift.shape(1) : 0;
  };
  if (dimensions(predicted) != dimensions(real))
    throw ConfigError(message("evaluate: the real cells have an embedding of ", dimensions(real),
                              " dimensions and the predicted cells one of ", dimensions(predicted),
                              ", expected the same, or none on either side"));
  ContextEvaluation out{
      real.context, {real.perturbations(), {}}, real.expression, predicted.expression};
  out.scores.columns =
      score_columns(options.metrics.empty() ? metrics_of("vcell") : options.metrics, real,
                    predicted, {options.alpha, &options.symbols, options.progress});
  return out;
}

/// Scores predictions context by context, where both sides were measured before: so that several
/// predictions can be held against one real side.
/// @throws ConfigError if contexts, perturbations or genes differ, or a metric is none; Stopped
template <class = void>
Evaluation evaluate(const std::vector<EvaluationSide>& real,
                    const std::vector<EvaluationSide>& predicted,
                    const EvaluationOptions& options = {}) {
  const auto same = [](const EvaluationSide& a, const EvaluationSide& b) {
    return a.context == b.context;
  };
  if (!std::equal(real.begin(), real.end(), predicted.begin(), predicted.end(), same))
    throw ConfigError("evaluate: real and predicted cells are of different contexts");
  Evaluation out;
  out.alpha = options.alpha;
  for (size_t c = 0; c < real.size(); ++c)
    out.contexts.push_back(evaluate(real[c], predicted[c], options));
  for (size_t c = 0; c < real.size(); ++c)
    for (auto& text : cell_warnings(diagnose_cells(real[c], predicted[c]), real[c].context))
      out.warnings.push_back(std::move(text));
  return out;
}

/// Both sides of a comparison, measured.
struct ComparedSides {
  std::vector<EvaluationSide> real, predicted;  ///< of the same contexts
  std::vector<std::string> left_out;            ///< what subset left out, a sentence each
};

/// Checks that two sides compare, and measures both.
/// @param real, predicted  by value: move them in where they are not needed any more
/// @throws as evaluate
template <class = void>
ComparedSides compared_sides(LabelledCells real, LabelledCells predicted,
                             const EvaluationOptions& options = {}) {
  check_labelled_cells(real, "real", options.highest);
  check_labelled_cells(predicted, "predicted", options.highest);
  if (real.scale != predicted.scale)
    throw ConfigError(
        message("evaluate: the real cells are ", real.scale == Scale::counts ? "counts" : "log1p",
                " and the predicted cells ", predicted.scale == Scale::counts ? "counts" : "log1p",
                ", so their values do not compare; bring both to one scale"));
  const bool own_totals = real.is_own_total && predicted.is_own_total;
  if (real.target_sum && predicted.target_sum && !own_totals &&
      !same_target_sum(*real.target_sum, *predicted.target_sum))
    throw ConfigError(
        message("evaluate: the real cells were normalised to ", *real.target_sum,
                " and the predicted cells to ", *predicted.target_sum,
                ", so their values do not compare; normalise one of them again, from ",
                "counts, to the total of the other"));
  ComparedSides out;
  out.left_out = align_cells(real, predicted, options.control, options.subset);
  const auto measured = [&](LabelledCells cells, bool tests) {
    EvaluationSideOptions how = side_options(options);
    if (!tests) how.memory.kept_bytes = 0;  // then none is measured unasked
    return evaluation_sides(std::move(cells), how);
  };
  out.real = measured(std::move(real), options.tests_real);
  out.predicted = measured(std::move(predicted), options.tests_predicted);
  return out;
}

/// Scores predicted cells against real ones, context by context, each side against its own control
/// cells. Both are log1p values, of cells that were normalised to one total or each side to the
/// median total of its own file, or both are counts.
///
/// @param real, predicted  by value: move them in where they are not needed any more
/// @return                 the scores, both tables of differential expression, what was left out
/// @throws ShapeError if sizes do not fit within one side
/// @throws ConfigError listing what differs, unless options.subset; or if a side has no control,
///         has values that are none of its scale, the scales differ, both say what total they were
///         normalised to and the totals differ, or nothing is shared; Stopped
template <class = void>
Evaluation evaluate(LabelledCells real, LabelledCells predicted,
                    const EvaluationOptions& options = {}) {
  auto sides = compared_sides(std::move(real), std::move(predicted), options);
  Evaluation out = evaluate(sides.real, sides.predicted, options);
  out.left_out = std::move(sides.left_out);
  return out;
}

/// The scores of one context over its perturbations, beside the table's columns.
template <class = void>
std::vector<Summary> summarise(const ScoreTable& scores) {
  std::vector<Summary> out;
  for (const ScoreColumn& column : scores.columns) out.push_back(summarise(column.values));
  return out;
}

/// The mean over contexts of each context's summary, statistic by statistic (mean_of).
template <class = void>
std::vector<Summary> summarise(const Evaluation& evaluation) {
  std::vector<std::vector<Summary>> of_column;
  for (const ContextEvaluation& context : evaluation.contexts) {
    const auto summaries = summarise(context.scores);
    of_column.resize(summaries.size());
    for (size_t i = 0; i < summaries.size(); ++i) of_column[i].push_back(summaries[i]);
  }
  std::vector<Summary> out;
  for (const auto& summaries : of_column) out.push_back(mean_of(summaries));
  return out;
}

VCELL_INSTANTIATE(pipeline, Evaluation evaluate<void>(const std::vector<EvaluationSide>&,
                                                      const std::vector<EvaluationSide>&,
                                                      const EvaluationOptions&));
VCELL_INSTANTIATE(pipeline, ComparedSides compared_sides<void>(LabelledCells, LabelledCells,
                                                               const EvaluationOptions&));
VCELL_INSTANTIATE(pipeline, Evaluation evaluate<void>(LabelledCells, LabelledCells,
                                                      const EvaluationOptions&));

VCELL_END_NAMESPACE
