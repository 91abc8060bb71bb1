#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE
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
