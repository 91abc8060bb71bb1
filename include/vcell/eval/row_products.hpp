#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/gemm_panels.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The sum of term(x) over every row, in double.
template <class T, class Term>
std::vector<double> sums_of_rows(View<const T, 2> rows, Term term) {
  std::vector<double> out(rows.shape[0]);
  parallel_for(out.size(), 1 + (size_t(1) << 16) / (1 + rows.shape[1]),
               [&](size_t first, size_t last) {
                 for (size_t i = first; i < last; ++i) {
                   const T* x = rows[i].data;
                   out[i] = kernel::sum_lanes<double>(rows.shape[1],
                                                      [=](size_t g) { return term(double(x[g])); });
                 }
               });
  return out;
}

/// sum x^2 of every row.
template <class T>
std::vector<double> squares_of(View<const T, 2> rows) {
  return sums_of_rows(rows, [](double x) { return x * x; });
}

/// Products of some rows of a with all rows of b by the product library, which is many times as
/// fast as sums of our own and not as exact: what they are used for has to hold for every number
/// within error() of them.
class RowProducts {
 public:
  /// Rows of a that are multiplied together, at most: many where there are many, since each time b
  /// is read and its panels are copied.
  static size_t rows_at_once(size_t n) { return n < 512 ? 64 : n < 2048 ? 128 : 256; }

  /// How far a product is from what it would be without rounding, at most, as a share of |a| |b|:
  /// sums of `depth` products are in float in whatever order, the sum of those in double.
  static constexpr double error() {
    return double(depth + 8) * double(std::numeric_limits<float>::epsilon());
  }

  /// Rows first .. last - 1 of a times all n of b, (last - first, n). Not checked.
  template <class = void>
  static std::vector<double> of(View<const float, 2> a, View<const float, 2> b, size_t first,
                                size_t last) {
    const kernel::ProductSession session;
    const size_t m = last - first, n = b.shape[0], columns = a.shape[1];
    const auto x = kernel::read_only(a).block(first, m, 0, columns);
    const auto y = kernel::read_only(b);
    const kernel::detail::Panels<float, float, float> panels(false, true, m, width, depth, 1);
    auto panel = Tensor<float, 1>::uninitialized({panels.elements()});
    auto part = Tensor<float, 2>::uninitialized({m, width});
    std::vector<double> out(m * n, 0.0);
    for (size_t l = 0; l < columns; l += depth)
      for (size_t j = 0; j < n; j += width) {
        const size_t k = std::min(depth, columns - l), w = std::min(width, n - j);
        const kernel::MatrixView<float> z(part.data(), m, w, width);
        const auto yk = panels.of_b(y.block(j, w, l, k), 0, k, panel.data());
        kernel::serial_gemm<float>(session, false, panels.transpose_b && !panels.copy_b, 1.0f,
                                   x.block(0, m, l, k), yk, 0.0f, z);
        for (size_t i = 0; i < m; ++i)
          for (size_t t = 0; t < w; ++t) out[i * n + j + t] += double(z.row(i)[t]);
      }
    return out;
  }

 private:
  static constexpr size_t depth = 1024, width = 256;
};

}  // namespace detail
VCELL_END_NAMESPACE
