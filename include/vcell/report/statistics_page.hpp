#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "vcell/report/report_style.hpp"
#include "vcell/report/statistics_plots.hpp"
#include "vcell/train/choices.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
std::string fact(const std::string& name, const std::string& value) {
  return fmt::format("<dt>{}</dt><dd>{}</dd>\n", name, value);
}

template <class = void>
std::string number_cell(double x) {
  return fmt::format("<td class=\"n\">{}</td>",
                     std::isnan(x) ? "\u2013" : fmt::format("{:.4g}", x));
}

/// What the file is, and its genes in a few numbers.
template <class = void>
std::string facts_section(const ScreenStatistics& s, const std::string& file) {
  std::array<size_t, 5> classes{};
  for (const GeneClass c : s.classes.of_genes) ++classes[size_t(c)];
  std::string of_classes;
  for (size_t c = 0; c < classes.size(); ++c)
    of_classes += fmt::format("{}{} {}", c ? ", " : "", classes[c], name_of_choice(GeneClass(c)));
  std::string out = "<dl>\n";
  out += fact("File", escape_html(file));
  out +=
      fact("Cells", fmt::format("{}: {} controls ({}) and {} perturbed", s.all.cells,
                                s.control.cells, escape_html(s.control_label), s.perturbed.cells));
  out +=
      fact("Perturbations",
           fmt::format("{} beside the control{}", s.perturbations.size() - 1,
                       s.batches.empty() ? "" : fmt::format(", in {} batches", s.batches.size())));
  out += fact("Genes", fmt::format("{}; {} never expressed, {} in no control", s.genes.size(),
                                   s.summary.never_expressed, s.never_in_control));
  out += fact("Scale of X", fmt::format("{}{}", unit_of(s.scale),
                                        s.inferred ? " (whole numbers only; nobody says so)" : ""));
  out += fact(
      fmt::format("Over genes ({})", unit_of(s.scale)),
      fmt::format("mean of means {:.7g}, of maxima {:.7g}, of minima {:.7g}",
                  s.summary.mean_of_means, s.summary.mean_of_maxima, s.summary.mean_of_minima));
  out += fact("Classes of genes", fmt::format("{} (mean from {:.4g}, dispersion from {:.4g} on)",
                                              of_classes, s.classes.mean, s.classes.dispersion));
  const auto share = [](const VarianceShare& v) {
    return fmt::format("{:.2f} % of a gene's variance in the mean, {:.2f} % by chance alone",
                       100 * v.mean(), 100 * v.by_chance);
  };
  out += fact("Between perturbations", share(s.perturbation_share));
  if (s.batch_share) out += fact("Between batches", share(*s.batch_share));
  if (s.components) {
    const auto& of = *s.components;
    std::string text = fmt::format("{:.2f} % between perturbations", 100 * of.mean(0));
    if (s.batch_share) text += fmt::format(", {:.2f} % between batches", 100 * of.mean(1));
    out += fact(fmt::format("Of {} principal components", of.variance_ratio.size()), text);
  }
  if (!s.remark.empty()) out += fact("Own genes", escape_html(s.remark));
  return section("facts", "The screen", out + "</dl>\n");
}

/// The perturbations that ask for a look first: those that are not knocked down, then by name.
template <class = void>
std::string perturbation_rows(const ScreenStatistics& s, size_t most) {
  std::vector<const PerturbationCounts*> order;
  for (const auto& row : s.perturbations)
    if (row.name != s.control_label) order.push_back(&row);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    const auto rank = [](double x) { return std::isnan(x) ? -1.0 : x; };
    return rank(a->on_target_residual) > rank(b->on_target_residual);
  });
  std::string rows;
  for (size_t i = 0; i < std::min(most, order.size()); ++i) {
    const PerturbationCounts& row = *order[i];
    rows += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td>"
        "<td class=\"n\">{}</td>",
        escape_html(row.name), row.cells, row.of_guides.size());
    for (const double x : {row.control_mean, row.own_mean, row.on_target_residual})
      rows += number_cell(x);
    if (!s.batches.empty())
      rows += number_cell(row.batch_imbalance) + number_cell(row.batch_imbalance_by_chance);
    rows += "</tr>\n";
  }
  return rows;
}

template <class = void>
std::string perturbations_section(const ScreenStatistics& s, size_t most = 100) {
  std::string head =
      "<th scope=\"col\">Perturbation</th><th scope=\"col\" class=\"n\">Cells</th>"
      "<th scope=\"col\" class=\"n\">Guides</th>";
  for (const char* name : {"Own gene in controls", "in its cells", "Residual"})
    head += fmt::format("<th scope=\"col\" class=\"n\">{}</th>", name);
  if (!s.batches.empty())
    head +=
        "<th scope=\"col\" class=\"n\">Batch imbalance</th>"
        "<th scope=\"col\" class=\"n\">by chance</th>";
  const size_t n = s.perturbations.size() - 1;
  return section(
      "perturbations", "Perturbations",
      fmt::format(
          "<p>The own gene is the one that bears the perturbation's name; means are {}. The "
          "residual "
          "is what is left of it: 1 without effect, below 0.3 a good knock-down. Batch imbalance "
          "is "
          "0 where a perturbation's cells are in batches as all cells are, and by chance alone "
          "about "
          "what stands beside it.{}</p>\n<div class=\"wide\"><table><thead><tr>{}</tr></thead>\n"
          "<tbody>\n{}</tbody></table></div>\n",
          unit_of(s.scale),
          n > most ? fmt::format(" Shown are {} of {}, the largest residuals first; "
                                 "perturbation_table.csv has all.",
                                 most, n)
                   : "",
          head, perturbation_rows(s, most)));
}

}  // namespace detail

/// Statistics as one HTML page that needs no other file. The same input gives the same bytes (with
/// the same gnuplot), and every name is escaped.
/// @param file  what the data are called
template <class = void>
std::string statistics_page(const ScreenStatistics& s, const std::string& file,
                            const std::vector<CaptionedPlot>& plots,
                            const GnuplotOptions& gnuplot = {}) {
  std::string small, large;
  for (const CaptionedPlot& p : plots)
    (p.plot.labels.empty() ? small : large) += figure(p.plot, p.caption, gnuplot);
  const std::string title = escape_html("Statistics of " + file);
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}\n.two {{ grid-template-columns: repeat(2, 1fr); }}\n"
      "@media screen and (max-width: 44rem) {{ .two {{ grid-template-columns: 1fr; }} }}</style>\n"
      "</head>\n<body>\n<header><h1>{0}</h1></header>\n<main>\n{2}{3}{4}{5}</main>\n</body>\n"
      "</html>\n",
      title, report_style, detail::facts_section(s, file),
      detail::section("plots", "Genes and cells",
                      "<div class=\"grid two\">\n" + small + "</div>\n"),
      detail::section("names", "By name", "<div class=\"single\">\n" + large + "</div>\n"),
      detail::perturbations_section(s));
}

VCELL_END_NAMESPACE
