#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// sum |a - b|
struct L1Distance {
  static constexpr bool has_norms = false;
  /// sum + its term, of numbers or of a register of them each.
  template <class A>
  static A add(const A& sum, const A& a, const A& b) {
    return Eigen::internal::padd(sum, Eigen::internal::pabs(Eigen::internal::psub(a, b)));
  }
};

/// sum (a - b)^2, which orders as its root does.
struct L2Distance {
  static constexpr bool has_norms = false;
  template <class A>
  static A add(const A& sum, const A& a, const A& b) {
    const A difference = Eigen::internal::psub(a, b);
    return Eigen::internal::padd(sum, Eigen::internal::pmul(difference, difference));
  }
};

/// 1 - a b / (|a| |b|); 1 where one of them is 0.
struct CosineDistance {
  static constexpr bool has_norms = true;
  template <class A>
  static A add(const A& sum, const A& a, const A& b) {
    return Eigen::internal::padd(sum, Eigen::internal::pmul(a, b));
  }
  static double of(double sum, double a_squares, double b_squares) {
    if (!(a_squares > 0 && b_squares > 0)) return 1;
    return std::clamp(1 - sum / (std::sqrt(a_squares) * std::sqrt(b_squares)), 0.0, 2.0);
  }
};

namespace detail {

/// Columns of which a tile's rows stay in cache, and over which terms are added in T.
inline constexpr size_t distance_columns = 512;

/// Sums of a distance's terms of four rows a and four rows b. Sixteen at a time, so that a value
/// that was loaded serves four times and the processor has many sums under way.
template <class Distance, class T>
struct DistanceTile {
  static constexpr size_t rows = 4;
  using Rows = std::array<const T*, rows>;
  std::array<std::array<double, rows>, rows> sums{};  // [row of a][row of b]

  /// Adds columns first .. last - 1.
  void add(const Rows& a, const Rows& b, size_t first, size_t last) {
    // Registers of the processor and no arrays, which a compiler would keep in memory.
    using Lanes = typename Eigen::internal::packet_traits<T>::type;
    constexpr size_t width = Eigen::internal::packet_traits<T>::size;
    const auto load = [](const T* from) { return Eigen::internal::ploadu<Lanes>(from); };
    Lanes lanes[rows][rows];
    for_rows([&](auto i) {
      for_rows([&](auto k) { lanes[i][k] = Eigen::internal::pset1<Lanes>(T(0)); });
    });
    for (; first + width <= last; first += width)
      for_rows([&](auto i) {
        const Lanes x = load(a[i] + first);
        for_rows([&](auto k) { lanes[i][k] = Distance::add(lanes[i][k], x, load(b[k] + first)); });
      });
    for_rows([&](auto i) {
      for_rows([&](auto k) {
        sums[i][k] += double(Eigen::internal::predux(lanes[i][k]));
        for (size_t g = first; g < last; ++g) add_one(i, k, a[i][g], b[k][g]);
      });
    });
  }

  /// The same without the column own[i] in the distances of row i of a. It is left out of the sum
  /// and not subtracted from it, so that distances that are equal without it come out equal.
  void add_without(const std::array<size_t, rows>& own, const Rows& a, const Rows& b, size_t first,
                   size_t last) {
    auto stops = own;
    std::sort(stops.begin(), stops.end());
    for (const size_t stop : stops) {
      if (stop < first || stop >= last) continue;
      add(a, b, first, stop);
      for (size_t i = 0; i < rows; ++i)
        for (size_t k = 0; k < rows && own[i] != stop; ++k) add_one(i, k, a[i][stop], b[k][stop]);
      first = stop + 1;
    }
    add(a, b, first, last);
  }

 private:
  /// f(0), f(1) and so on as constants: without a loop, so that the lanes are registers.
  template <class F>
  static void for_rows(F&& f) {
    [&]<size_t... i>(std::index_sequence<i...>) { (f(std::integral_constant<size_t, i>()), ...); }
    (std::make_index_sequence<rows>());
  }

  void add_one(size_t i, size_t k, T a, T b) { sums[i][k] += double(Distance::add(T(0), a, b)); }
};

/// Sums of terms of predicted rows first .. last - 1 and all n real rows, (last - first, n).
/// @param own  (all predicted rows) the column that is left out; one past the end for none
template <class Distance, class T>
std::vector<double> distance_sums(View<const T, 2> predicted, View<const T, 2> real,
                                  std::span<const size_t> own, size_t first, size_t last) {
  using Tile = DistanceTile<Distance, T>;
  constexpr size_t rows = Tile::rows, block = distance_columns;
  const size_t n = real.shape[0], columns = real.shape[1];
  std::vector<double> distances((last - first) * n, 0.0);
  for (size_t g = 0; g < columns; g += block)
    for (size_t t = 0; t < n; t += rows)
      for (size_t p = first; p < last; p += rows) {
        // At the edge the last row fills the tile up; what it adds there is not used.
        Tile tile;
        typename Tile::Rows a, b;
        std::array<size_t, rows> without;
        for (size_t i = 0; i < rows; ++i) {
          a[i] = predicted[std::min(p + i, last - 1)].data;
          b[i] = real[std::min(t + i, n - 1)].data;
          without[i] = own[std::min(p + i, last - 1)];
        }
        tile.add_without(without, a, b, g, std::min(g + block, columns));
        for (size_t i = 0; i < std::min(rows, last - p); ++i)
          for (size_t k = 0; k < std::min(rows, n - t); ++k)
            distances[(p + i - first) * n + t + k] += tile.sums[i][k];
      }
  return distances;
}

/// sum x^2 of rows without one of their columns, which is left out and not subtracted.
template <class T>
class SquaresWithout {
 public:
  explicit SquaresWithout(View<const T, 2> rows) : rows_(rows) {
    for (size_t t = 0; t < rows.shape[0]; ++t)
      for (size_t g = 0; g < rows.shape[1]; g += distance_columns)
        of_block_.push_back(sum(t, g, rows.shape[1]));
  }

