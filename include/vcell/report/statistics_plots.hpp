#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/report/named_bars.hpp"
#include "vcell/report/plot.hpp"
#include "vcell/sets/screen_statistics.hpp"

VCELL_BEGIN_NAMESPACE

/// A plot and what is said below it, HTML.
struct CaptionedPlot {
  Plot plot;
  std::string caption;
};

namespace detail {

/// "counts" or "log1p": what a scale is called on axes.
inline std::string_view unit_of(Scale scale) { return scale == Scale::counts ? "counts" : "log1p"; }

/// Boxes of a histogram with equal bins between the least and the greatest number.
template <class = void>
std::string histogram_data(std::span<const double> numbers, size_t bins, double& width) {
  const auto [least, greatest] = std::minmax_element(numbers.begin(), numbers.end());
  const double low = *least, high = *greatest > low ? *greatest : low + 1;
  width = (high - low) / double(bins);
  std::vector<size_t> counts(bins);
  for (const double x : numbers)
    ++counts[std::min(bins - 1, size_t((x - low) / (high - low) * double(bins)))];
  std::string out;
  for (size_t b = 0; b < bins; ++b)
    out += fmt::format("{:.6g} {}\n", low + (double(b) + 0.5) * width, counts[b]);
  return out;
}

inline constexpr const char* bars_of = "set style fill solid 1 noborder\nset yrange [0:*]\n";
inline constexpr const char* ink = "textcolor rgb '#444444'";

/// One point where several would cover each other.
class SparsePoints {
 public:
  SparsePoints(double low_x, double high_x, double low_y, double high_y)
      : x_(low_x), y_(low_y), width_(high_x - low_x), height_(high_y - low_y) {}
  template <class = void>
  void add(double x, double y, int kind, std::string& out) {
    const auto place = [](double v, double low, double size) {
      return size > 0 ? int(std::floor((v - low) / size * 240)) : 0;
    };
    if (drawn_.insert({kind, {place(x, x_, width_), place(y, y_, height_)}}).second)
      out += fmt::format("{:.4g} {:.4g} {}\n", x, y, kind);
  }

 private:
  double x_, y_, width_, height_;
  std::set<std::pair<int, std::pair<int, int>>> drawn_;
};

}  // namespace detail

/// How many genes have which mean, on a logarithmic axis. Genes that are 0 everywhere have no place
/// there and are counted in the caption.
template <class = void>
CaptionedPlot gene_mean_plot(const ScreenStatistics& s) {
  std::vector<double> logs;
  for (const double mean : s.all.mean)
    if (mean > 0) logs.push_back(std::log10(mean));
  const size_t zeros = s.all.mean.size() - logs.size();
  CaptionedPlot out{{"gene_mean_distribution",
                     "How many genes have which mean",
                     detail::plot_setup(480, 280),
                     {}},
                    fmt::format("Mean of every gene over all cells, {}, on a logarithmic axis; {} "
                                "0 or less in the mean.",
                                detail::unit_of(s.scale),
                                zeros == 1 ? "1 gene is" : fmt::format("{} genes are", zeros))};
  double width = 1;
  const std::string data = logs.empty() ? "0 0\n" : detail::histogram_data(logs, 60, width);
  out.plot.script += fmt::format(
      "{}set xlabel 'mean of a gene ({}), power of ten' {}\nset ylabel 'genes' {}\n"
      "set boxwidth {:.6g} absolute\n$bins << EOD\n{}EOD\n"
      "plot $bins using 1:2 with boxes lc rgb '#1f5f9f' notitle\n",
      detail::bars_of, detail::unit_of(s.scale), detail::ink, detail::ink, 0.9 * width, data);
  return out;
}

/// How many genes have which difference between perturbed cells and controls. The largest ones lie
/// at the edges, and are counted.
template <class = void>
CaptionedPlot gene_delta_plot(const ScreenStatistics& s) {
  std::vector<double> sizes;
  for (const GeneDelta& d : s.deltas)
    if (std::isfinite(d.delta)) sizes.push_back(d.size());
  double edge = 1;
  if (!sizes.empty()) {  // they come with the largest first
    edge = sizes[sizes.size() / 100];
    if (!(edge > 0)) edge = sizes.front() > 0 ? sizes.front() : 1;
  }
  std::vector<double> deltas = {-edge, edge};
  size_t beyond = 0;
  for (const GeneDelta& d : s.deltas) {
    if (!std::isfinite(d.delta)) continue;
    beyond += d.size() > edge;
    deltas.push_back(std::clamp(d.delta, -edge, edge));
  }
  double width = 1;
  const std::string data = detail::histogram_data(deltas, 61, width);
  CaptionedPlot out{{"gene_delta_distribution",
                     "How many genes have which difference of means",
                     detail::plot_setup(480, 280),
                     {}},
                    fmt::format("Mean over perturbed cells minus mean over controls, {}; {} beyond "
                                "the edges are drawn there.",
                                detail::unit_of(s.scale), counted(beyond, "gene"))};
  out.plot.script += fmt::format(
      "{}set xlabel 'perturbed - control ({})' {}\nset ylabel 'genes' {}\nset logscale y\n"
      "set yrange [0.8:*]\nset boxwidth {:.6g} absolute\n$bins << EOD\n{}EOD\n"
      "plot $bins using 1:($2 > 0 ? $2 : 1/0) with boxes lc rgb '#1f5f9f' notitle\n",
      detail::bars_of, detail::unit_of(s.scale), detail::ink, detail::ink, 0.9 * width, data);
  return out;
}

