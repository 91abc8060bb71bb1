#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "vcell/report/html.hpp"
#include "vcell/report/method_differences.hpp"

VCELL_BEGIN_NAMESPACE

/// How the method differs from the others, with intervals: which differences are more than the
/// choice of perturbations explains. Empty where there is nothing to compare.
template <class = void>
std::string difference_section(const ReportInput& input) {
  const auto all = method_differences(input);
  bool any = false;
  for (const MethodDifference& d : all) any = any || d.found;
  if (!any) return "";
  std::string out =
      "<div class=\"wide\"><table class=\"scores\">\n<thead><tr><th scope=\"col\">Score</th>";
  for (const ScoredMethod& other : input.others)
    out += fmt::format("<th scope=\"col\" class=\"n\">{}</th>", detail::spoken(other.name));
  out += "</tr></thead>\n<tbody>\n";
  const size_t others = input.others.size();
  for (size_t i = 0; i < all.size(); i += others) {
    const Metric metric = metric_of(input, all[i].score);
    out += fmt::format("<tr><th scope=\"row\">{} <small>{}</small></th>", escape_html(metric.title),
                       metric.direction > 0   ? "above 0 is better"
                       : metric.direction < 0 ? "below 0 is better"
                                              : "");
    for (size_t m = 0; m < others; ++m) {
      const auto& found = all[i + m].found;
      if (!found) {
        out += "<td class=\"n\">\u2013</td>";
        continue;
      }
      const bool better =
          (metric.direction > 0 && found->low > 0) || (metric.direction < 0 && found->high < 0);
      const std::string text = show(found->difference, 3);
      out += fmt::format("<td class=\"n\">{}<br><small>{} to {}</small></td>",
                         better ? "<b>" + text + "</b>" : text, show(found->low, 3),
                         show(found->high, 3));
    }
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
  out += fmt::format(
      "<p class=\"note\">{} less each other method, mean over perturbations that both have, with "
      "an "
      "interval of about 95 % over which perturbations there are (drawn again 2,000 times, all "
      "contexts of one together); bold where all of it is better. Fewer than 6 perturbations have "
      "none.</p>\n",
      detail::spoken(input.method));
  return detail::section("differences", "Differences from the other methods", out);
}

VCELL_END_NAMESPACE
