#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/pearson.hpp"
#include "vcell/report/named_bars.hpp"
#include "vcell/report/perturbation_effects.hpp"
#include "vcell/report/plot.hpp"

VCELL_BEGIN_NAMESPACE

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
/// @param effects   the strongest first
/// @param progress  of measuring what tables do not keep
template <class = void>
std::string shift_section(std::span<const PerturbationEffect> effects,
                          const GnuplotOptions& gnuplot_options, const Progress& progress = {},
                          size_t most = 6) {
  std::string figures;
  for (size_t i = 0; i < std::min(most, effects.size()); ++i) {
    const PerturbationEffect& effect = effects[i];
    const ExpressionTable &real = effect.context->real_de,
                          &predicted_table = effect.context->predicted_de;
    const size_t t = effect.target;
    const auto shift_in = [&](const ExpressionTable& table) {
      return mean_shift(*table.block(t, t + 1, progress));
    };
    const auto observed = shift_in(real), predicted = shift_in(predicted_table);
    const auto& genes = real.features();
    const auto own = std::find(genes.begin(), genes.end(), real.targets()[t]);
    const std::string& name = effect.changed.name;
    figures +=
        figure(shift_plot(fmt::format("shift{}", i),
                          fmt::format("Predicted against observed shift of every gene, {}", name),
                          observed.values(), predicted.values(), genes,
                          own == genes.end() ? -1 : int32_t(own - genes.begin())),
               fmt::format("<b>{}</b>: correlation {}, {}, {}", escape_html(name),
                           show(pearson(predicted.values(), observed.values()), 2),
                           counted(real.target_membership()[t], "cell"),
                           counted(effect.significant(), "changed gene")),
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

/// A bar per perturbation, the first one on top.
template <class = void>
Plot overlap_plot(std::string id, const std::vector<OverlapCounts>& counts) {
  Plot plot{std::move(id),
            "Differentially expressed genes per perturbation: in both observed and predicted "
            "cells, in observed cells only, in predicted cells only",
            detail::plot_setup(640, int(80 + 20 * counts.size())),
            {}};
  std::vector<NamedBar> bars;
  for (const OverlapCounts& c : counts) {
    const auto both = double(c.both), observed = double(c.observed_only);
    bars.push_back({c.name, {both, both + observed, both + observed + double(c.predicted_only)}});
  }
  add_named_bars(plot, bars,
                 {{"both", "#1f5f9f"}, {"observed only", "#b9cde0"}, {"predicted only", "#e3b48f"}},
                 "differentially expressed genes");
  return plot;
}

/// Which differentially expressed genes the predicted cells have too.
/// @param effects  the strongest first
/// @param alpha    the false discovery rate below which they are
template <class = void>
std::string overlap_section(std::span<const PerturbationEffect> effects, double alpha,
                            const GnuplotOptions& gnuplot_options, size_t most_bars = 30) {
  std::vector<OverlapCounts> counts;
  std::string rows;
  for (const PerturbationEffect& effect : effects) {
    const OverlapCounts& c = effect.changed;
    if (counts.size() < most_bars) counts.push_back(c);
    rows += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{}</td>"
        "<td class=\"n\">{}</td><td class=\"genes\">{}</td></tr>\n",
        escape_html(c.name), c.both + c.observed_only, c.both + c.predicted_only, c.both,
        effect.strongest);
  }
  std::string out =
      fmt::format(
          "<p>Genes that differ from control cells (Wilcoxon rank-sum test, false discovery "
          "rate below {:g}, each side against its own control cells).</p>\n"
          "<div class=\"single\">",
          alpha) +
      figure(overlap_plot("overlap", counts),
             effects.size() > counts.size()
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
