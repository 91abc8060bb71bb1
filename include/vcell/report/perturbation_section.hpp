#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "vcell/report/html.hpp"
#include "vcell/report/method_scores.hpp"
#include "vcell/report/score_cells.hpp"
#include "vcell/report/section.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// "perturbation_mean" as "PM": the first letters of its words.
template <class = void>
std::string initials(const std::string& name) {
  std::string out;
  bool starts = true;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter && starts) out += c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
    starts = !letter;
  }
  return out.empty() ? "?" : out;
}

}  // namespace detail

/// All scores of every perturbation of one context beside those of the baselines, and their mean.
template <class = void>
std::string perturbation_score_table(const ReportInput& input, const ContextEvaluation& context) {
  const auto methods = methods_of(input);
  const auto names = detail::score_names(input);
  std::vector<bool> complete;
  for (const ScoredMethod& method : methods) {
    const ScoreTable* table = detail::table_of(method, context.context);
    complete.push_back(table && table->perturbations == context.scores.perturbations);
  }
  std::string out =
      "<div class=\"wide\"><table class=\"scores all\">\n<thead><tr>"
      "<th scope=\"col\" rowspan=\"2\">Perturbation</th>"
      "<th scope=\"col\" rowspan=\"2\" class=\"n\">Cells</th>";
  for (const std::string& name : names)
    out += fmt::format("<th scope=\"colgroup\" colspan=\"{}\" class=\"group\">{}</th>",
                       methods.size(), escape_html(metric_of(input, name).title));
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
      const Metric metric = metric_of(input, name);
      std::vector<Score> scores;
      for (const ScoredMethod& method : methods) scores.push_back(score(method, name));
      out += detail::score_cells(scores, complete, metric.direction, metric.digits);
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
template <class = void>
std::string method_legend(const ReportInput& input) {
  std::string out;
  for (const ScoredMethod& method : methods_of(input))
    out += fmt::format("{}<b>{}</b>\u00A0{}", out.empty() ? "" : ", ",
                       detail::initials(method.name), detail::spoken(method.name));
  return out;
}

/// Every score of every perturbation.
template <class = void>
std::string perturbation_section(const ReportInput& input) {
  std::string out = fmt::format(
      "<p class=\"note\">{}. The best value of each score is bold, among methods that predicted "
      "every perturbation of the context; cells are the observed ones.</p>\n",
      method_legend(input));
  for (const ContextEvaluation& context : input.evaluation.contexts) {
    if (!context.context.empty())
      out += fmt::format("<h3>{}</h3>\n<p class=\"note\">{} for comparison.</p>\n",
                         escape_html(context.context),
                         counted(context.real_de.ref_membership, "control cell"));
    out += perturbation_score_table(input, context);
  }
  return detail::section("perturbations", "Scores by perturbation", out);
}

VCELL_END_NAMESPACE