namespace detail {

/// Pairs of numbers on two logarithmic axes of one range: 0 lies at the edge.
struct LogPairs {
  double edge = 1, high = 10;
  size_t at_edge = 0;
  std::string data;
};

/// @param kinds  a number for each point, the third column; empty: 0
template <class = void>
LogPairs log_pairs(std::span<const double> x, std::span<const double> y) {
  LogPairs out;
  double least = std::numeric_limits<double>::infinity(), greatest = 0;
  for (const auto& numbers : {x, y})
    for (const double v : numbers) {
      if (!(v > 0) || !std::isfinite(v)) continue;
      least = std::min(least, v);
      greatest = std::max(greatest, v);
    }
  if (!(greatest > 0)) least = 1, greatest = 10;
  out.edge = least / 2;
  out.high = greatest * 1.2;
  SparsePoints points(std::log10(out.edge), std::log10(out.high), std::log10(out.edge),
                      std::log10(out.high));
  std::string logs;
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) || std::isnan(y[i])) continue;
    out.at_edge += !(x[i] > 0 && y[i] > 0);
    points.add(std::log10(std::max(x[i], out.edge)), std::log10(std::max(y[i], out.edge)), 0,
               out.data);
  }
  return out;
}

/// The same as a plot with the line where both are equal.
template <class = void>
std::string log_scatter(const LogPairs& pairs, const std::string& x, const std::string& y,
                        const std::string& more = "", double size = 0.3) {
  return fmt::format(
      "set xrange [{0:.6g}:{1:.6g}]\nset yrange [{0:.6g}:{1:.6g}]\nset size square\n"
      "set xlabel '{2}' {3}\nset ylabel '{4}' {3}\n$points << EOD\n{5}EOD\n"
      "plot x with lines lw 0.8 dt 2 lc rgb '#888888' notitle{6}, $points using 1:2 with points "
      "pt 7 ps {7} lc rgb '#1f5f9f' notitle\n",
      std::log10(pairs.edge), std::log10(pairs.high), x, ink, y, pairs.data, more, size);
}

}  // namespace detail

/// The mean of every gene over controls and over perturbed cells.
template <class = void>
CaptionedPlot control_perturbed_plot(const ScreenStatistics& s) {
  const auto pairs = detail::log_pairs(s.control.mean, s.perturbed.mean);
  CaptionedPlot out{{"ctrl_vs_pert_scatter",
                     "Mean of every gene in controls and perturbed cells",
                     detail::plot_setup(380, 360),
                     {}},
                    fmt::format("A point is a gene, on logarithmic axes; {} 0 in one of them are "
                                "drawn at the edge. Points that would cover each other are one.",
                                counted(pairs.at_edge, "gene") + " with mean")};
  out.plot.script += detail::log_scatter(
      pairs, fmt::format("controls (mean {}), power of ten", detail::unit_of(s.scale)),
      "perturbed cells, power of ten");
  return out;
}

/// The genes whose means differ most.
/// @param top  how many
template <class = void>
CaptionedPlot top_delta_plot(const ScreenStatistics& s, size_t top = 50) {
  const size_t n = std::min(top, s.deltas.size());
  CaptionedPlot out{{fmt::format("top{}_delta_barh", top),
                     "The genes whose means differ most",
                     detail::plot_setup(640, int(80 + 18 * n)),
                     {}},
                    "The genes whose mean over perturbed cells differs most from that over "
                    "controls, whatever their own spread is."};
  std::vector<NamedBar> bars;
  for (size_t i = 0; i < n; ++i) bars.push_back({s.genes[s.deltas[i].gene], {s.deltas[i].delta}});
  add_named_bars(out.plot, bars, {{"", "#1f5f9f"}},
                 fmt::format("perturbed - control ({})", detail::unit_of(s.scale)));
  return out;
}

