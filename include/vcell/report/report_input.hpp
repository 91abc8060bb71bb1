#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/ceiling.hpp"

VCELL_BEGIN_NAMESPACE

/// Facts under a heading, e.g. "Data": {"Cells", "20,729"}.
struct ReportSection {
  std::string heading;
  std::vector<std::pair<std::string, std::string>> facts;  ///< what and its value
};

struct LossPoint {
  double step = 0, loss = 0;
  size_t member = 1;  ///< whose it is, where several models were trained in turn
};

/// The scores of one method in one context.
struct ScoredContext {
  std::string context;  ///< empty when cells are not divided
  ScoreTable scores;
};

/// A method with its scores; a perturbation it could not predict is absent from its tables.
struct ScoredMethod {
  std::string name;     ///< e.g. "perturbation_mean"; underscores are shown as spaces
  std::string meaning;  ///< what it does, a sentence; may be empty
  std::vector<ScoredContext> contexts;
  ScoreIntervals intervals = {};  ///< of its mean scores; may be empty
};

/// Everything that a report shows. What is empty is left out, or said to be absent where a reader
/// would look for it.
struct ReportInput {
  std::string title = "Predicted perturbation responses";
  std::string method = "prediction";       ///< what the evaluation is of
  std::string meaning;                     ///< what that does, a sentence; may be empty
  std::vector<ReportSection> run;          ///< what was run: data, split, model, versions
  std::vector<LossPoint> training_loss;    ///< by step; any number of points
  std::vector<LossPoint> validation_loss;  ///< by step
  std::vector<double> kept_steps;          ///< the steps whose weights were kept, of each member
  Evaluation evaluation;                   ///< of the method
  bool held_out = false;  ///< the observed cells are known not to have been used in training
  std::vector<ScoredMethod> others;  ///< shown beside it
  std::vector<Metric> metrics;       ///< what is said of scores; none: all_metrics
  /// What a repetition of the experiment would score, by metric (mean_ceilings); may be empty.
  std::vector<std::pair<std::string, double>> ceilings;
  /// The same between the levels of columns, such as guides or batches; may be empty.
  std::vector<MeanLevelCeilings> level_ceilings;
  std::vector<std::string> warnings;  ///< beyond those found in the evaluation
};

/// The scores of an evaluation under a method's name.
template <class = void>
ScoredMethod scored_method(std::string name, const Evaluation& evaluation,
                           std::string meaning = {}) {
  ScoredMethod out{std::move(name), std::move(meaning), {}, evaluation.intervals};
  for (const ContextEvaluation& c : evaluation.contexts)
    out.contexts.push_back({c.context, c.scores});
  return out;
}

/// The method and the others, in this order.
template <class = void>
std::vector<ScoredMethod> methods_of(const ReportInput& input) {
  std::vector<ScoredMethod> out;
  out.reserve(1 + input.others.size());
  out.push_back(scored_method(input.method, input.evaluation, input.meaning));
  out.insert(out.end(), input.others.begin(), input.others.end());
  return out;
}

/// What is known about a score by its name.
template <class = void>
Metric metric_of(const ReportInput& input, std::string_view name) {
  return metric_named(name, input.metrics.empty() ? all_metrics() : input.metrics);
}

namespace detail {

/// A method's scores in one context; null where it has none.
template <class = void>
const ScoreTable* table_of(const ScoredMethod& method, const std::string& context) {
  for (const ScoredContext& c : method.contexts)
    if (c.context == context) return &c.scores;
  return nullptr;
}

/// The column of a name; null where there is no table or no such column.
template <class = void>
const ScoreColumn* column_of(const ScoreTable* table, const std::string& name) {
  if (table)
    for (const ScoreColumn& column : table->columns)
      if (column.name == name) return &column;
  return nullptr;
}

/// A method's score of one perturbation in one context; null where it has none.
template <class = void>
Score score_of(const ScoredMethod& method, const std::string& context, const std::string& score,
               const std::string& perturbation) {
  const ScoreTable* table = table_of(method, context);
  const ScoreColumn* column = column_of(table, score);
  if (!column) return {};
  const auto& names = table->perturbations;
  const auto found = std::find(names.begin(), names.end(), perturbation);
  return found == names.end() ? Score() : column->values[size_t(found - names.begin())];
}

/// The mean of a score over the perturbations of one context.
template <class = void>
Score mean_in(const ScoredMethod& method, const std::string& context, const std::string& score) {
  const ScoreColumn* column = column_of(table_of(method, context), score);
  return column ? summarise(column->values)[summary_mean] : Score();
}

/// The names of all scores.
template <class = void>
std::vector<std::string> score_names(const ReportInput& input) {
  std::vector<std::string> out;
  if (!input.evaluation.contexts.empty())
    for (const ScoreColumn& column : input.evaluation.contexts[0].scores.columns)
      out.push_back(column.name);
  return out;
}

/// Those that are shown for each perturbation: what the profile vcell has, at most six where it has
/// none of them, and metrics of a user's own. All are in the tables of results.
template <class = void>
std::vector<std::string> main_score_names(const ReportInput& input) {
  constexpr size_t most = 6;
  const auto all = score_names(input);
  const auto shown = metrics_of("vcell");
  const auto is_main = [&](const std::string& name) {
    const bool is_own = metric_named(name).meaning.empty();
    return is_own || !metric_named(name, shown).meaning.empty();
  };
  std::vector<std::string> out;
  for (const std::string& name : all)
    if (is_main(name)) out.push_back(name);
  if (out.empty())
    out.assign(all.begin(), all.begin() + std::ptrdiff_t(std::min(all.size(), most)));
  return out;
}

/// The interval of a method's mean score over contexts; null where there is none.
template <class = void>
std::optional<ScoreInterval> interval_of(const ScoredMethod& method, const std::string& score) {
  const ScoreIntervals& all = method.intervals;
  for (size_t m = 0; m < all.metrics.size(); ++m)
    if (all.metrics[m] == score) return all.overall.intervals[m];
  return std::nullopt;
}

/// In how many pairs of context and perturbation a method has scores.
template <class = void>
size_t predicted_by(const ScoredMethod& method) {
  size_t n = 0;
  for (const ScoredContext& c : method.contexts) n += c.scores.perturbations.size();
  return n;
}

}  // namespace detail

/// A method's mean score: over the perturbations of each context, then over contexts, as in
/// agg_results.csv; null where no context has that score.
template <class = void>
Score mean_score(const ScoredMethod& method, const std::string& score) {
  std::vector<Summary> summaries;
  for (const ScoredContext& c : method.contexts)
    if (const ScoreColumn* column = detail::column_of(&c.scores, score))
      summaries.push_back(summarise(column->values));
  return mean_of(summaries)[summary_mean];
}

VCELL_END_NAMESPACE
