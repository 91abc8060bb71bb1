#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
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

/// A bar with a name beside it.
struct NamedBar {
  std::string name;
  std::vector<double> ends;  ///< of the pieces that it has, one after the other, from 0
};

/// Adds bars to a plot, the first on top.
/// @param pieces  what each is called and its colour; one alone is not named
/// @param axis    what is below them
template <class = void>
void add_named_bars(Plot& plot, std::span<const NamedBar> bars,
                    const std::vector<std::pair<std::string, std::string>>& pieces,
                    const std::string& axis) {
  size_t longest = 4;
  bool negative = false;
  std::string tics, data;
  for (size_t i = 0; i < bars.size(); ++i) {
    tics += fmt::format("{}'{}' {}", i ? ", " : "", label_token(plot.labels.size()), i);
    plot.labels.push_back(detail::shortened(bars[i].name, 24));
    longest = std::max(longest, plot.labels.back().size());
    data += fmt::format("{}", i);
    for (const double end : bars[i].ends) {
      data += fmt::format(" {:.6g}", end);
      negative = negative || end < 0;
    }
    data += '\n';
  }
  plot.script += fmt::format(
      "set lmargin {}\nset yrange [{}:-0.6]\nset ytics scale 0 ({})\nset xrange [{}:*]\n"
      "unset grid\nset grid xtics lc rgb '#e6e6e6' lt 1 lw 0.6\nset border 1\n"
      "set xlabel '{}' textcolor rgb '#444444'\n"
      "set key outside top center horizontal\nset style fill solid 1 noborder\n"
      "$bars << EOD\n{}EOD\nplot ",
      longest + 2, double(bars.size()) - 0.4, tics, negative ? "*" : "0", axis, data);
  for (size_t p = 0; p < pieces.size(); ++p)
    plot.script += fmt::format(
        "{}$bars using (0):1:({}):{}:($1-0.35):($1+0.35) with boxxyerror lc rgb '{}' {}",
        p ? ", " : "", p ? fmt::format("${}", p + 1) : "0", p + 2, pieces[p].second,
        pieces.size() == 1 ? "notitle" : "title '" + pieces[p].first + "'");
  plot.script += '\n';
}

VCELL_END_NAMESPACE
