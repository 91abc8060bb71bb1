#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/diagnose.hpp"
#include "vcell/report/html.hpp"
#include "vcell/report/plot.hpp"
#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE

/// A perturbation of one context.
struct PerturbationPlace {
  const ContextEvaluation* context = nullptr;
  size_t target = 0;       ///< its place in the tables of the context
  size_t significant = 0;  ///< genes that change in the observed cells
  double size = 0;         ///< of the observed shift
};

/// "STAT1", or "STAT1 in rep_3" where there are several contexts.
template <class = void>
std::string name_of(const PerturbationPlace& place, const ReportInput& input) {
  const std::string& target = place.context->real_de.targets[place.target];
  return input.evaluation.contexts.size() < 2
             ? target
             : fmt::format("{} in {}", target, place.context->context);
}

/// All perturbations of all contexts, those that change most genes first.
template <class = void>
std::vector<PerturbationPlace> strongest_perturbations(const ReportInput& input) {
  std::vector<PerturbationPlace> out;
  for (const ContextEvaluation& context : input.evaluation.contexts) {
    const auto shift = mean_shift(context.real_de);
    for (size_t t = 0; t < context.real_de.targets.size(); ++t)
      out.push_back({&context, t,
                     significant_genes(context.real_de, t, input.evaluation.alpha).size(),
                     detail::norm_of_row(shift, t)});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const PerturbationPlace& a, const PerturbationPlace& b) {
                     return std::pair(a.significant, a.size) > std::pair(b.significant, b.size);
                   });
  return out;
}

namespace detail {

/// A round distance between tics, so that there are three to six of them.
template <class = void>
double tic_step(double range) {
  const double power = std::pow(10.0, std::floor(std::log10(range / 6)));
  for (double step : {1.0, 2.0, 5.0})
    if (step * power >= range / 6) return step * power;
  return 10 * power;
}

/// The genes whose names are shown: the perturbed gene and those with the largest observed shift,
/// without those whose name would lie on another.
/// @param range  of both axes
template <class = void>
std::vector<size_t> genes_to_name(std::span<const double> observed,
                                  std::span<const double> predicted, int32_t own, size_t most,
                                  double range) {
  std::vector<size_t> order(observed.size());
  for (size_t g = 0; g < order.size(); ++g) order[g] = g;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const bool a_first = int32_t(a) == own, b_first = int32_t(b) == own;
    if (a_first != b_first) return a_first;
    return std::abs(observed[a]) > std::abs(observed[b]);
  });
  order.resize(std::min(3 * most, order.size()));
  std::vector<size_t> named;
  for (size_t g : order) {
    const bool free = std::none_of(named.begin(), named.end(), [&](size_t other) {
      return std::abs(observed[g] - observed[other]) < 0.3 * range &&
             std::abs(predicted[g] - predicted[other]) < 0.05 * range;
    });
    if (free && named.size() < most) named.push_back(g);
  }
  return named;
}

}  // namespace detail

/// Predicted against observed shift, a point per gene. Points that would cover each other are drawn
/// once; the genes with the largest observed shift are named.
/// @param own  column of the perturbed gene, -1 if it is none; drawn in another colour
template <class = void>
Plot shift_plot(std::string id, const std::string& title, std::span<const double> observed,
                std::span<const double> predicted, const std::vector<std::string>& genes,
                int32_t own, size_t named = 5) {
  Plot plot{std::move(id), title, detail::plot_setup(300, 300), {}};
  double low = 0, high = 0;
  for (const auto& values : {observed, predicted})
    for (double v : values) low = std::min(low, v), high = std::max(high, v);
  const double room = std::max(0.05 * (high - low), 0.01);
  low -= room, high += room;
  plot.script += fmt::format(
      "set xrange [{0:.6g}:{1:.6g}]\nset yrange [{0:.6g}:{1:.6g}]\n"
      "set xtics {2:.6g}\nset ytics {2:.6g}\nset size square\n"
      "set xlabel 'observed shift (log1p)' textcolor rgb '#444444'\n"
      "set ylabel 'predicted shift (log1p)' textcolor rgb '#444444'\n$genes << EOD\n",
      low, high, detail::tic_step(high - low));
  std::set<std::pair<int, int>> drawn;
  const auto place = [&](double v) { return int(std::floor((v - low) / (high - low) * 240)); };
  for (size_t g = 0; g < genes.size(); ++g)
    if (int32_t(g) != own && drawn.insert({place(observed[g]), place(predicted[g])}).second)
      plot.script += fmt::format("{:.4g} {:.4g}\n", observed[g], predicted[g]);
  plot.script += "EOD\n";

  for (size_t g : detail::genes_to_name(observed, predicted, own, named, high - low)) {
    const bool left = observed[g] > (low + high) / 2;  // the name goes towards the middle
    plot.script += fmt::format(
        "set label '{}' at {:.4g},{:.4g} {} offset {},0.4 font ',9' "
        "textcolor rgb '#222222' front\n",
        label_token(plot.labels.size()), observed[g], predicted[g], left ? "right" : "left",
        left ? -0.5 : 0.5);
    plot.labels.push_back(genes[g]);
  }
  if (own >= 0)
    plot.script += fmt::format("$own << EOD\n{:.4g} {:.4g}\nEOD\n", observed[size_t(own)],
                               predicted[size_t(own)]);
  plot.script +=
      "set xzeroaxis lt 1 lw 0.6 lc rgb '#bbbbbb'\n"
      "set yzeroaxis lt 1 lw 0.6 lc rgb '#bbbbbb'\n"
      "plot x with lines lw 0.8 dt 2 lc rgb '#888888' notitle, "
      "$genes using 1:2 with points pt 7 ps 0.3 lc rgb '#1f5f9f' notitle";
  plot.script +=
      own >= 0 ? ", $own using 1:2 with points pt 7 ps 0.6 lc rgb '#b3470f' notitle\n" : "\n";
  return plot;
}

