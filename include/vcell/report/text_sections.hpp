#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/eval/diagnose.hpp"
#include "vcell/report/html.hpp"
#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE

/// What a reader has to know before trusting a score.
/// @param progress  as that of diagnose
template <class = void>
std::string warning_section(const ReportInput& input, const Progress& progress = {}) {
  std::vector<std::string> all = input.warnings;
  for (const std::string& text : input.evaluation.left_out) all.push_back("Left out: " + text);
  for (std::string& text : warnings(input.evaluation, {.progress = progress}))
    all.push_back(std::move(text));
  if (all.empty())
    return "<p class=\"note\">No warnings: enough cells everywhere, and predicted shifts are "
           "about as varied and as large as observed ones.</p>\n";
  std::string out = "<aside class=\"warnings\"><h2>Warnings</h2>\n<ul>\n";
  for (const std::string& text : all) out += fmt::format("<li>{}</li>\n", escape_html(text));
  return out + "</ul></aside>\n";
}

/// What was run.
template <class = void>
std::string run_section(const ReportInput& input) {
  std::string out;
  for (const ReportSection& part : input.run) {
    out += fmt::format("<h3>{}</h3>\n<dl>\n", escape_html(part.heading));
    for (const auto& [what, value] : part.facts)
      out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape_html(what), escape_html(value));
    out += "</dl>\n";
  }
  return out.empty() ? "" : detail::section("run", "What was run", out);
}

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
