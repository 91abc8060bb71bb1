#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/csr_matrix.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Samples of which sums are made together, at most.
inline constexpr size_t samples_at_once = 8;

/// Rows of each of some sets of cells.
using SetRows = std::vector<std::vector<size_t>>;

/// Mean cells of several samples of the same sets, from one pass over the cells: each value is
/// added to the sums of all samples, times 1 or 0, which is one operation of the processor. Sums
/// are in the order of rows and so, bit by bit, those of for_each_mean_cell.
///
/// Calls f(sample, set, gene, means) with the means from a gene on, which are gone when f returns.
/// Several threads call it, each for other sets or genes.
/// @param X        (cells, genes), finite
/// @param sets     rows of X, ascending
/// @param samples  at most samples_at_once; of each set one row or more, ascending. Not checked
template <class F>
void for_each_sample_mean(CsrView<float> X, const SetRows& sets,
                          const std::vector<SetRows>& samples, F&& f) {
  constexpr size_t lanes = samples_at_once, width = 4096;  // genes whose sums stay in cache
  const size_t blocks = (X.columns + width - 1) / width;
  const size_t tasks = sets.size() * blocks;
  const size_t grain = 1 + (size_t(1) << 16) * tasks / (1 + X.values.size());
  parallel_for(tasks, grain, [&](size_t first_task, size_t last_task) {
    std::vector<double> sums(std::min(width, X.columns) * lanes), mean(std::min(width, X.columns));
    for (size_t task = first_task; task < last_task; ++task) {
      const size_t s = task / blocks, first = task % blocks * width,
                   last = std::min(first + width, X.columns);
      std::fill(sums.begin(), sums.end(), 0.0);
      std::array<size_t, lanes> place{};  // in the rows of each sample
      for (const size_t cell : sets[s]) {
        std::array<double, lanes> weight{};
        bool is_drawn = false;
        for (size_t k = 0; k < samples.size(); ++k) {
          const auto& drawn = samples[k][s];
          if (place[k] == drawn.size() || drawn[place[k]] != cell) continue;
          ++place[k];
          weight[k] = 1;
          is_drawn = true;
        }
        if (!is_drawn) continue;
        const auto genes = X.row_indices(cell);
        const auto values = X.row_values(cell);
        auto k =
            size_t(std::lower_bound(genes.begin(), genes.end(), int32_t(first)) - genes.begin());
        for (; k < genes.size() && size_t(genes[k]) < last; ++k) {
          double* sum = sums.data() + (size_t(genes[k]) - first) * lanes;
          for (size_t lane = 0; lane < lanes; ++lane) sum[lane] += weight[lane] * double(values[k]);
        }
      }
      for (size_t k = 0; k < samples.size(); ++k) {
        const double n = double(samples[k][s].size());
        for (size_t g = first; g < last; ++g) mean[g - first] = sums[(g - first) * lanes + k] / n;
        f(k, s, first, std::span<const double>(mean.data(), last - first));
      }
    }
  });
}

}  // namespace detail
VCELL_END_NAMESPACE
