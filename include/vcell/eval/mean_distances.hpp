#pragma once

#include <vector>

#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/eval/distance_block.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
void check_cell_sets(const char* function, const std::vector<CellSet>& sets, size_t genes) {
  for (const CellSet& set : sets) {
    check_size_match(function, "genes of a set", set.X.columns, "genes of the first set", genes);
    for (const size_t row : set.rows) check_index(function, "row of a cell", row, set.X.rows);
  }
}

/// The sum of distances between the cells of x[k] and y[k]; with `own`, where y is x, over all
/// pairs of different cells, each once.
template <class = void>
std::vector<double> sums_of_distances(const std::vector<CellSet>& x, const std::vector<CellSet>& y,
                                      bool own, const Progress& progress) {
  // Blocks of one size alone, whose sums are added in order: the same bytes for any threads.
  struct Task {
    size_t set;
    kernel::RowRange x, y;
    bool own;
  };
  std::vector<Task> tasks;
  for (size_t k = 0; k < x.size(); ++k) {
    const kernel::Tiling rows(x[k].size()), columns(y[k].size());
    for (size_t i = 0; i < rows.count; ++i)
      for (size_t j = own ? i : 0; j < columns.count; ++j)
        tasks.push_back({k, rows[i], columns[j], own && i == j});
  }
  // Of every thread, and aligned alike: products may take another path where it is another.
  auto memory = Tensor<float, 2>::uninitialized({size_t(num_threads()), DistanceBlock::floats});
  std::vector<double> sums(tasks.size());
  const auto measure = [&](size_t begin, size_t end) {
    const kernel::ProductSession session;
    float* mine = memory[thread_index(global_thread_pool())].data;
    for (size_t t = begin; t < end; ++t)
      sums[t] = DistanceBlock::sum(session, x[tasks[t].set], tasks[t].x, y[tasks[t].set],
                                   tasks[t].y, tasks[t].own, mine)
                    .sum;
  };
  parallel_for_watched(tasks.size(), 1, measure, progress, "distances");
  std::vector<double> out(x.size(), 0.0);
  for (size_t t = 0; t < tasks.size(); ++t) out[tasks[t].set] += sums[t];
  return out;
}

}  // namespace detail

/// The mean Euclidean distance between the n cells of x[k] and the m of y[k], pair of sets by pair:
///
///   1 / (n m) sum_ij |x_i - y_j|
///
/// @param x, y  as many sets, of the same genes
/// @return      beside x; NaN where a set has no cell. About seven digits, the same bytes for any
///              number of threads
/// @throws ShapeError if the number of sets or their genes differ, or a row is no cell; Stopped if
///         progress asks for it
/// n m genes products of two floats, in blocks of cells and genes: 2 MB of memory a thread.
template <class = void>
std::vector<double> mean_distances(const std::vector<CellSet>& x, const std::vector<CellSet>& y,
                                   const Progress& progress = {}) {
  check_size_match("mean_distances", "sets x", x.size(), "sets y", y.size());
  const size_t genes = x.empty() ? 0 : x[0].X.columns;
  detail::check_cell_sets("mean_distances", x, genes);
  detail::check_cell_sets("mean_distances", y, genes);
  auto out = detail::sums_of_distances(x, y, false, progress);
  for (size_t k = 0; k < x.size(); ++k) out[k] /= double(x[k].size()) * double(y[k].size());
  return out;
}

/// The mean Euclidean distance between different cells of a set of n, set by set:
///
///   1 / (n (n - 1)) sum_{i != j} |x_i - x_j|
///
/// @param x  sets of the same genes
/// @return   beside x; 0 where a set has one cell or none. Digits and bytes as of mean_distances
/// @throws ShapeError if the genes differ, or a row is no cell; Stopped if progress asks for it
/// n^2 / 2 genes products of two floats, in memory as mean_distances.
template <class = void>
std::vector<double> mean_distances_within(const std::vector<CellSet>& x,
                                          const Progress& progress = {}) {
  detail::check_cell_sets("mean_distances_within", x, x.empty() ? 0 : x[0].X.columns);
  auto out = detail::sums_of_distances(x, x, true, progress);
  for (size_t k = 0; k < x.size(); ++k)
    if (const double n = double(x[k].size()); n > 1) out[k] /= n * (n - 1) / 2;
  return out;
}

VCELL_END_NAMESPACE
