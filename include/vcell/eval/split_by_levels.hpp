#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/eval/split_in_halves.hpp"

VCELL_BEGIN_NAMESPACE

/// A level of a column, such as a guide or a batch, and the half that its cells are in.
struct DividedLevel {
  std::string level;
  bool is_real = true;  ///< else it is predicted
  size_t cells = 0;     ///< those of perturbations and reference
};

struct LevelHalves {
  CellHalves halves;  ///< of the labels with a cell in both; no reference where it has not 2 cells
  std::vector<DividedLevel> levels;   ///< of the cells that take part, by name
  std::vector<std::string> left_out;  ///< labels whose cells are all in one half
  size_t unlabelled = 0;              ///< cells of targets that have no level
  bool control_by_chance = false;     ///< the reference was halved at random
};

/// Splits cells in two parts by the levels of a column, the cells of a level all in one of them,
/// and so that each label's cells are divided as nearly equally as whole levels allow.
///
/// Levels come one by one, those with most cells first, equal ones by name. With x_l the share of
/// label l's cells that a level has, and d_l the shares in the real part less those in the
/// predicted one so far, a level goes where it lessens sum_l d_l^2: to the real part if
/// sum_l x_l d_l < 0, to the predicted one if that is above 0, and if it is 0 to the part with
/// fewer cells, the real one if they have as many. So levels of one label, as guides are, are
/// divided label by label, and levels that labels share, as batches are, once for all labels.
///
/// The reference is a label like the others. Where all of its cells are in one part, or none has a
/// level, all of them are halved at random (split_in_halves).
/// @param levels  of the rows of the matrix whose rows the groups name; -1: no level, and the cell
///                takes no part
/// @param seed    of a reference that is halved at random
template <class = void>
LevelHalves split_by_levels(const ExpressionGroups& groups, const Factor& levels, uint64_t seed) {
  const size_t labels = groups.rows.size() + 1;  // the last one is the reference
  const auto rows_of = [&](size_t label) -> const std::vector<size_t>& {
    return label + 1 < labels ? groups.rows[label] : groups.reference;
  };
  // Of each level, its share of the cells of each of its labels.
  std::vector<std::vector<std::pair<size_t, double>>> shares(levels.names.size());
  std::vector<size_t> cells(levels.names.size(), 0);
  LevelHalves out;
  for (size_t label = 0; label < labels; ++label) {
    std::vector<size_t> count(levels.names.size(), 0);
    size_t all = 0;
    for (const size_t row : rows_of(label)) {
      const int32_t level = levels.codes[row];
      if (level >= 0)
        ++count[size_t(level)], ++all;
      else
        out.unlabelled += label + 1 < labels;
    }
    for (size_t level = 0; level < count.size(); ++level)
      if (count[level]) {
        shares[level].emplace_back(label, double(count[level]) / double(all));
        cells[level] += count[level];
      }
  }
  std::vector<size_t> order;
  for (size_t level = 0; level < cells.size(); ++level)
    if (cells[level]) order.push_back(level);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return cells[a] > cells[b]; });

  std::vector<uint8_t> is_real(cells.size(), 0);
  std::vector<double> more_real(labels, 0);
  size_t in_real = 0, in_predicted = 0;
  for (const size_t level : order) {
    double slope = 0;
    for (const auto& [label, share] : shares[level]) slope += share * more_real[label];
    constexpr double rounding = 1e-12;
    const bool real = std::abs(slope) > rounding ? slope < 0 : in_real <= in_predicted;
    is_real[level] = real;
    (real ? in_real : in_predicted) += cells[level];
    for (const auto& [label, share] : shares[level]) more_real[label] += real ? share : -share;
  }
  for (size_t level = 0; level < cells.size(); ++level)
    if (cells[level])
      out.levels.push_back({levels.names[level], bool(is_real[level]), cells[level]});

  const auto divided = [&](size_t label) {
    std::pair<std::vector<size_t>, std::vector<size_t>> parts;
    for (const size_t row : rows_of(label))
      if (const int32_t level = levels.codes[row]; level >= 0)
        (is_real[size_t(level)] ? parts.first : parts.second).push_back(row);
    return parts;
  };
  for (size_t t = 0; t + 1 < labels; ++t) {
    auto [real, predicted] = divided(t);
    if (real.empty() || predicted.empty()) {
      out.left_out.push_back(groups.targets[t]);
      continue;
    }
    out.halves.real.targets.push_back(groups.targets[t]);
    out.halves.predicted.targets.push_back(groups.targets[t]);
    out.halves.real.rows.push_back(std::move(real));
    out.halves.predicted.rows.push_back(std::move(predicted));
  }
  auto control = divided(labels - 1);
  if (control.first.empty() || control.second.empty()) {
    out.control_by_chance = true;
    NumpyRandom random(seed);
    control = detail::random_halves(groups.reference, random);
  }
  std::tie(out.halves.real.reference, out.halves.predicted.reference) = std::move(control);
  return out;
}

VCELL_END_NAMESPACE
