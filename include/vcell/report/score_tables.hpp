#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "vcell/report/html.hpp"
#include "vcell/report/report_input.hpp"
#include "vcell/report/score_info.hpp"

namespace vcell::inline VCELL_ABI {
namespace detail {

/// "perturbation_mean" as "perturbation mean", safe in HTML.
inline std::string spoken(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return escape_html(name);
}

/// "perturbation_mean" as "PM": the first letters of its words.
inline std::string initials(const std::string& name) {
  std::string out;
  bool starts = true;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter && starts) out += c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
    starts = !letter;
  }
  return out.empty() ? "?" : out;
}

/// A method's scores of one name in one context; null where it has none.
inline const ScoreTable* table_of(const ScoredMethod& method, const std::string& context) {
  for (const ScoredContext& c : method.contexts)
    if (c.context == context) return &c.scores;
  return nullptr;
}

inline const ScoreColumn* column_of(const ScoreTable* table, const std::string& name) {
  if (table)
    for (const ScoreColumn& column : table->columns)
      if (column.name == name) return &column;
  return nullptr;
}

inline Score score_of(const ScoredMethod& method, const std::string& context,
                      const std::string& score, const std::string& perturbation) {
  const ScoreTable* table = table_of(method, context);
  const ScoreColumn* column = column_of(table, score);
  if (!column) return {};
  const auto& names = table->perturbations;
  const auto found = std::find(names.begin(), names.end(), perturbation);
  return found == names.end() ? Score() : column->values[size_t(found - names.begin())];
}

/// The mean of a score over the perturbations of one context.
inline Score mean_in(const ScoredMethod& method, const std::string& context,
                     const std::string& score) {
  const ScoreColumn* column = column_of(table_of(method, context), score);
  return column ? summarise(column->values)[summary_mean] : Score();
}

/// The mean over contexts of these means, as in agg_results.csv.
inline Score mean_of_means(const ScoredMethod& method, const std::string& score) {
  std::vector<Summary> summaries;
  for (const ScoredContext& c : method.contexts)
    if (const ScoreColumn* column = column_of(&c.scores, score))
      summaries.push_back(summarise(column->values));
  return mean_of(summaries)[summary_mean];
}

/// Which of the scores is best, as shown: those that look alike are equally good, and none is best
/// where all are.
inline std::vector<bool> best_of(const std::vector<Score>& scores, int direction, int digits) {
  std::vector<bool> best(scores.size(), false);
  Score top;
  for (const Score& s : scores)
    if (direction && s && !std::isnan(*s) && (!top || *s * direction > *top * direction)) top = s;
  for (size_t i = 0; top && i < scores.size(); ++i)
    best[i] = scores[i] && show(scores[i], digits) == show(top, digits);
  if (std::count(best.begin(), best.end(), true) ==
      std::count_if(scores.begin(), scores.end(), [](const Score& s) { return s.has_value(); }))
    best.assign(best.size(), false);
  return best;
}

/// Table cells of one score, a method each; the best one in bold.
inline std::string score_cells(const std::vector<Score>& scores, int direction, int digits) {
  const auto best = best_of(scores, direction, digits);
  std::string out;
  for (size_t m = 0; m < scores.size(); ++m) {
    const std::string text = show(scores[m], digits);
    out += fmt::format("<td class=\"n{}\">{}</td>", m == 0 ? " first" : "",
                       best[m] ? "<b>" + text + "</b>" : text);
  }
  return out;
}

/// The names of all scores that the model has.
inline std::vector<std::string> score_names(const ReportInput& input) {
  std::vector<std::string> out;
  if (!input.evaluation.contexts.empty())
    for (const ScoreColumn& column : input.evaluation.contexts[0].scores.columns)
      out.push_back(column.name);
  return out;
}

inline size_t predicted_by(const ScoredMethod& method) {
  size_t n = 0;
  for (const ScoredContext& c : method.contexts) n += c.scores.perturbations.size();
  return n;
}

}  // namespace detail

