#pragma once

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "vcell/eval/align_cells.hpp"
#include "vcell/eval/discrimination_score_l1.hpp"
#include "vcell/eval/edistance.hpp"
#include "vcell/eval/mean_absolute_error.hpp"
#include "vcell/eval/overlap_at_n.hpp"
#include "vcell/eval/pearson.hpp"
#include "vcell/eval/responses.hpp"
#include "vcell/eval/summary.hpp"
#include "vcell/preprocess/declared_scale.hpp"

VCELL_BEGIN_NAMESPACE

struct EvaluationOptions {
  /// The label of unperturbed cells.
  std::string control = "non-targeting";
  /// Compare the genes and labels that both sides have, and say what was left out; false: an
  /// unequal set of either is an error.
  bool subset = false;
  /// Added to means in fold changes. With 0, cell-eval's, a gene seen on one side only has an
  /// infinite fold change.
  double epsilon = 0;
  /// A gene is differentially expressed when its false discovery rate is below this.
  double alpha = 0.05;
  /// The greatest log1p value; a larger one is an error. cell-eval refuses values from 15 on, by
  /// which it guesses the scale.
  double highest = highest_log1p;
};

/// Prediction against observation in one context.
struct ContextEvaluation {
  std::string context;                  ///< empty when the cells are not divided
  ScoreTable scores;                    ///< a row per perturbation
  DifferentialExpression real_de;       ///< real cells against real controls
  DifferentialExpression predicted_de;  ///< predicted cells against predicted controls
};

struct Evaluation {
  std::vector<ContextEvaluation> contexts;  ///< sorted; one with an empty name without contexts
  std::vector<std::string> left_out;        ///< what subset left out, a sentence each
};

/// Scores predicted responses of one context against the real ones: the `vcc` profile of cell-eval
/// (overlap_at_N, mae, discrimination_score_l1), then pearson_delta and mae_delta, then edistance,
/// which is in none of its profiles. With y the mean cell of a perturbation and
/// delta = y - y(control), each side against its own control:
///
///   overlap_at_N             shared fraction of the N genes that really change (overlap_at_n)
///   mae                      mean over genes of |y predicted - y real|
///   discrimination_score_l1  is the perturbation told from the others (discrimination_score_l1)
///   pearson_delta            Pearson's correlation of the two deltas over genes
///   mae_delta                mean over genes of |delta predicted - delta real|
///   edistance                energy distance of its predicted and its real cells over all genes,
///                            the perturbed one included; lower is better, below 0 is possible
///                            (edistance)
///
/// @throws ConfigError if perturbations or genes differ
template <class = void>
ContextEvaluation evaluate(const Responses& real, const Responses& predicted, double alpha = 0.05) {
  const auto& [targets, genes] = std::tie(real.expression.targets, real.expression.features);
  if (predicted.expression.targets != targets || predicted.expression.features != genes)
    throw ConfigError(message("evaluate: real and predicted responses in context ",
                              quoted(real.context), " are of different perturbations or genes"));
  const size_t n = targets.size();
  std::vector<int32_t> own_columns;
  for (const std::string& target : targets) {
    const auto found = std::find(genes.begin(), genes.end(), target);
    own_columns.push_back(found == genes.end() ? -1 : int32_t(found - genes.begin()));
  }
  const Tensor<double, 2> real_shift = real.shift(), predicted_shift = predicted.shift();
  std::vector<Score> overlap(n), mae(n), correlation(n), mae_delta(n);
  const auto row = [](const Tensor<double, 2>& t, size_t i) {
    return std::span<const double>(t[i].data, t.shape(1));
  };
  for (size_t t = 0; t < n; ++t) {
    overlap[t] = overlap_at_n(significant_genes(real.expression, t, alpha),
                              significant_genes(predicted.expression, t, alpha));
    mae[t] = mean_absolute_error(row(predicted.mean, t), row(real.mean, t));
    correlation[t] = pearson(row(predicted_shift, t), row(real_shift, t));
    mae_delta[t] = mean_absolute_error(row(predicted_shift, t), row(real_shift, t));
  }
  const auto ranks =
      discrimination_score_l1(predicted_shift.view(), real_shift.view(), own_columns);
  const auto between = mean_distances(predicted.sets(), real.sets());
  std::vector<Score> distance(n);
  for (size_t t = 0; t < n; ++t)
    distance[t] = edistance(between[t], predicted.within[t], real.within[t]);
  return {real.context,
          {targets,
           {{"overlap_at_N", std::move(overlap)},
            {"mae", std::move(mae)},
            {"discrimination_score_l1", {ranks.begin(), ranks.end()}},
            {"pearson_delta", std::move(correlation)},
            {"mae_delta", std::move(mae_delta)},
            {"edistance", std::move(distance)}}},
          real.expression,
          predicted.expression};
}

/// Scores predictions context by context, where the real side was measured before: so that several
/// predictions can be held against it.
/// @throws ConfigError if contexts, perturbations or genes differ
template <class = void>
Evaluation evaluate(const std::vector<Responses>& real, const std::vector<Responses>& predicted,
                    double alpha = 0.05) {
  const auto same = [](const Responses& a, const Responses& b) { return a.context == b.context; };
  if (!std::equal(real.begin(), real.end(), predicted.begin(), predicted.end(), same))
    throw ConfigError("evaluate: real and predicted responses are of different contexts");
  Evaluation out;
  for (size_t c = 0; c < real.size(); ++c)
    out.contexts.push_back(evaluate(real[c], predicted[c], alpha));
  return out;
}

/// Scores predicted cells against real ones, context by context, each side against its own control
/// cells. Both are log1p values; the formulas are at evaluate(Responses, Responses).
///
/// @param real, predicted  by value: move them in where they are not needed any more
/// @return                 the scores, both tables of differential expression, what was left out
/// @throws ShapeError if sizes do not fit within one side
/// @throws ConfigError listing what differs, unless options.subset; or if a side has no control,
///         has values that are no log1p values, or nothing is shared
template <class = void>
Evaluation evaluate(LabelledCells real, LabelledCells predicted,
                    const EvaluationOptions& options = {}) {
  check_labelled_cells(real, "real", options.highest);
  check_labelled_cells(predicted, "predicted", options.highest);
  auto left_out = align_cells(real, predicted, options.control, options.subset);
  const ResponsesOptions measured{options.control, options.epsilon};
  Evaluation out = evaluate(responses(std::move(real), measured),
                            responses(std::move(predicted), measured), options.alpha);
  out.left_out = std::move(left_out);
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

VCELL_END_NAMESPACE
