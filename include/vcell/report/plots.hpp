#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "vcell/report/gnuplot.hpp"
#include "vcell/report/inline_svg.hpp"
#include "vcell/report/report_input.hpp"

namespace vcell::inline VCELL_ABI {

/// A plot for the page: a gnuplot script of our own text and numbers, and the names that it shows.
struct Plot {
  std::string id;                   ///< unique in the page, letters and digits
  std::string title;                ///< for those who do not see it
  std::string script;               ///< draws to standard output, tokens in place of names
  std::vector<std::string> labels;  ///< for the tokens
};

namespace detail {

inline std::string plot_setup(int width, int height) {
  return fmt::format(
      "set terminal svg size {},{} dynamic noenhanced font 'sans-serif,11'\n"
      "set encoding utf8\n"
      "set border 3 lc rgb '#666666' lw 0.8\n"
      "set tics nomirror out scale 0.5 textcolor rgb '#444444'\n"
      "set grid lc rgb '#e6e6e6' lt 1 lw 0.6\n"
      "set key top right samplen 1.5 spacing 1.1 textcolor rgb '#444444'\n",
      width, height);
}

/// At most n bytes of a name, whole UTF-8 characters.
inline std::string shortened(const std::string& name, size_t n) {
  if (name.size() <= n) return name;
  size_t end = n - 3;
  while (end > 0 && (uint8_t(name[end]) & 0xC0) == 0x80) --end;
  return name.substr(0, end) + "...";
}

/// At most n points: means over pieces of equal length.
inline std::vector<LossPoint> thinned(const std::vector<LossPoint>& points, size_t n) {
  const size_t piece = std::max<size_t>(1, (points.size() + n - 1) / n);
  std::vector<LossPoint> out;
  for (size_t i = 0; i < points.size(); i += piece) {
    const size_t end = std::min(points.size(), i + piece);
    LossPoint mean;
    for (size_t k = i; k < end; ++k) mean.step += points[k].step, mean.loss += points[k].loss;
    out.push_back({mean.step / double(end - i), mean.loss / double(end - i)});
  }
  return out;
}

inline void add_block(std::string& script, const char* name, const std::vector<LossPoint>& points) {
  script += fmt::format("${} << EOD\n", name);
  for (const LossPoint& p : points)
    if (std::isfinite(p.step) && std::isfinite(p.loss))
      script += fmt::format("{:.10g} {:.10g}\n", p.step, p.loss);
  script += "EOD\n";
}

/// A round distance between tics, so that there are three to six of them.
inline double tic_step(double range) {
  const double power = std::pow(10.0, std::floor(std::log10(range / 6)));
  for (double step : {1.0, 2.0, 5.0})
    if (step * power >= range / 6) return step * power;
  return 10 * power;
}

/// The genes whose names are shown: the perturbed gene and those with the largest observed shift,
/// without those whose name would lie on another.
/// @param range  of both axes
inline std::vector<size_t> genes_to_name(std::span<const double> observed,
                                         std::span<const double> predicted, int32_t own,
                                         size_t most, double range) {
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

/// Loss by step, of training (averaged over pieces when there are many) and of validation.
inline Plot training_plot(const ReportInput& input) {
  Plot plot{"training", "Loss on training and validation cells by training step", "", {}};
  plot.script = detail::plot_setup(640, 240);
  detail::add_block(plot.script, "training", detail::thinned(input.training_loss, 300));
  detail::add_block(plot.script, "validation", input.validation_loss);
  plot.script +=
      "set xlabel 'training step' textcolor rgb '#444444'\n"
      "set ylabel 'loss' textcolor rgb '#444444'\n";
  if (input.kept_step)
    plot.script += fmt::format(
        "set arrow from first {0:.10g}, graph 0 to first {0:.10g}, graph 1 "
        "nohead lc rgb '#999999' dt 2\n"
        "set label 'kept' at first {0:.10g}, graph 0.95 offset 0.5,0 "
        "textcolor rgb '#666666'\n",
        *input.kept_step);
  std::string curves;
  if (!input.training_loss.empty())
    curves = "$training using 1:2 with lines lw 1.2 lc rgb '#7f9fbf' title 'training'";
  if (!input.validation_loss.empty())
    curves += std::string(curves.empty() ? "" : ", ") +
              "$validation using 1:2 with linespoints lw 1.6 pt 7 ps 0.5 lc rgb '#b3470f' title "
              "'validation'";
  plot.script += "plot " + curves + "\n";
  return plot;
}

/// Predicted against observed shift, a point per gene. Points that would cover each other are drawn
/// once; the genes with the largest observed shift are named.
/// @param own  column of the perturbed gene, -1 if it is none; drawn in another colour
inline Plot shift_plot(std::string id, const std::string& title, std::span<const double> observed,
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
      "set xtics {2:.6g}\nset ytics {2:.6g}\nset size square\nset xlabel 'observed shift (log1p)' "
      "textcolor rgb "
      "'#444444'\nset ylabel 'predicted shift (log1p)' textcolor rgb "
      "'#444444'\n$genes << EOD\n",
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

/// How many genes of a perturbation are differentially expressed in which cells.
struct OverlapCounts {
  std::string name;
  size_t both = 0, observed_only = 0, predicted_only = 0;
};

/// A bar per perturbation, the first one on top.
inline Plot overlap_plot(std::string id, const std::vector<OverlapCounts>& counts) {
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
      "plot $counts using (0):1:(0):2:($1-0.35):($1+0.35) with boxxyerror lc rgb '#1f5f9f' title "
      "'both', "
      "'' using (0):1:2:3:($1-0.35):($1+0.35) with boxxyerror lc rgb '#b9cde0' title 'observed "
      "only', "
      "'' using (0):1:3:4:($1-0.35):($1+0.35) with boxxyerror lc rgb '#e3b48f' title 'predicted "
      "only'\n",
      longest + 2, double(counts.size()) - 0.4, tics, data);
  return plot;
}

/// The plot as a figure of the page; where gnuplot does not draw it, the figure says why.
/// @param caption  HTML
inline std::string figure(const Plot& plot, const std::string& caption,
                          const GnuplotOptions& options) {
  const Drawing drawing = gnuplot(plot.script, options);
  const std::string inside =
      drawing.trouble.empty()
          ? inline_svg(drawing.svg, plot.id, plot.title, plot.labels)
          : fmt::format(
                "<p class=\"absent\">No plot: {}. With gnuplot installed (package "
                "gnuplot-nox or gnuplot) the report shows it here.</p>",
                escape_html(drawing.trouble));
  return fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", inside, caption);
}

}  // namespace vcell::inline VCELL_ABI
