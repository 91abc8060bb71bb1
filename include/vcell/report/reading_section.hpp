#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "vcell/report/method_scores.hpp"
#include "vcell/report/score_info.hpp"
#include "vcell/report/section.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What a baseline does; empty for one that is not known.
template <class = void>
std::string_view baseline_meaning(std::string_view name) {
  if (name == "control_copy") return "predicted cells are control cells; nothing happens.";
  if (name == "perturbation_mean")
    return "control cells plus the shift of the same perturbation, mean over the contexts it was "
           "trained in.";
  if (name == "context_mean")
    return "control cells plus the mean shift of all perturbations that were trained in the same "
           "context.";
  return "";
}

}  // namespace detail

/// What the scores mean.
template <class = void>
std::string reading_section(const ReportInput& input) {
  std::string out = "<div class=\"reading\"><dl>\n";
  for (const std::string& name : detail::score_names(input)) {
    const ScoreInfo info = score_info(name);
    out += fmt::format("<dt>{}</dt><dd>{} <small>({} in the tables of results)</small></dd>\n",
                       escape_html(info.title), escape_html(info.meaning), escape_html(name));
  }
  for (const ScoredMethod& method : input.baselines)
    if (const auto meaning = detail::baseline_meaning(method.name); !meaning.empty())
      out +=
          fmt::format("<dt>{}</dt><dd>A baseline: {}</dd>\n", detail::spoken(method.name), meaning);
  out += "</dl></div>\n";
  return detail::section("reading", "How to read the scores", out);
}

VCELL_END_NAMESPACE
