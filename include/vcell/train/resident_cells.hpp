#pragma once

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/embedding.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/ops/indices.hpp"
#include "vcell/sets/gather_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// All cells of a screen on a device, so that a batch is gathered there and only the numbers of its
/// rows are sent. Dense, (cells + 1) columns numbers: the last row holds zeros, for what is no
/// cell.
template <class T, class Device>
class ResidentCells {
 public:
  ResidentCells() = default;
  /// @param m  CsrMatrix or DenseMatrix of float; not needed afterwards
  /// @param f  what becomes of each value
  template <class Matrix, class F>
  ResidentCells(const Matrix& m, F f)
      : cells_(Tensor<T, 2, Device>::uninitialized({m.rows + 1, m.columns})) {
    constexpr size_t piece = size_t(1) << 22;  // values that are dense on the host at a time
    const size_t most = std::max<size_t>(1, piece / std::max<size_t>(1, m.columns));
    std::vector<size_t> rows;
    for (size_t first = 0; first < m.rows; first += most) {
      rows.resize(std::min(most, m.rows - first));
      std::iota(rows.begin(), rows.end(), first);
      auto dense = Tensor<float, 2>::uninitialized({rows.size(), m.columns});
      gather_rows(m, rows, dense.view());
      auto values = Tensor<T, 2>::uninitialized(dense.shape());
      std::transform(dense.data(), dense.data() + dense.count(), values.data(),
                     [&](float x) { return T(f(x)); });
      put(first, values);
    }
    put(m.rows, Tensor<T, 2>({1, m.columns}));
  }

  explicit operator bool() const { return cells_.count() > 0; }
  /// Bytes that a matrix takes there.
  static size_t bytes(size_t rows, size_t columns) { return (rows + 1) * columns * sizeof(T); }
  /// The number of the row of zeros.
  int32_t no_row() const { return int32_t(cells_.shape(0) - 1); }

  /// Queues what brings rows to a leaf, into the memory that it has where that is of the shape.
  /// @param rows  (B, S)
  /// @param to    becomes (B, S, columns)
  /// @throws ShapeError if there is no such row
  void gather(const Indices<2, Device>& rows, Variable<T, 3, Device>& to) const {
    rows.for_extremes(
        [&](int32_t row, size_t) { check_index("ResidentCells", "row", row, cells_.shape(0)); });
    const Shape<3> shape{rows.shape(0), rows.shape(1), cells_.shape(1)};
    if (!to || to.shape() != shape)
      to = Variable<T, 3, Device>(Tensor<T, 3, Device>::uninitialized(shape));
    kernel::forward<kernel::Embedding, Device>("ResidentCells", rows.values().value().flat(),
                                               cells_.view(), to.mutable_value().matrix());
  }

 private:
  void put(size_t first, const Tensor<T, 2>& rows) {
    Memory<Device>::upload(current_context<Device>(), cells_.data() + first * cells_.shape(1),
                           rows.data(), rows.count() * sizeof(T));
  }

  Tensor<T, 2, Device> cells_;
};

VCELL_END_NAMESPACE