  /// @param column  one past the end for none
  double operator()(size_t row, size_t column) const {
    const size_t columns = rows_.shape[1],
                 blocks = (columns + distance_columns - 1) / distance_columns;
    double out = 0;
    for (size_t b = 0; b < blocks; ++b) {
      const bool is_here = column < columns && column / distance_columns == b;
      out += is_here ? sum(row, b * distance_columns, column) : of_block_[row * blocks + b];
    }
    return out;
  }

 private:
  /// Of the block that begins at `first`.
  double sum(size_t row, size_t first, size_t without) const {
    double out = 0;
    for (size_t g = first; g < std::min(first + distance_columns, rows_.shape[1]); ++g)
      if (g != without) out += double(rows_(row, g)) * double(rows_(row, g));
    return out;
  }

  View<const T, 2> rows_;
  std::vector<double> of_block_;
};

}  // namespace detail

/// Whether a distance that is equal counts as nearer.
enum class EqualDistances {
  by_index,    ///< where its index is lower: cell-eval's
  not_nearer,  ///< never
};

/// Of each predicted row, how many of the N real rows are nearer to it than its own, from 0 to
/// N - 1.
///
/// @tparam Distance    L1Distance, L2Distance or CosineDistance
/// @param predicted    (N, columns)
/// @param real         (N, columns)
/// @param own_columns  (N) the column that is left out of the distances to a predicted row; -1 for
///                     none
/// @param progress     watches, told of rows, and may stop
/// @throws ShapeError if the shapes differ or a column is not there; Stopped
/// N^2 columns terms; sums of 512 columns are in T, those of them in double.
template <class Distance, class T>
std::vector<size_t> distance_ranks(View<const T, 2> predicted, View<const T, 2> real,
                                   std::span<const int32_t> own_columns,
                                   EqualDistances equal = EqualDistances::by_index,
                                   const Progress& progress = {}) {
  check_shape_match("distance_ranks", "predicted", predicted.shape, "real", real.shape);
  const size_t n = real.shape[0], columns = real.shape[1];
  check_size_match("distance_ranks", "rows", n, "own_columns", own_columns.size());
  std::vector<size_t> own;
  for (const int32_t column : own_columns) {
    if (column >= 0) check_index("distance_ranks", "own column", size_t(column), columns);
    own.push_back(column < 0 ? columns : size_t(column));
  }
  std::vector<size_t> ranks(n);
  const detail::SquaresWithout<T> predicted_squares(Distance::has_norms ? predicted
                                                                        : View<const T, 2>{}),
      real_squares(Distance::has_norms ? real : View<const T, 2>{});
  const auto rank = [&](size_t first, size_t last) {
    auto distances = detail::distance_sums<Distance>(predicted, real, own, first, last);
    for (size_t p = first; p < last; ++p) {
      double* distance = distances.data() + (p - first) * n;
      if constexpr (Distance::has_norms) {
        const double squares = predicted_squares(p, own[p]);
        for (size_t t = 0; t < n; ++t)
          distance[t] = Distance::of(distance[t], squares, real_squares(t, own[p]));
      }
      for (size_t t = 0; t < n; ++t)
        ranks[p] += distance[t] < distance[p] ||
                    (equal == EqualDistances::by_index && distance[t] == distance[p] && t < p);
    }
  };
  // Predicted rows that pass over the same real ones in cache; of many rows more of them, since
  // real ones then come from memory.
  parallel_for_watched(n, n < 1024 ? 16 : 64, rank, progress, "discrimination");
  return ranks;
}

/// How well each perturbation's predicted shift is told from those of the others: 1 - rank / N,
/// with its own rank (distance_ranks) among all N real shifts by the distance to the predicted one;
/// equal distances are in the order of their index. 1 is best, about 1/2 is chance. The perturbed
/// gene's own column is left out, so that knowing what was knocked down is not enough.
///
/// @param predicted    (N, genes) predicted shifts against the predicted control
/// @param real         (N, genes) real shifts against the real control, the same perturbations
/// @param own_columns  (N) column of the perturbed gene, -1 where the perturbation is no gene
/// @throws as distance_ranks
template <class Distance, class T>
std::vector<double> discrimination_scores(View<const T, 2> predicted, View<const T, 2> real,
                                          std::span<const int32_t> own_columns,
                                          const Progress& progress = {}) {
  std::vector<double> out;
  for (const size_t rank :
       distance_ranks<Distance>(predicted, real, own_columns, EqualDistances::by_index, progress))
    out.push_back(1 - double(rank) / double(real.shape[0]));
  return out;
}

VCELL_END_NAMESPACE
