#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "vcell/report/html.hpp"
#include "vcell/report/method_scores.hpp"
#include "vcell/report/score_cells.hpp"
#include "vcell/report/section.hpp"

VCELL_BEGIN_NAMESPACE

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
  out += "<th scope=\"col\" class=\"n\">Best possible</th></tr></thead>\n<tbody>\n";
  for (const std::string& name : detail::score_names(input)) {
    const Metric metric = metric_of(input, name);
    std::vector<Score> means;
    for (const ScoredMethod& method : methods) means.push_back(mean_score(method, name));
    const std::string better = metric.direction > 0   ? "higher is better"
                               : metric.direction < 0 ? "lower is better"
                                                      : "";
    out += fmt::format(
        "<tr><th scope=\"row\">{} <small>{}</small></th>{}<td class=\"n\">{}</td></tr>\n",
        escape_html(metric.title), better,
        detail::score_cells(means, complete, metric.direction, 3),
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
    for (size_t n : c.real_de.target_membership) cells += n;
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
      "<a href=\"#reading\">What the scores mean</a> is explained at the end.</p>\n",
      contexts > 1 ? " of each context, then over contexts" : "");
  return detail::section("summary", "Mean scores", out);
}

VCELL_END_NAMESPACE
