#pragma once

#include <span>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Orthonormal columns that span the same: modified Gram-Schmidt, each column twice. One that those
/// before it explain, to 1e-12 of its length, gives none; one with NaN gives NaN.
/// @param columns  each as long as the others
template <class = void>
std::vector<std::vector<double>> orthonormalize(std::vector<std::vector<double>> columns) {
  const auto norm = [](const std::vector<double>& v) {
    double squares = 0;
    for (const double x : v) squares += x * x;
    return std::sqrt(squares);
  };
  std::vector<std::vector<double>> out;
  for (auto& v : columns) {
    const double before = norm(v);
    if (before > 0)  // so that products neither overflow nor vanish
      for (double& x : v) x /= before;
    for (int pass = 0; pass < 2; ++pass)
      for (const auto& q : out) {
        double product = 0;
        for (size_t i = 0; i < v.size(); ++i) product += q[i] * v[i];
        for (size_t i = 0; i < v.size(); ++i) v[i] -= product * q[i];
      }
    const double left = norm(v);
    if (left <= 1e-12) continue;
    for (double& x : v) x /= left;
    out.push_back(std::move(v));
  }
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