/// How many cells each perturbation has, from many to few.
template <class = void>
CaptionedPlot perturbation_cells_plot(const ScreenStatistics& s) {
  std::vector<size_t> cells;
  for (const auto& row : s.perturbations)
    if (row.name != s.control_label) cells.push_back(row.cells);
  std::sort(cells.rbegin(), cells.rend());
  std::string data;
  const size_t step = cells.size() / 1000 + 1;
  for (size_t i = 0; i < cells.size(); i += step) data += fmt::format("{} {}\n", i + 1, cells[i]);
  if (cells.empty()) data = "1 0\n";
  CaptionedPlot out{
      {"cells_per_perturbation",
       "Cells of each perturbation, from many to few",
       detail::plot_setup(480, 280),
       {}},
      fmt::format("{}; the control has {} more.",
                  cells.empty() ? "No perturbation"
                                : fmt::format("From {} down to {} cells", cells[0], cells.back()),
                  counted(s.control.cells, "cell"))};
  out.plot.script += fmt::format(
      "{}set xlabel 'perturbations, ranked' {}\nset ylabel 'cells' {}\nset xrange [0:{}]\n"
      "$cells << EOD\n{}EOD\nplot $cells using 1:2 with steps lw 1.6 lc rgb '#1f5f9f' notitle\n",
      detail::bars_of, detail::ink, detail::ink, cells.size() + 1, data);
  return out;
}

/// What perturbed cells have of the gene that they are perturbed in, beside controls. The lower
/// line is at a residual of 0.3.
template <class = void>
CaptionedPlot knockdown_plot(const ScreenStatistics& s) {
  std::vector<double> control, own;
  size_t below = 0;
  for (const auto& row : s.perturbations) {
    if (row.own_gene < 0) continue;
    control.push_back(row.control_mean);
    own.push_back(row.own_mean);
    below += row.on_target_residual < 0.3;
  }
  const auto pairs = detail::log_pairs(control, own);
  CaptionedPlot out{{"target_knockdown",
                     "Every target's gene in controls and in its own cells",
                     detail::plot_setup(380, 360),
                     {}},
                    fmt::format("A point is a perturbation with a gene of its own ({} of {}); {} "
                                "below the lower line, where 30 % is left.",
                                own.size(), s.perturbations.size() - 1,
                                below == 1 ? "1 is" : fmt::format("{} are", below))};
  out.plot.script += detail::log_scatter(
      pairs, fmt::format("controls (mean {}), power of ten", detail::unit_of(s.scale)),
      "cells perturbed in it, power of ten",
      ", x + log10(0.3) with lines lw 0.8 dt 3 lc rgb '#b3470f' notitle", 0.5);
  return out;
}

/// The cells of each perturbation in the parts of a split.
/// @param most  bars, those with most cells
template <class = void>
CaptionedPlot split_plot(const ScreenStatistics& s, size_t most = 60) {
  std::vector<size_t> order;
  for (size_t p = 0; p < s.perturbations.size(); ++p)
    if (s.perturbations[p].name != s.control_label) order.push_back(p);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return s.perturbations[a].cells > s.perturbations[b].cells;
  });
  const size_t n = std::min(most, order.size());
  std::vector<NamedBar> bars;
  for (size_t i = 0; i < n; ++i) {
    NamedBar bar{s.perturbations[order[i]].name, {}};
    double end = 0;
    for (const size_t cells : s.cells_of_parts[order[i]]) bar.ends.push_back(end += double(cells));
    bars.push_back(std::move(bar));
  }
  CaptionedPlot out{{"split_cells",
                     "Cells of each perturbation in the parts of the split",
                     detail::plot_setup(640, int(90 + 18 * n)),
                     {}},
                    n < order.size() ? fmt::format("The {} perturbations with most cells, of {}.",
                                                   n, order.size())
                                     : ""};
  add_named_bars(
      out.plot, bars,
      {{"train", "#1f5f9f"}, {"validation", "#b9cde0"}, {"test", "#e3b48f"}, {"unused", "#dddddd"}},
      "cells");
  return out;
}

