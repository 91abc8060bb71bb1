#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/diagnose.hpp"
#include "vcell/report/html.hpp"
#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE

/// What a reader has to know before trusting a score.
template <class = void>
std::string warning_section(const ReportInput& input) {
  std::vector<std::string> all = input.warnings;
  for (const std::string& text : input.evaluation.left_out) all.push_back("Left out: " + text);
  for (const ContextEvaluation& context : input.evaluation.contexts)
    for (std::string& text : warnings(context)) all.push_back(std::move(text));
  if (all.empty())
    return "<p class=\"note\">No warnings: enough cells everywhere, and predicted shifts are "
           "about as varied and as large as observed ones.</p>\n";
  std::string out = "<aside class=\"warnings\"><h2>Warnings</h2>\n<ul>\n";
  for (const std::string& text : all) out += fmt::format("<li>{}</li>\n", escape_html(text));
  return out + "</ul></aside>\n";
}

VCELL_END_NAMESPACE
