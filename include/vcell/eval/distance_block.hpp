#pragma once

#include <algorithm>
#include <vector>

#include "vcell/eval/cell_set.hpp"
#include "vcell/kernels/centred_sets.hpp"
#include "vcell/kernels/serial_gemm.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Some cells of a set, a piece of their genes after the other: dense, and moved by a centre.
template <class = void>
class DenseCells {
 public:
  /// @param memory  (cells, piece) floats
  DenseCells(const CellSet& set, kernel::RowRange cells, float* memory, size_t piece)
      : squares(cells.count, 0.0),
        set_(set),
        first_(cells.first),
        place_(cells.count, 0),
        memory_(memory),
        piece_(piece) {}

  /// |u|^2 of every cell over the pieces so far.
  std::vector<double> squares;

  /// Adds the values of genes first .. last - 1, of which the next piece is to be made.
  void add_to(std::vector<double>& sums, size_t first, size_t last) const {
    for (size_t i = 0; i < place_.size(); ++i)
      for_values(i, last, [&](size_t gene, float value) { sums[gene - first] += double(value); });
  }

  /// Moves on to genes first .. last - 1, each less its centre.
  kernel::MatrixView<float> next(const std::vector<float>& centre, size_t first, size_t last) {
    const size_t n = last - first;
    for (size_t i = 0; i < place_.size(); ++i) {
      float* u = memory_ + i * piece_;
      for (size_t g = 0; g < n; ++g) u[g] = -centre[g];
      place_[i] = for_values(i, last, [&](size_t gene, float value) {
        u[gene - first] = value - centre[gene - first];
      });
      squares[i] +=
          kernel::sum_lanes<double>(n, [=](size_t g) { return double(u[g]) * double(u[g]); });
    }
    return {memory_, place_.size(), n, piece_};
  }

 private:
  /// Calls f(gene, value) for what cell i stores before gene `last` and was not moved past.
  /// @return  how much of the cell that is
  template <class F>
  size_t for_values(size_t i, size_t last, F f) const {
    const size_t row = set_.rows[first_ + i];
    const auto genes = set_.X.row_indices(row);
    const auto values = set_.X.row_values(row);
    size_t k = place_[i];
    for (; k < genes.size() && size_t(genes[k]) < last; ++k) f(size_t(genes[k]), values[k]);
    return k;
  }

  CellSet set_;
  size_t first_;
  std::vector<size_t> place_;  // values of each cell that lie before the next piece
  float* memory_;
  size_t piece_;
};

/// The sum of |u - v| over cells u of a block of x and v of one of y; of a block with itself over
/// its pairs of different cells, each once.
///
/// |u - v|^2 = |u|^2 + |v|^2 - 2 u . v with the products in float, of cells that were moved by the
/// mean of both blocks, which changes no distance: values that all cells have in common cost no
/// digit. The mean is rounded to float, so that cells that are all alike are moved to 0 exactly.
/// Where little is left of |u|^2 + |v|^2 the distance is taken from the difference of the cells.
struct DistanceBlock {
  static constexpr size_t largest = kernel::Tiling::largest;  // cells
  static constexpr size_t piece = 1024;                       // genes that are dense at a time
  /// Of memory that it works in, whole cache lines.
  static constexpr size_t floats = 2 * largest * piece + largest * largest;
  /// Below this share of |u|^2 + |v|^2 their float product has cost |u - v|^2 two digits.
  static constexpr double near = 0.01;

  struct Result {
    double sum;
    size_t near;  // pairs whose distance is from the difference of the cells
  };

  template <class = void>
  static Result sum(const kernel::ProductSession& session, const CellSet& x,
                    kernel::RowRange x_cells, const CellSet& y, kernel::RowRange y_cells, bool own,
                    float* memory) {
    DenseCells<> u(x, x_cells, memory, piece), v(y, y_cells, memory + largest * piece, piece);
    const kernel::MatrixView<float> products(memory + 2 * largest * piece, x_cells.count,
                                             y_cells.count, largest);
    for (size_t i = 0; i < products.rows; ++i) std::fill_n(products.row(i), products.columns, 0.0f);
    for (size_t first = 0; first < x.X.columns; first += piece) {
      const size_t last = std::min(first + piece, x.X.columns);
      const auto centre = centre_of(u, v, x_cells.count + y_cells.count, first, last);
      const auto a = u.next(centre, first, last);
      const auto b = v.next(centre, first, last);
      kernel::serial_gemm<float>(session, false, true, 1.0f, a, b, 1.0f, products);
    }
    Result out{0, 0};
    for (size_t i = 0; i < products.rows; ++i)
      for (size_t j = own ? i + 1 : 0; j < products.columns; ++j) {
        const double both = u.squares[i] + v.squares[j];
        double square = both - 2 * double(products.row(i)[j]);
        if (!(square >= near * both)) {
          square = squared_distance(x, x_cells.first + i, y, y_cells.first + j);
          ++out.near;
        }
        out.sum += std::sqrt(square);
      }
    return out;
  }

 private:
  template <class = void>
  static std::vector<float> centre_of(const DenseCells<>& u, const DenseCells<>& v, size_t cells,
                                      size_t first, size_t last) {
    std::vector<double> sums(last - first, 0.0);
    u.add_to(sums, first, last);
    v.add_to(sums, first, last);
    std::vector<float> out;
    for (const double sum : sums) out.push_back(float(sum / double(cells)));
    return out;
  }
};

}  // namespace detail
VCELL_END_NAMESPACE
