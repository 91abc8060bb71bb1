#pragma once

#include <algorithm>
#include <type_traits>

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/serial_gemm.hpp"
#include "vcell/kernels/status.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

struct GemmOptions {
  /// Take the transpose of what is given as A: it is then (k, m).
  bool transpose_a = false;
  /// Take the transpose of what is given as B: it is then (n, k).
  bool transpose_b = false;
  /// Factor of the product.
  double alpha = 1;
  /// Factor of what C held before; 0 ignores it, NaN included.
  double beta = 0;
};

/// The general matrix product, the one way to multiply matrices in vcell:
///
///   C = alpha op(A) op(B) + beta C            (m, n) = (m, k) (k, n)
///   C = alpha op(A) op(B) + bias[j]           with a bias for every column instead of beta
///
/// 2 m n k flops. C must overlap nothing. The bytes do not depend on the number of threads.
template <class Device>
struct Gemm {
  static_assert(sizeof(Device) == 0,
                "vcell: gemm has no kernel for this device in this translation unit: compile it "
                "with nvcc and include <vcell/cuda.cuh>");
};

namespace detail {

/// How a product is cut into tiles of C: by its shape alone, so that every number of threads does
/// the same arithmetic. Tiles are halved until there are enough of them for many threads, but not
/// below the work that is worth a thread's while: the larger a tile, the less often a library
/// packs the same rows and columns anew.
struct Tiles {
  size_t rows, columns;
  Tiles(size_t m, size_t n, size_t k) : rows(m), columns(n) {
    constexpr double least = 4e6, most = 512e6;  // flops in a tile
    constexpr size_t enough = 16, least_side = 32;
    const auto flops = [&] { return 2.0 * double(rows) * double(columns) * double(k); };
    const auto tiles = [&] { return ((m + rows - 1) / rows) * ((n + columns - 1) / columns); };
    while ((flops() > least && tiles() < enough) || flops() > most) {
      size_t& longer = rows >= columns ? rows : columns;
      if (longer <= least_side) break;
      longer = (longer / 2 + 15) / 16 * 16;
    }
  }
};

}  // namespace detail

template <>
struct Gemm<Cpu> {
  template <class T>
  static Status run(const GemmOptions& options, std::type_identity_t<MatrixView<const T>> a,
                    std::type_identity_t<MatrixView<const T>> b, MatrixView<T> c,
                    View<const T, 1> bias = {}) {
    const size_t depth = options.transpose_a ? a.rows : a.columns;
    if (c.rows == 0 || c.columns == 0) return {};
    const detail::Tiles tile(c.rows, c.columns, depth);
    const size_t across = (c.columns + tile.columns - 1) / tile.columns,
                 down = (c.rows + tile.rows - 1) / tile.rows;
    parallel_for(down * across, 1, [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t) {
        const size_t i = t / across * tile.rows, j = t % across * tile.columns;
        const size_t rows = std::min(tile.rows, c.rows - i),
                     columns = std::min(tile.columns, c.columns - j);
        const auto part = c.block(i, rows, j, columns);
        if (bias)
          for (size_t r = 0; r < rows; ++r) std::copy_n(bias.data + j, columns, part.row(r));
        serial_gemm<T>(
            options.transpose_a, options.transpose_b, T(options.alpha),
            options.transpose_a ? a.block(0, depth, i, rows) : a.block(i, rows, 0, depth),
            options.transpose_b ? b.block(j, columns, 0, depth) : b.block(0, depth, j, columns),
            bias ? T(1) : T(options.beta), part);
      }
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
