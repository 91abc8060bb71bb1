#pragma once

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <string>
#include <vector>

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

VCELL_END_NAMESPACE
