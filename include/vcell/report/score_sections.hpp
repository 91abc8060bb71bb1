#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "vcell/report/html.hpp"
#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Which of the scores is best, as shown: those that look alike are equally good, and none is best
/// where all are.
template <class = void>
std::vector<bool> best_of(const std::vector<Score>& scores, int direction, int digits) {
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
/// @param complete   which methods predicted everything: means over less, and ranks among fewer,
///                   are shown and not compared
/// @param intervals  of the scores, shown below them; none: no scores have one
template <class = void>
std::string score_cells(const std::vector<Score>& scores, const std::vector<bool>& complete,
                        int direction, int digits,
                        const std::vector<std::optional<ScoreInterval>>& intervals = {}) {
  auto compared = scores;
  for (size_t m = 0; m < scores.size(); ++m)
    if (!complete[m]) compared[m].reset();
  const auto best = best_of(compared, direction, digits);
  std::string out;
  for (size_t m = 0; m < scores.size(); ++m) {
    const std::string text = show(scores[m], digits);
    std::string interval;
    if (m < intervals.size() && intervals[m])
      interval = fmt::format("<br><small>{} to {}</small>", show(intervals[m]->low, digits),
                             show(intervals[m]->high, digits));
    out += fmt::format("<td class=\"n{}\">{}{}</td>", m == 0 ? " first" : "",
                       best[m] ? "<b>" + text + "</b>" : text, interval);
  }
  return out;
}

}  // namespace detail

/// The table of mean scores, a row per score and a column per method.
template <class = void>
std::string mean_score_table(const ReportInput& input) {
  const auto methods = methods_of(input);
  const size_t all = detail::predicted_by(methods[0]);
  std::vector<bool> complete;
  std::string out =
      "<div class=\"wide\"><table class=\"scores\">\n<thead><tr><th scope=\"col\">Score</th>";
  for (const ScoredMethod& method : methods) {
    const size_t n = detail::predicted_by(method);
    complete.push_back(n == all);
    out +=
        fmt::format("<th scope=\"col\" class=\"n\">{}{}</th>", detail::spoken(method.name),
                    n == all ? "" : fmt::format("<br><small>{} of {} predicted</small>", n, all));
  }
  if (!input.ceilings.empty()) out += "<th scope=\"col\" class=\"n\">Ceiling</th>";
  for (const MeanLevelCeilings& column : input.level_ceilings)
    out += fmt::format("<th scope=\"col\" class=\"n\">Ceiling<br><small>by {}</small></th>",
                       escape_html(column.by));
  out += "<th scope=\"col\" class=\"n\">Best possible</th></tr></thead>\n<tbody>\n";
  const auto ceiling_cell = [](const auto& ceilings, const std::string& name) {
    Score ceiling;
    for (const auto& [metric, value] : ceilings)
      if (metric == name) ceiling = value;
    return fmt::format("<td class=\"n\">{}</td>", show(ceiling, 3));
  };
  for (const std::string& name : detail::score_names(input)) {
    const Metric metric = metric_of(input, name);
    std::vector<Score> means;
    std::vector<std::optional<ScoreInterval>> intervals;
    for (const ScoredMethod& method : methods) {
      means.push_back(mean_score(method, name));
      intervals.push_back(detail::interval_of(method, name));
    }
    const std::string better = metric.direction > 0   ? "higher is better"
                               : metric.direction < 0 ? "lower is better"
                                                      : "";
    std::string ceilings = input.ceilings.empty() ? "" : ceiling_cell(input.ceilings, name);
    for (const MeanLevelCeilings& column : input.level_ceilings)
      ceilings += ceiling_cell(column.metrics, name);
    out += fmt::format(
        "<tr><th scope=\"row\">{} <small>{}</small></th>{}{}<td class=\"n\">{}</td></tr>\n",
        escape_html(metric.title), better,
        detail::score_cells(means, complete, metric.direction, 3, intervals), ceilings,
        metric.best ? fmt::format("{:g}", *metric.best) : "\u2013");
  }
  return out + "</tbody></table></div>\n";
}

