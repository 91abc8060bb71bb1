#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "vcell/report/html.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Which of the scores is best, as shown: those that look alike are equally good, and none is best
/// where all are.
template <class = void>
std::vector<bool> best_of(const std::vector<Score>& scores, int direction, int digits) {
  std::vector<bool> best(scores.size(), false);
  Score top;
  for (const Score& s : scores)
    if (direction && s && !std::isnan(*s) && (!top || *s * direction > *top * direction)) top = s;
  for (size_t i = 0; top && i < scores.size(); ++i)
    best[i] = scores[i] && show(scores[i], digits) == show(top, digits);
  if (std::count(best.begin(), best.end(), true) ==
      std::count_if(scores.begin(), scores.end(), [](const Score& s) { return s.has_value(); }))
    best.assign(best.size(), false);
  return best;
}

/// Table cells of one score, a method each; the best one in bold.
/// @param complete  which methods predicted everything: means over less, and ranks among fewer, are
///                  shown and not compared
template <class = void>
std::string score_cells(const std::vector<Score>& scores, const std::vector<bool>& complete,
                        int direction, int digits) {
  auto compared = scores;
  for (size_t m = 0; m < scores.size(); ++m)
    if (!complete[m]) compared[m].reset();
  const auto best = best_of(compared, direction, digits);
  std::string out;
  for (size_t m = 0; m < scores.size(); ++m) {
    const std::string text = show(scores[m], digits);
    out += fmt::format("<td class=\"n{}\">{}</td>", m == 0 ? " first" : "",
                       best[m] ? "<b>" + text + "</b>" : text);
  }
  return out;
}

}  // namespace detail

VCELL_END_NAMESPACE