/// The table of mean scores, a row per score and a column per method.
inline std::string mean_score_table(const ReportInput& input) {
  const auto methods = methods_of(input);
  const size_t all = detail::predicted_by(methods[0]);
  std::string out = "<table class=\"scores\">\n<thead><tr><th scope=\"col\">Score</th>";
  for (const ScoredMethod& method : methods) {
    const size_t n = detail::predicted_by(method);
    out +=
        fmt::format("<th scope=\"col\" class=\"n\">{}{}</th>", detail::spoken(method.name),
                    n == all ? "" : fmt::format("<br><small>{} of {} predicted</small>", n, all));
  }
  out += "<th scope=\"col\" class=\"n\">Best possible</th></tr></thead>\n<tbody>\n";
  for (const std::string& name : detail::score_names(input)) {
    const ScoreInfo info = score_info(name);
    std::vector<Score> means;
    for (const ScoredMethod& method : methods) means.push_back(detail::mean_of_means(method, name));
    const std::string better = info.direction > 0   ? "higher is better"
                               : info.direction < 0 ? "lower is better"
                                                    : "";
    out += fmt::format(
        "<tr><th scope=\"row\">{} <small>{}</small></th>{}<td class=\"n\">{}</td></tr>\n",
        escape_html(info.title), better, detail::score_cells(means, info.direction, 3),
        info.direction > 0   ? "1"
        : info.direction < 0 ? "0"
                             : "\u2013");
  }
  return out + "</tbody></table>\n";
}

/// All scores of every perturbation of one context beside those of the baselines, and their mean.
inline std::string perturbation_score_table(const ReportInput& input,
                                            const ContextEvaluation& context) {
  const auto methods = methods_of(input);
  const auto names = detail::score_names(input);
  std::string out =
      "<div class=\"wide\"><table class=\"scores all\">\n<thead><tr>"
      "<th scope=\"col\" rowspan=\"2\">Perturbation</th>"
      "<th scope=\"col\" rowspan=\"2\" class=\"n\">Cells</th>";
  for (const std::string& name : names)
    out += fmt::format("<th scope=\"colgroup\" colspan=\"{}\" class=\"group\">{}</th>",
                       methods.size(), escape_html(score_info(name).title));
  out += "</tr>\n<tr>";
  for (size_t i = 0; i < names.size(); ++i)
    for (size_t m = 0; m < methods.size(); ++m)
      out += fmt::format("<th scope=\"col\" class=\"n{}\"><abbr title=\"{}\">{}</abbr></th>",
                         m == 0 ? " first" : "", detail::spoken(methods[m].name),
                         detail::initials(methods[m].name));
  out += "</tr></thead>\n<tbody>\n";
  const auto add_row = [&](const std::string& head, const std::string& cells, auto&& score) {
    out += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td>", head, cells);
    for (const std::string& name : names) {
      const ScoreInfo info = score_info(name);
      std::vector<Score> scores;
      for (const ScoredMethod& method : methods) scores.push_back(score(method, name));
      out += detail::score_cells(scores, info.direction, info.digits);
    }
    out += "</tr>\n";
  };
  const auto& targets = context.scores.perturbations;
  for (size_t t = 0; t < targets.size(); ++t)
    add_row(escape_html(targets[t]), std::to_string(context.real_de.target_membership[t]),
            [&](const ScoredMethod& method, const std::string& name) {
              return detail::score_of(method, context.context, name, targets[t]);
            });
  out += "</tbody>\n<tfoot>\n";
  add_row("Mean", "", [&](const ScoredMethod& method, const std::string& name) {
    return detail::mean_in(method, context.context, name);
  });
  return out + "</tfoot></table></div>\n";
}

/// "ST State Transition, CC control copy, ...": what the columns of the table are.
inline std::string method_legend(const ReportInput& input) {
  std::string out;
  for (const ScoredMethod& method : methods_of(input))
    out += fmt::format("{}<b>{}</b>\u00A0{}", out.empty() ? "" : ", ",
                       detail::initials(method.name), detail::spoken(method.name));
  return out;
}

}  // namespace vcell::inline VCELL_ABI
