#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "vcell/core/cmath.hpp"
#include "vcell/report/html.hpp"
#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// "no DE gene", "10 to 99 DE genes", "300 or more cells", "mean expression 0.012 to 0.25".
template <class = void>
std::string stratum_name(const ScoreStratum& part) {
  if (part.by == "expression")
    return std::isinf(part.high)
               ? fmt::format("genes with mean expression from {:.2g}", part.low)
               : fmt::format("genes with mean expression {:.2g} to {:.2g}", part.low, part.high);
  const std::string what = part.by == "de_genes" ? "DE genes" : escape_html(part.by);
  if (std::isinf(part.high)) return fmt::format("{:g} or more {}", part.low, what);
  if (part.high - part.low == 1) return fmt::format("{:g} {}", part.low, what);
  return fmt::format("{:g} to {:g} {}", part.low, part.high - 1, what);
}

}  // namespace detail

/// The method's main scores by how strong perturbations are, how many cells they have, and how much
/// genes are expressed.
template <class = void>
std::string strata_section(const ReportInput& input) {
  const ScoreStrata& all = input.evaluation.strata;
  if (all.strata.empty()) return "";
  const auto names = detail::main_score_names(input);
  std::vector<size_t> columns;
  for (size_t m = 0; m < all.metrics.size(); ++m)
    if (std::find(names.begin(), names.end(), all.metrics[m]) != names.end()) columns.push_back(m);
  std::string out =
      "<div class=\"wide\"><table class=\"scores all\">\n<thead><tr><th scope=\"col\">Of</th>"
      "<th scope=\"col\" class=\"n\">Pairs or genes</th>";
  for (const size_t m : columns)
    out += fmt::format("<th scope=\"col\" class=\"n\">{}</th>",
                       escape_html(metric_of(input, all.metrics[m]).title));
  out += "</tr></thead>\n<tbody>\n";
  for (const ScoreStratum& part : all.strata) {
    out += fmt::format("<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td>",
                       detail::stratum_name(part), part.size);
    for (const size_t m : columns)
      out += fmt::format("<td class=\"n\">{}</td>", show(part.means[m], 3));
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
  out += fmt::format(
      "<p class=\"note\">Mean scores of {} over some of the pairs of perturbation and context, by "
      "how many genes are differentially expressed and how many cells there are in what was "
      "observed; and of thirds of the genes, by their mean in the observed controls.</p>\n",
      detail::spoken(input.method));
  return detail::section("strata", "Scores by strength, cells and expression", out);
}

VCELL_END_NAMESPACE
