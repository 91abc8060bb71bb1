#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "vcell/report/html.hpp"
#include "vcell/report/method_scores.hpp"
#include "vcell/report/section.hpp"

VCELL_BEGIN_NAMESPACE

/// What the scores mean, and what the methods do.
template <class = void>
std::string reading_section(const ReportInput& input) {
  std::string out = "<div class=\"reading\"><dl>\n";
  for (const std::string& name : detail::score_names(input)) {
    const Metric metric = metric_of(input, name);
    out += fmt::format("<dt>{}</dt><dd>{} <small>({} in the tables of results)</small></dd>\n",
                       escape_html(metric.title), escape_html(metric.meaning), escape_html(name));
  }
  for (const ScoredMethod& method : methods_of(input))
    if (!method.meaning.empty())
      out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", detail::spoken(method.name),
                         escape_html(method.meaning));
  out += "</dl></div>\n";
  return detail::section("reading", "How to read the scores", out);
}

VCELL_END_NAMESPACE
