#pragma once

#include <fmt/format.h>

#include <string>

#include "vcell/report/html.hpp"
#include "vcell/report/report_input.hpp"
#include "vcell/report/section.hpp"

VCELL_BEGIN_NAMESPACE

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

VCELL_END_NAMESPACE
