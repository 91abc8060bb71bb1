#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "vcell/report/method_scores.hpp"
#include "vcell/report/score_cells.hpp"
#include "vcell/report/score_info.hpp"
#include "vcell/report/section.hpp"

namespace vcell::inline VCELL_ABI {

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

namespace detail {

/// "than control copy in 4 of 5 (equal in 1)": in how many mean scores the model is better.
inline std::string comparison(const ReportInput& input, const ScoredMethod& model,
                              const ScoredMethod& baseline) {
  size_t better = 0, equal = 0, all = 0;
  for (const std::string& name : score_names(input)) {
    const int direction = score_info(name).direction;
    const Score a = mean_of_means(model, name), b = mean_of_means(baseline, name);
    if (!direction || !a || !b || std::isnan(*a) || std::isnan(*b)) continue;
    ++all;
    if (show(a, 3) == show(b, 3))
      ++equal;
    else
      better += *a * direction > *b * direction;
  }
  return fmt::format("than <b>{}</b> in {} of {}{}", spoken(baseline.name), better, all,
                     equal ? fmt::format(" (equal in {})", equal) : "");
}

}  // namespace detail

/// What was scored, and how the model compares, in a few sentences.
inline std::string summary_section(const ReportInput& input) {
  const auto methods = methods_of(input);
  size_t cells = 0;
  for (const ContextEvaluation& c : input.evaluation.contexts)
    for (size_t n : c.real_de.target_membership) cells += n;
  const size_t contexts = input.evaluation.contexts.size();
  std::string where;
  if (contexts > 1)
    where = fmt::format(" in {} contexts", contexts);
  else if (contexts == 1 && !input.evaluation.contexts[0].context.empty())
    where = fmt::format(" in context {}", escape_html(input.evaluation.contexts[0].context));
  std::string out = fmt::format(
      "<p>Predictions of <b>{}</b> for {}{} are compared with {} that were not used in training."
      "</p>\n",
      detail::spoken(input.model), counted(detail::predicted_by(methods[0]), "perturbation"), where,
      counted(cells, "observed cell"));
  if (methods.size() > 1) {
    out += "<p>Its mean scores are better ";
    for (size_t m = 1; m < methods.size(); ++m) {
      const char* join = m == 1 ? "" : m + 1 == methods.size() ? ", and " : ", ";
      out += join + detail::comparison(input, methods[0], methods[m]);
    }
    out += ".</p>\n";
  }
  out += mean_score_table(input);
  out += fmt::format(
      "<p class=\"note\">Mean over perturbations{}; the best value of each row is bold. "
      "What the scores mean is explained at the end.</p>\n",
      contexts > 1 ? " of each context, then over contexts" : "");
  return detail::section("summary", "Mean scores", out);
}

}  // namespace vcell::inline VCELL_ABI
