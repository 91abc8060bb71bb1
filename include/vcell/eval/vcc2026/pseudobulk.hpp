#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

/// What every cell's counts are brought to before the logarithm of a pseudobulk.
inline constexpr double pseudobulk_total = 5e4;

/// Sets of cells as one profile each, and how far these would move if other cells had been drawn.
struct Pseudobulk {
  /// log(1 + 5e4 P_g / sum_g P_g) with P the summed counts of the set, (sets, genes)
  Tensor<double, 2> values;
  /// The delete-one jackknife's variance, summed over all genes, (sets):
  ///   (n - 1) / n sum_g sum_i (v_ig - mean_i v_ig)^2,  v_ig = values without cell i,
  /// 0 of fewer than two cells. Without a cell that has all counts of its set, v_ig is 0.
  std::vector<double> variance;
};

namespace detail {

/// Genes first .. last - 1 of one set of cells: writes their values, returns their share of the
/// variance.
/// @param total   of the set
/// @param values  (last - first)
template <class = void>
double fill_pseudobulk(CsrView<float> X, std::span<const size_t> rows,
                       std::span<const double> totals, double total, size_t first, size_t last,
                       double* values) {
  const size_t width = last - first;
  std::vector<double> sums(width, 0.0), logs(width), cell(width, 0.0), shift(width, 0.0),
      squares(width, 0.0);
  std::vector<std::pair<size_t, size_t>> stored(rows.size());  // of each cell in the panel
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto genes = X.row_indices(rows[i]);
    const auto counts = X.row_values(rows[i]);
    const auto at = [&](size_t gene) {
      return size_t(std::lower_bound(genes.begin(), genes.end(), int32_t(gene)) - genes.begin());
    };
    stored[i] = {at(first), at(last)};
    for (size_t k = stored[i].first; k < stored[i].second; ++k)
      sums[size_t(genes[k]) - first] += counts[k];
  }
  for (size_t g = 0; g < width; ++g) {
    const double x = total > 0 ? pseudobulk_total * sums[g] / total : 0;
    values[g] = std::log1p(x);
    logs[g] = std::log(1 + x);
  }
  if (rows.size() < 2) return 0;

  // Moments about the values with all cells, from which those without one are never far.
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto genes = X.row_indices(rows[i]);
    const auto counts = X.row_values(rows[i]);
    const double rest = total - totals[rows[i]], scale = rest > 0 ? pseudobulk_total / rest : 0;
    for (size_t k = stored[i].first; k < stored[i].second; ++k)
      cell[size_t(genes[k]) - first] = counts[k];
    for (size_t g = 0; g < width; ++g) {
      const double moved = std::log(1 + (sums[g] - cell[g]) * scale) - logs[g];
      shift[g] += moved;
      squares[g] += moved * moved;
    }
    for (size_t k = stored[i].first; k < stored[i].second; ++k) cell[size_t(genes[k]) - first] = 0;
  }
  const double n = double(rows.size());
  double sum = 0;
  for (size_t g = 0; g < width; ++g) sum += squares[g] - shift[g] * shift[g] / n;
  return sum * (n - 1) / n;
}

}  // namespace detail

/// The pseudobulk of each set of cells. Takes a logarithm for each cell and gene.
/// @param X         (cells, genes) counts
/// @param sets      rows of X each
/// @param totals    (cells) of all their counts, see cell_totals
/// @param progress  told of sets, and may stop
/// @throws ShapeError if sizes do not fit; Stopped
template <class = void>
Pseudobulk pseudobulk(CsrView<float> X, const std::vector<std::vector<size_t>>& sets,
                      std::span<const double> totals, const Progress& progress = {}) {
  check_size_match("pseudobulk", "totals", totals.size(), "rows of X", X.rows);
  constexpr size_t width = 1024;  // genes of which all that a cell meets stays in cache
  const size_t panels = (X.columns + width - 1) / width;
  Pseudobulk out{Tensor<double, 2>({sets.size(), X.columns}), {}};
  std::vector<double> total(sets.size(), 0.0), parts(sets.size() * panels);
  for (size_t s = 0; s < sets.size(); ++s)
    for (const size_t row : sets[s]) {
      check_index("pseudobulk", "row", row, X.rows);
      total[s] += totals[row];
    }
  const auto fill = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const size_t s = i / panels, first = i % panels * width,
                   last = std::min(X.columns, first + width);
      parts[i] = detail::fill_pseudobulk(X, sets[s], totals, total[s], first, last,
                                         out.values.data() + s * X.columns + first);
    }
  };
  parallel_for_watched(parts.size(), 1, fill, progress, "pseudobulk");
  for (size_t s = 0; s < sets.size(); ++s) {
    double sum = 0;
    for (size_t panel = 0; panel < panels; ++panel) sum += parts[s * panels + panel];
    out.variance.push_back(std::max(0.0, sum));
  }
  return out;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