namespace detail {

/// "than control copy in 4 of 5 (equal in 1)": in how many mean scores a method is better.
template <class = void>
std::string comparison(const ReportInput& input, const ScoredMethod& method,
                       const ScoredMethod& other) {
  size_t better = 0, equal = 0, all = 0;
  for (const std::string& name : score_names(input)) {
    const int direction = metric_of(input, name).direction;
    const Score a = mean_score(method, name), b = mean_score(other, name);
    if (!direction || !a || !b || std::isnan(*a) || std::isnan(*b)) continue;
    ++all;
    if (show(a, 3) == show(b, 3))
      ++equal;
    else
      better += *a * direction > *b * direction;
  }
  return fmt::format("than <b>{}</b> in {} of {}{}", spoken(other.name), better, all,
                     equal ? fmt::format(" (equal in {})", equal) : "");
}

}  // namespace detail

/// What was scored, and how it compares, in a few sentences.
template <class = void>
std::string summary_section(const ReportInput& input) {
  const auto methods = methods_of(input);
  size_t cells = 0;
  for (const ContextEvaluation& c : input.evaluation.contexts)
    for (size_t n : c.real_de.target_membership()) cells += n;
  const size_t contexts = input.evaluation.contexts.size();
  const size_t n = detail::predicted_by(methods[0]);
  std::string what = counted(n, "perturbation");
  if (contexts > 1)
    what =
        fmt::format("{} of perturbation and context in {} contexts", counted(n, "pair"), contexts);
  else if (contexts == 1 && !input.evaluation.contexts[0].context.empty())
    what += fmt::format(" in context {}", escape_html(input.evaluation.contexts[0].context));
  std::string out = fmt::format(
      "<p>Predictions of <b>{}</b> for {} are compared with {}{}.{}"
      "</p>\n",
      detail::spoken(input.method), what, counted(cells, "observed cell"),
      input.held_out ? " that were not used in training" : "",
      input.run.empty() ? "" : " <a href=\"#run\">What was run</a> is said below.");
  std::vector<std::string> comparisons;
  for (size_t m = 1; m < methods.size(); ++m)
    if (detail::predicted_by(methods[m]) == n)
      comparisons.push_back(detail::comparison(input, methods[0], methods[m]));
  std::string list;
  for (size_t i = 0; i < comparisons.size(); ++i)
    list += (i == 0 ? "" : i + 1 == comparisons.size() ? ", and " : ", ") + comparisons[i];
  if (!list.empty()) out += fmt::format("<p>Its mean scores are better {}.</p>\n", list);
  out += mean_score_table(input);
  out += fmt::format(
      "<p class=\"note\">Mean over perturbations{}; the best value of each row is bold, among "
      "methods that predicted every one. "
      "{}<a href=\"#reading\">What the scores mean</a> is explained at the end.</p>\n",
      contexts > 1 ? " of each context, then over contexts" : "",
      std::string(input.ceilings.empty()
                      ? ""
                      : "The ceiling is what a repetition of the experiment would score, found by "
                        "halves of the observed cells. ") +
          (input.level_ceilings.empty()
               ? ""
               : "A ceiling by a column is what the observed cells of some of its levels, such as "
                 "guides or batches, score against those of the others. ") +
          (methods[0].intervals.metrics.empty()
               ? ""
               : "Below a mean stands an interval of about 95 % over which cells were measured. "));
  return detail::section("summary", "Mean scores", out);
}

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

/// The main scores of every perturbation of one context beside those of the baselines, and their
/// mean.
template <class = void>
std::string perturbation_score_table(const ReportInput& input, const ContextEvaluation& context) {
  const auto methods = methods_of(input);
  const auto names = detail::main_score_names(input);
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
    add_row(escape_html(targets[t]), std::to_string(context.real_de.target_membership()[t]),
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

/// Scores of every perturbation.
template <class = void>
std::string perturbation_section(const ReportInput& input) {
  std::string out = fmt::format(
      "<p class=\"note\">{}. The best value of each score is bold, among methods that predicted "
      "every perturbation of the context; cells are the observed ones.{}</p>\n",
      method_legend(input),
      detail::main_score_names(input).size() < detail::score_names(input).size()
          ? " All other scores are in <b>results.csv</b>."
          : "");
  for (const ContextEvaluation& context : input.evaluation.contexts) {
    if (!context.context.empty())
      out += fmt::format("<h3>{}</h3>\n<p class=\"note\">{} for comparison.</p>\n",
                         escape_html(context.context),
                         counted(context.real_de.ref_membership(), "control cell"));
    out += perturbation_score_table(input, context);
  }
  return detail::section("perturbations", "Scores by perturbation", out);
}

VCELL_END_NAMESPACE
