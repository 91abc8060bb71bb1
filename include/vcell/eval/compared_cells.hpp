#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "vcell/data/csr_matrix.hpp"
#include "vcell/eval/exact_rank_sum.hpp"
#include "vcell/eval/expression_groups.hpp"
#include "vcell/eval/expression_options.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The cells of some targets, group t + 1 those of the t-th of them, and group 0, what they are
/// compared with (of mode all: all other cells, and each target is compared with the targets beside
/// it too). Rows of X in their order, so that reading them walks through memory.
struct ComparedCells {
  std::vector<size_t> rows;
  std::vector<uint32_t> groups;  // beside rows
  std::vector<uint32_t> sizes;   // of the groups
  std::vector<float> weights;    // 1 / sizes
  std::vector<double> totals;    // beside rows: sum of the row, where values are scaled to one
  size_t stored = 0;             // values of the rows
  bool against_others = false;
  std::map<std::pair<size_t, size_t>, ExactRankSum> exact;  // by group sizes, where it is made

  /// How many cells a group is compared with.
  size_t reference_size(size_t group) const {
    return against_others ? rows.size() - sizes[group] : sizes[0];
  }
  /// The exact distribution of a group's U if it is to be used; else nullptr.
  template <class = void>
  const ExactRankSum* exact_of(size_t group) const {
    const auto found = exact.find({sizes[group], reference_size(group)});
    return found == exact.end() ? nullptr : &found->second;
  }
};

/// The cells, without what their values say: stored and totals.
/// @param rows_of_X  how many there are
/// @param targets    places in groups.targets
template <class = void>
ComparedCells compared_cells(size_t rows_of_X, const ExpressionGroups& groups,
                             std::span<const size_t> targets,
                             const DifferentialExpressionOptions& options) {
  ComparedCells out;
  out.against_others = options.mode == ExpressionMode::all;
  std::vector<int32_t> of_row(rows_of_X, -1);
  const auto put = [&](const std::vector<size_t>& rows, size_t group) {
    for (const size_t row : rows) of_row[row] = int32_t(group);
    out.sizes[group] += uint32_t(rows.size());
  };
  out.sizes.resize(targets.size() + 1);
  if (out.against_others)
    for (const auto& rows : groups.rows) put(rows, 0);
  put(groups.reference, 0);
  for (size_t t = 0; t < targets.size(); ++t) {
    const auto& rows = groups.rows[targets[t]];
    if (out.against_others) out.sizes[0] -= uint32_t(rows.size());
    put(rows, t + 1);
  }
  for (const uint32_t size : out.sizes) out.weights.push_back(float(1.0 / double(size)));
  for (size_t row = 0; row < rows_of_X; ++row) {
    if (of_row[row] < 0) continue;
    out.rows.push_back(row);
    out.groups.push_back(uint32_t(of_row[row]));
  }
  if (options.exact_cells && options.test == ExpressionTest::wilcoxon)
    for (size_t g = 1; g < out.sizes.size(); ++g) {
      const std::pair<size_t, size_t> sizes(out.sizes[g], out.reference_size(g));
      if (std::min(sizes.first, sizes.second) <= options.exact_cells && !out.exact.contains(sizes))
        out.exact.emplace(sizes, ExactRankSum(sizes.first, sizes.second));
    }
  return out;
}

/// The same with what the values of X say.
template <class = void>
ComparedCells compared_cells(CsrView<float> X, const ExpressionGroups& groups,
                             std::span<const size_t> targets,
                             const DifferentialExpressionOptions& options) {
  ComparedCells out = compared_cells(X.rows, groups, targets, options);
  for (const size_t row : out.rows) {
    out.stored += X.row_size(row);
    if (!options.target_sum) continue;
    double total = 0;
    for (const float x : X.row_values(row)) total += double(x);
    out.totals.push_back(total);
  }
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