/// Predicted against observed shift for the strongest perturbations.
template <class = void>
std::string shift_section(const ReportInput& input, const GnuplotOptions& gnuplot_options,
                          size_t most = 6) {
  auto places = strongest_perturbations(input);
  places.resize(std::min(most, places.size()));
  std::string figures;
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& [context, t, significant, size] = places[i];
    const auto observed = mean_shift(context->real_de),
               predicted = mean_shift(context->predicted_de);
    const auto row = [t = t](const Tensor<double, 2>& m) {
      return std::span<const double>(m[t].data, m.shape(1));
    };
    const auto& genes = context->real_de.features;
    const std::string& target = context->real_de.targets[t];
    const auto own = std::find(genes.begin(), genes.end(), target);
    const std::string name = name_of(places[i], input);
    figures +=
        figure(shift_plot(fmt::format("shift{}", i),
                          fmt::format("Predicted against observed shift of every gene, {}", name),
                          row(observed), row(predicted), genes,
                          own == genes.end() ? -1 : int32_t(own - genes.begin())),
               fmt::format("<b>{}</b>: correlation {}, {}, {}", escape_html(name),
                           show(pearson(row(predicted), row(observed)), 2),
                           counted(context->real_de.target_membership[t], "cell"),
                           counted(significant, "changed gene")),
               gnuplot_options);
  }
  return detail::section(
      "shifts", "Predicted and observed shifts",
      "<p>The shift is the mean expression (log1p) of perturbed cells minus that of control cells. "
      "Each point is a gene; on the dashed line the prediction is right. Shown are the "
      "perturbations that change most genes; named are the genes that change most, and in red the "
      "perturbed gene itself where it is measured.</p>\n<div class=\"grid\">\n" +
          figures + "</div>\n");
}

namespace detail {

/// At most n bytes of a name, whole UTF-8 characters.
template <class = void>
std::string shortened(const std::string& name, size_t n) {
  if (name.size() <= n) return name;
  size_t end = n - 3;
  while (end > 0 && (uint8_t(name[end]) & 0xC0) == 0x80) --end;
  return name.substr(0, end) + "...";
}

}  // namespace detail

/// How many genes of a perturbation are differentially expressed in which cells.
struct OverlapCounts {
  std::string name;
  size_t both = 0, observed_only = 0, predicted_only = 0;
};

/// A bar per perturbation, the first one on top.
template <class = void>
Plot overlap_plot(std::string id, const std::vector<OverlapCounts>& counts) {
  Plot plot{std::move(id),
            "Differentially expressed genes per perturbation: in both observed and predicted "
            "cells, in observed cells only, in predicted cells only",
            detail::plot_setup(640, int(80 + 20 * counts.size())),
            {}};
  size_t longest = 4;
  std::string tics, data;
  for (size_t i = 0; i < counts.size(); ++i) {
    const OverlapCounts& c = counts[i];
    tics += fmt::format("{}'{}' {}", i ? ", " : "", label_token(i), i);
    plot.labels.push_back(detail::shortened(c.name, 24));
    longest = std::max(longest, plot.labels.back().size());
    data += fmt::format("{} {} {} {}\n", i, c.both, c.both + c.observed_only,
                        c.both + c.observed_only + c.predicted_only);
  }
  plot.script += fmt::format(
      "set lmargin {}\nset yrange [{}:-0.6]\nset ytics scale 0 ({})\nset xrange [0:*]\n"
      "unset grid\nset grid xtics lc rgb '#e6e6e6' lt 1 lw 0.6\nset border 1\n"
      "set xlabel 'differentially expressed genes' textcolor rgb '#444444'\n"
      "set key outside top center horizontal\nset style fill solid 1 noborder\n"
      "$counts << EOD\n{}EOD\n"
      "plot $counts using (0):1:(0):2:($1-0.35):($1+0.35) with boxxyerror "
      "lc rgb '#1f5f9f' title 'both', "
      "'' using (0):1:2:3:($1-0.35):($1+0.35) with boxxyerror "
      "lc rgb '#b9cde0' title 'observed only', "
      "'' using (0):1:3:4:($1-0.35):($1+0.35) with boxxyerror "
      "lc rgb '#e3b48f' title 'predicted only'\n",
      longest + 2, double(counts.size()) - 0.4, tics, data);
  return plot;
}

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
