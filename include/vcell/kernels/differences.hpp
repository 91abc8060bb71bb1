#pragma once

#include "vcell/core/abi.hpp"
#include "vcell/kernels/eigen.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Four rows against m others at a time, so that what was loaded serves several pairs and the
/// processor has many sums under way.
template <class T, size_t m>
struct Differences {
  static constexpr size_t n = 4;
  size_t columns;
  const T* u[n];
  const T* v[m];

  /// squares[i][j] = ||u_i - v_j||^2. The order of the sums depends on the columns alone. By
  /// itself, all sums stay in registers; amid the code of callers g++ leaves some in memory.
  [[gnu::noinline]] void squares(T (&to)[n][m]) const {
    Lanes sums[n][m];
    for (auto& row : sums)
      for (Lanes& sum : row) sum.setZero();
    size_t c = 0;
    for (; c + lanes <= columns; c += lanes)
      for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < m; ++j) sums[i][j] += (load(u[i] + c) - load(v[j] + c)).square();
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < m; ++j) {
        to[i][j] = sums[i][j].sum();
        for (size_t k = c; k < columns; ++k) {
          const T difference = u[i][k] - v[j][k];
          to[i][j] += difference * difference;
        }
      }
  }

  /// du_i += sum_j weights[i][j] (u_i - v_j). Rows of du may be the same.
  void pull(const T (&weights)[n][m], T* const (&du)[n]) const {
    size_t c = 0;
    for (; c + lanes <= columns; c += lanes)
      for (size_t i = 0; i < n; ++i) {
        Lanes sum = load(du[i] + c);
        for (size_t j = 0; j < m; ++j) sum += weights[i][j] * (load(u[i] + c) - load(v[j] + c));
        Eigen::Map<Lanes>(du[i] + c) = sum;
      }
    for (; c < columns; ++c)
      for (size_t i = 0; i < n; ++i)
        for (size_t j = 0; j < m; ++j) du[i][c] += weights[i][j] * (u[i][c] - v[j][c]);
  }

 private:
  static constexpr size_t lanes = 64 / sizeof(T);
  using Lanes = Eigen::Array<T, int(lanes), 1>;
  static Lanes load(const T* from) { return Eigen::Map<const Lanes>(from); }
};

}  // namespace kernel
VCELL_END_NAMESPACE
