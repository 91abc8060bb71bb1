#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "vcell/report/plot.hpp"

VCELL_BEGIN_NAMESPACE
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

VCELL_END_NAMESPACE