/// Mean and normalised dispersion of every gene, with the highly variable ones and the thresholds
/// of the classes.
template <class = void>
CaptionedPlot dispersion_plot(const ScreenStatistics& s) {
  double high = 1, low = 0, top = 1;
  for (size_t g = 0; g < s.hvg.means.size(); ++g) {
    if (std::isnan(s.hvg.dispersions_norm[g])) continue;
    high = std::max(high, s.hvg.means[g]);
    low = std::min(low, double(s.hvg.dispersions_norm[g]));
    top = std::max(top, double(s.hvg.dispersions_norm[g]));
  }
  detail::SparsePoints points(0, high, low, top);
  std::string data;
  size_t unknown = 0;
  for (size_t g = 0; g < s.hvg.means.size(); ++g) {
    if (std::isnan(s.hvg.dispersions_norm[g]))
      ++unknown;
    else
      points.add(s.hvg.means[g], s.hvg.dispersions_norm[g], s.hvg.highly_variable[g] != 0, data);
  }
  CaptionedPlot out{
      {"mean_dispersion",
       "Mean and normalised dispersion of every gene",
       detail::plot_setup(480, 320),
       {}},
      fmt::format("Highly variable genes in red. The lines part key genes (above, right), "
                  "housekeeping (below, right), rare (above, left) and uninformative ones; {} "
                  "no dispersion.",
                  unknown == 1 ? "1 gene has" : fmt::format("{} genes have", unknown))};
  out.plot.script += fmt::format(
      "set xlabel 'mean of a gene, log(1 + mean of normalised counts)' {0}\n"
      "set ylabel 'normalised dispersion' {0}\nset xrange [0:{1:.6g}]\nset yrange "
      "[{2:.6g}:{3:.6g}]\n"
      "set arrow from {4:.6g},graph 0 to {4:.6g},graph 1 nohead lw 0.8 dt 2 lc rgb '#888888'\n"
      "set arrow from graph 0,first {5:.6g} to graph 1,first {5:.6g} nohead lw 0.8 dt 2 lc rgb "
      "'#888888'\n"
      "$genes << EOD\n{6}EOD\n"
      "plot $genes using ($3 == 0 ? $1 : 1/0):2 with points pt 7 ps 0.3 lc rgb '#9aa7b4' notitle, "
      "$genes using ($3 == 1 ? $1 : 1/0):2 with points pt 7 ps 0.3 lc rgb '#b3470f' notitle\n",
      detail::ink, 1.05 * high, low - 0.05 * (top - low), top + 0.05 * (top - low), s.classes.mean,
      s.classes.dispersion, data.empty() ? "0 0 2\n" : data);
  return out;
}

/// The shares of variance of principal components that lie between perturbations and batches.
template <class = void>
CaptionedPlot component_plot(const ScreenStatistics& s) {
  const ComponentShares& of = *s.components;
  const bool batches = of.of_columns.size() > 1;
  std::string data;
  double explained = 0;
  for (size_t j = 0; j < of.variance_ratio.size(); ++j) {
    explained += of.variance_ratio[j];
    data += fmt::format("{}", j + 1);
    for (const VarianceShare& column : of.of_columns) {
      const double share = column.of_genes[j];
      data += fmt::format(" {:.6g}", std::isnan(share) ? 0.0 : 100 * share);
    }
    data += "\n";
  }
  CaptionedPlot out{
      {"component_variance_shares",
       "What perturbations and batches explain of principal components",
       detail::plot_setup(480, 280),
       {}},
      fmt::format("Share of the variance of cells along each principal component that lies between "
                  "perturbations{}; by chance alone {:.2f} %{}. The components are those of the "
                  "highly variable genes, log1p, and have {:.1f} % of their variance.",
                  batches ? " and between batches" : "", 100 * of.of_columns[0].by_chance,
                  batches ? fmt::format(" and {:.2f} %", 100 * of.of_columns[1].by_chance) : "",
                  100 * explained)};
  out.plot.script += fmt::format(
      "{0}set xlabel 'principal component' {1}\nset ylabel 'share of variance (%)' {1}\n"
      "set xtics 1\nset boxwidth 0.4 absolute\n$shares << EOD\n{2}EOD\n"
      "plot $shares using ($1 - 0.2):2 with boxes lc rgb '#1f5f9f' title 'perturbations'{3}\n",
      detail::bars_of, detail::ink, data,
      batches ? ", $shares using ($1 + 0.2):3 with boxes lc rgb '#b3470f' title 'batches'" : "");
  return out;
}

/// All of them that the statistics have something for.
/// @param top  genes of the largest differences
template <class = void>
std::vector<CaptionedPlot> statistics_plots(const ScreenStatistics& s, size_t top = 50) {
  std::vector<CaptionedPlot> out = {gene_mean_plot(s), gene_delta_plot(s),
                                    control_perturbed_plot(s), top_delta_plot(s, top),
                                    perturbation_cells_plot(s)};
  const bool targets = std::any_of(s.perturbations.begin(), s.perturbations.end(),
                                   [](const auto& row) { return row.own_gene >= 0; });
  if (targets) out.push_back(knockdown_plot(s));
  if (!s.cells_of_parts.empty()) out.push_back(split_plot(s));
  out.push_back(dispersion_plot(s));
  if (s.components) out.push_back(component_plot(s));
  return out;
}

VCELL_END_NAMESPACE
