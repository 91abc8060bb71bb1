#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/numpy_random.hpp"
#include "vcell/eval/expression_groups.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

/// Two disjoint halves of the cells of every label: label by label in the order of their names, the
/// control among them, numpy's default_rng(seed).permutation of its cells gives the first
/// floor(n / 2) to the first half and as many to the second. Perturbations of one cell are in
/// neither.
/// @param control  the name of groups.reference
/// @throws ConfigError if there are fewer than two control cells
template <class = void>
std::array<ExpressionGroups, 2> split_halves(const ExpressionGroups& groups,
                                             const std::string& control, uint64_t seed) {
  if (groups.reference.size() < 2)
    throw ConfigError(message("split_halves: there is ", groups.reference.size(), " cell of ",
                              quoted(control), ", expected two at least"));
  std::array<ExpressionGroups, 2> out;
  NumpyRandom random(seed);
  const auto split = [&](const std::vector<size_t>& rows) {
    const auto order = random.permutation(rows.size());
    const size_t n = rows.size() / 2;
    std::array<std::vector<size_t>, 2> halves;
    for (size_t i = 0; i < 2 * n; ++i) halves[i / n].push_back(rows[order[i]]);
    for (auto& half : halves) std::sort(half.begin(), half.end());
    return halves;
  };
  bool control_is_split = false;
  const auto split_control = [&] {
    auto halves = split(groups.reference);
    for (size_t h = 0; h < 2; ++h) out[h].reference = std::move(halves[h]);
    control_is_split = true;
  };
  for (size_t t = 0; t < groups.targets.size(); ++t) {
    if (!control_is_split && control < groups.targets[t]) split_control();
    auto halves = split(groups.rows[t]);
    if (halves[0].empty()) continue;
    for (size_t h = 0; h < 2; ++h) {
      out[h].targets.push_back(groups.targets[t]);
      out[h].rows.push_back(std::move(halves[h]));
    }
  }
  if (!control_is_split) split_control();
  return out;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
