#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "vcell/core/abi.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

struct SymmetricEigen {
  std::vector<double> values;   ///< (n) descending
  std::vector<double> vectors;  ///< (n, n) row major: column j belongs to value j
};

/// Eigenvalues and vectors of a small symmetric matrix by Jacobi's rotations (Golub & Van Loan,
/// Matrix Computations, 8.5): O(n^3) for each of about 10 sweeps.
/// @param a  (n, n) row major
template <class = void>
SymmetricEigen symmetric_eigen(std::vector<double> a, size_t n) {
  std::vector<double> v(n * n);
  for (size_t i = 0; i < n; ++i) v[i * n + i] = 1;
  const auto rotate = [n](std::vector<double>& m, size_t at_p, size_t at_q, size_t step, double c,
                          double s) {
    for (size_t i = 0; i < n; ++i) {
      double &x = m[at_p + i * step], &y = m[at_q + i * step];
      const double old = x;
      x = c * old - s * y;
      y = s * old + c * y;
    }
  };
  double size = 0;
  for (const double x : a) size += x * x;
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0;
    for (size_t p = 0; p < n; ++p)
      for (size_t q = p + 1; q < n; ++q) off += a[p * n + q] * a[p * n + q];
    if (!(off > 1e-32 * size)) break;
    for (size_t p = 0; p < n; ++p)
      for (size_t q = p + 1; q < n; ++q) {
        const double apq = a[p * n + q];
        if (apq == 0) continue;
        const double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
        const double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::hypot(theta, 1.0));
        const double c = 1 / std::hypot(t, 1.0), s = t * c;
        rotate(a, p, q, n, c, s);          // columns
        rotate(a, p * n, q * n, 1, c, s);  // rows
        rotate(v, p, q, n, c, s);
      }
  }
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t i, size_t j) { return a[i * n + i] > a[j * n + j]; });
  SymmetricEigen out{{}, std::vector<double>(n * n)};
  for (size_t j = 0; j < n; ++j) {
    out.values.push_back(a[order[j] * n + order[j]]);
    for (size_t i = 0; i < n; ++i) out.vectors[i * n + j] = v[i * n + order[j]];
  }
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
