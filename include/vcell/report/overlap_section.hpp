#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "vcell/report/overlap_plot.hpp"
#include "vcell/report/section.hpp"
#include "vcell/report/strongest_perturbations.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Counts the genes that change in the observed cells, in the predicted ones, in both.
template <class = void>
OverlapCounts overlap_counts(const PerturbationPlace& place, const ReportInput& input) {
  auto real = significant_genes(place.context->real_de, place.target, input.evaluation.alpha);
  auto predicted =
      significant_genes(place.context->predicted_de, place.target, input.evaluation.alpha);
  std::sort(real.begin(), real.end());
  std::sort(predicted.begin(), predicted.end());
  std::vector<uint32_t> both;
  std::set_intersection(real.begin(), real.end(), predicted.begin(), predicted.end(),
                        std::back_inserter(both));
  return {name_of(place, input), both.size(), real.size() - both.size(),
          predicted.size() - both.size()};
}

/// The strongest genes of the observed cells with an arrow each; bold where the predicted cells
/// have them too, in the same direction.
template <class = void>
std::string strongest_genes(const PerturbationPlace& place, double alpha, size_t most) {
  const auto& real = place.context->real_de;
  const auto& predicted = place.context->predicted_de;
  std::string out;
  size_t shown = 0;
  for (uint32_t gene : significant_genes(real, place.target, alpha)) {
    if (shown++ == most) break;
    const double change = real.log2_fold_change(place.target, gene);
    const bool found = float(predicted.fdr(place.target, gene)) < float(alpha) &&
                       change * predicted.log2_fold_change(place.target, gene) > 0;
    const std::string text = fmt::format("{}\u00A0{}", escape_html(real.features[gene]),
                                         change > 0 ? "\u2191" : "\u2193");
    out += (out.empty() ? "" : ", ") + (found ? "<b>" + text + "</b>" : text);
  }
  return out.empty() ? "\u2013" : out;
}

}  // namespace detail

/// Which differentially expressed genes the predicted cells have too.
template <class = void>
std::string overlap_section(const ReportInput& input, const GnuplotOptions& gnuplot_options,
                            size_t most_bars = 30) {
  const auto places = strongest_perturbations(input);
  std::vector<OverlapCounts> counts;
  std::string rows;
  for (const PerturbationPlace& place : places) {
    const OverlapCounts c = detail::overlap_counts(place, input);
    if (counts.size() < most_bars) counts.push_back(c);
    rows += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td>"
        "<td class=\"n\">{}</td><td class=\"genes\">{}</td></tr>\n",
        escape_html(c.name), c.both + c.observed_only, c.both + c.predicted_only, c.both,
        detail::strongest_genes(place, input.evaluation.alpha, 6));
  }
  std::string out =
      fmt::format(
          "<p>Genes that differ from control cells (Wilcoxon rank-sum test, false discovery "
          "rate below {:g}, each side against its own control cells).</p>\n"
          "<div class=\"single\">",
          input.evaluation.alpha) +
      figure(overlap_plot("overlap", counts),
             places.size() > counts.size()
                 ? fmt::format("The {} perturbations that change most genes.", counts.size())
                 : "",
             gnuplot_options) +
      "</div>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">Perturbation</th>"
      "<th scope=\"col\" class=\"n\">Observed</th><th scope=\"col\" class=\"n\">Predicted</th>"
      "<th scope=\"col\" class=\"n\">Both</th><th scope=\"col\">Strongest observed genes "
      "(bold: also predicted, same direction)</th></tr></thead>\n<tbody>\n" +
      rows + "</tbody></table></div>\n";
  return detail::section("overlap", "Differentially expressed genes", out);
}

VCELL_END_NAMESPACE
