#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "vcell/core/numpy_random.hpp"
#include "vcell/eval/expression_groups.hpp"

VCELL_BEGIN_NAMESPACE

/// Two disjoint parts of the cells of each label, the reference too.
struct CellHalves {
  ExpressionGroups real, predicted;
};

namespace detail {

/// Two random halves of floor(n / 2) rows.
template <class = void>
std::pair<std::vector<size_t>, std::vector<size_t>> random_halves(const std::vector<size_t>& rows,
                                                                  NumpyRandom& random) {
  std::vector<size_t> order;
  for (const size_t place : random.permutation(rows.size())) order.push_back(rows[place]);
  const auto middle = order.begin() + std::ptrdiff_t(rows.size() / 2),
             end = middle + std::ptrdiff_t(rows.size() / 2);
  return {{order.begin(), middle}, {middle, end}};
}

}  // namespace detail

/// Splits the cells of each label in two halves of floor(n / 2), as cell-eval does: of the labels
/// in the order of their names, the reference among them, the cells are permuted by numpy's
/// default_rng(seed); the first half is the real one, the next the predicted one. An odd cell is
/// left out, and a label with fewer than 2 cells.
/// @param reference  the label of groups.reference
/// @throws ConfigError if fewer than 2 cells are of the reference, or no other label has 2
template <class = void>
CellHalves split_in_halves(const ExpressionGroups& groups, const std::string& reference,
                           uint64_t seed) {
  NumpyRandom random(seed);
  CellHalves out;
  const auto split = [&](const std::vector<size_t>& rows) {
    return detail::random_halves(rows, random);
  };
  const auto split_reference = [&] {
    if (groups.reference.size() < 2)
      throw ConfigError(message("split_in_halves: ", groups.reference.size(),
                                " cells are labelled ", quoted(reference),
                                ", the control, and each half needs one"));
    std::tie(out.real.reference, out.predicted.reference) = split(groups.reference);
  };
  bool is_split = false;
  for (size_t t = 0; t < groups.targets.size(); ++t) {
    if (!is_split && reference < groups.targets[t]) {
      split_reference();
      is_split = true;
    }
    if (groups.rows[t].size() < 2) continue;
    auto [real, predicted] = split(groups.rows[t]);
    out.real.targets.push_back(groups.targets[t]);
    out.predicted.targets.push_back(groups.targets[t]);
    out.real.rows.push_back(std::move(real));
    out.predicted.rows.push_back(std::move(predicted));
  }
  if (!is_split) split_reference();
  if (out.real.targets.empty())
    throw ConfigError("split_in_halves: no perturbation has 2 cells, and each half needs one");
  return out;
}

VCELL_END_NAMESPACE
