#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/borrowed_rows.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/preprocess/matrix_of.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE

/// How much of each gene's variance over cells lies between the groups of cells that a column
/// makes:
///
///   share[g] = sum_k n_k (mean_k - mean)^2 / sum_c (x_c - mean)^2
struct VarianceShare {
  std::vector<double> of_genes;  ///< (genes) 0 .. 1; NaN where a gene does not vary
  /// What groups that mean nothing have in the mean: (groups - 1) / (cells - 1). A share is worth
  /// mentioning where it is above that.
  double by_chance = 0;

  /// Over the genes that vary; NaN if none does.
  template <class = void>
  double mean() const {
    double sum = 0;
    size_t n = 0;
    for (const double share : of_genes)
      if (!std::isnan(share)) sum += share, ++n;
    return n ? sum / double(n) : std::numeric_limits<double>::quiet_NaN();
  }
};

/// The share of each of several columns, over the cells that have a label in all of them.
/// @param X       (cells, genes), log1p for a meaning; read once for each part of the genes whose
///                sums have room
/// @param labels  (cells) each
/// @param bytes   that the sums of a part may take: 8 for each gene of each group
/// @param more    accumulators (see accumulate) that are handed the blocks of all genes: in the
///                same pass where there is one, else in one of their own
/// @throws ShapeError if there is not one label for every cell
template <class S, class... More>
requires RowSource<S, float> std::vector<VarianceShare> variance_shares(
    const S& X, const std::vector<const Factor*>& labels, size_t bytes = size_t(256) << 20,
    More&... more) {
  std::vector<int32_t> all(X.rows(), 0);
  size_t groups = 1;
  for (const Factor* column : labels) {
    check_size_match("variance_shares", "labels", column->size(), "rows of X", X.rows());
    groups += column->names.size();
    for (size_t i = 0; i < all.size(); ++i)
      if (column->codes[i] < 0) all[i] = -1;
  }
  const double cells = double(std::count(all.begin(), all.end(), 0));
  std::vector<std::vector<int32_t>> codes;  // of the cells that take part
  std::vector<std::vector<double>> sizes;   // cells of each group
  std::vector<VarianceShare> out(labels.size());
  for (size_t l = 0; l < labels.size(); ++l) {
    codes.push_back(labels[l]->codes);
    sizes.emplace_back(labels[l]->names.size());
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i] < 0)
        codes[l][i] = -1;
      else
        ++sizes[l][size_t(codes[l][i])];
    }
    const auto there =
        std::count_if(sizes[l].begin(), sizes[l].end(), [](double n) { return n > 0; });
    out[l].by_chance = cells > 1 ? (double(there) - 1) / (cells - 1) : 0;
  }
  using Moments = std::array<double, 2>;
  const auto add = each_value([](Moments& m, auto x) {
    const double value = x;
    m[0] += value;
    m[1] += value * value;
  });
  const auto add_sum = each_value([](double& sum, auto x) { sum += double(x); });
  const size_t width = std::max<size_t>(1, bytes / (8 * (groups + 1)));
  const bool is_one = width >= X.columns();
  with_value_type<void>(X, [&]<class T>() {
    if constexpr (sizeof...(more) > 0)
      if (!is_one) accumulate<T>(X, more...);
    for (size_t first = 0; first < X.columns(); first += width) {
      const size_t last = std::min(X.columns(), first + width);
      SelectedRows part(BorrowedRows<S>{X});
      std::vector<uint8_t> keep(X.columns());
      std::fill(keep.begin() + std::ptrdiff_t(first), keep.begin() + std::ptrdiff_t(last), 1);
      if (last - first < keep.size()) part.keep_columns(keep);
      auto moments = per_gene<Moments>(last - first, add, {all});
      std::vector<PerGene<double, std::remove_const_t<decltype(add_sum)>>> sums;
      for (size_t l = 0; l < labels.size(); ++l)
        sums.push_back(per_gene<double>(last - first, add_sum,
                                        {codes[l], std::max<size_t>(1, sizes[l].size())}));
      for_each_row_block<T>(part, [&](size_t row, const CsrView<T>& block) {
        moments.add(row, block);
        for (auto& of_label : sums) of_label.add(row, block);
        if (is_one) (more.add(row, block), ...);
      });
      for (size_t g = 0; g < last - first; ++g) {
        const auto [sum, squares] = moments.of_group(0)[g];
        const double total = squares - sum * sum / cells;
        for (size_t l = 0; l < labels.size(); ++l) {
          double between = -sum * sum / cells;
          for (size_t k = 0; k < sizes[l].size(); ++k)
            if (sizes[l][k] > 0) between += std::pow(sums[l].of_group(k)[g], 2) / sizes[l][k];
          // What round-off leaves of a constant gene is nothing.
          out[l].of_genes.push_back(total > 1e-9 * squares
                                        ? std::clamp(between / total, 0.0, 1.0)
                                        : std::numeric_limits<double>::quiet_NaN());
        }
      }
    }
  });
  return out;
}

VCELL_END_NAMESPACE
