#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/vcc2026/pseudobulk.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

/// Squared errors of pseudobulks, from which what the drawing of cells adds to them is taken off.
struct UnbiasedMse {
  std::vector<double> genes;     ///< G_p, those that are compared
  std::vector<double> plain;     ///< (|hat b - b|^2 - hat C - C) / G_p
  std::vector<double> capped;    ///< N_p = (|hat b - b|^2 - rho min(hat C, C) - C) / G_p
  std::vector<double> distance;  ///< D_p = (|b - b_c|^2 - C - C_c) / G_p
  double spread = 0;             ///< B, see unbiased_mse
  double claim = 0;              ///< sum_p min(hat C_p, C_p) / G_p
  double rho = 1;                ///< min(1, B / claim)

  /// sum N / sum D over the perturbations that have both; NaN where there is none.
  /// @throws ConfigError if the distances do not add up to more than 0
  double norm() const;
};

inline double UnbiasedMse::norm() const {
  double n = 0, d = 0;
  bool any = false;
  for (size_t p = 0; p < capped.size(); ++p) {
    if (!std::isfinite(capped[p]) || !std::isfinite(distance[p])) continue;
    n += capped[p];
    d += distance[p];
    any = true;
  }
  if (any && !(d > 0))
    throw ConfigError(message("expr_mse_unbiased_capped_norm: the real perturbations differ from ",
                              "the control by ", d, " in all, expected a number above 0; they ",
                              "change nothing that their few cells could show"));
  return any ? n / d : std::numeric_limits<double>::quiet_NaN();
}

namespace detail {

/// How much a prediction's pseudobulks vary between perturbations, over the genes that at least two
/// of them keep: sum_g sum_p (hat b_pg - m_g)^2 / G_p, with m_g their mean by weights 1 / G_p.
template <class = void>
double spread_of(const Tensor<double, 2>& b, std::span<const int32_t> own,
                 std::span<const double> genes) {
  double out = 0;
  for (size_t g = 0; g < b.shape(1); ++g) {
    double weights = 0, sum = 0, squares = 0;
    size_t n = 0;
    for (size_t p = 0; p < b.shape(0); ++p) {
      if (std::cmp_equal(own[p], g)) continue;
      weights += 1 / genes[p];
      sum += b(p, g) / genes[p];
      ++n;
    }
    if (n < 2) continue;
    for (size_t p = 0; p < b.shape(0); ++p)
      if (!std::cmp_equal(own[p], g)) {
        const double off = b(p, g) - sum / weights;
        squares += off * off / genes[p];
      }
    out += squares;
  }
  return out;
}

template <class = void>
double squared_distance_without(const double* a, const double* b, size_t genes, int32_t own) {
  double sum = 0;
  for (size_t g = 0; g < genes; ++g)
    if (!std::cmp_equal(own, g)) sum += (a[g] - b[g]) * (a[g] - b[g]);
  return sum;
}

}  // namespace detail

/// Compares pseudobulks, the perturbation's own gene left out. What a prediction's cells may take
/// off for their own variance hat C is capped by that of the real ones, and by how much its
/// pseudobulks differ at all: rho = min(1, B / sum_p min(hat C_p, C_p) / G_p), B as at
/// detail::spread_of.
/// @param real, predicted   the same perturbations and genes
/// @param control           (genes) of the real control, with its variance
/// @param own               (perturbations) column of its own gene; -1: none
/// @throws ShapeError if sizes do not fit
template <class = void>
UnbiasedMse unbiased_mse(const Pseudobulk& real, const Pseudobulk& predicted,
                         std::span<const double> control, double control_variance,
                         std::span<const int32_t> own) {
  check_shape_match("unbiased_mse", "predicted", predicted.values.shape(), "real",
                    real.values.shape());
  const size_t n = real.values.shape(0), genes = real.values.shape(1);
  check_size_match("unbiased_mse", "genes of the control", control.size(), "genes", genes);
  check_size_match("unbiased_mse", "own columns", own.size(), "perturbations", n);
  UnbiasedMse out;
  std::vector<double> least(n);
  for (size_t p = 0; p < n; ++p) {
    out.genes.push_back(double(genes) - (own[p] >= 0));
    least[p] = std::min(predicted.variance[p], real.variance[p]);
    out.claim += least[p] / out.genes[p];
  }
  out.spread = detail::spread_of(predicted.values, own, out.genes);
  if (out.claim > 0) out.rho = std::min(1.0, out.spread / out.claim);
  for (size_t p = 0; p < n; ++p) {
    const double* const b = real.values[p].data;
    const double error =
        detail::squared_distance_without(predicted.values[p].data, b, genes, own[p]);
    const double effect = detail::squared_distance_without(b, control.data(), genes, own[p]);
    const double variance = real.variance[p];
    out.plain.push_back((error - predicted.variance[p] - variance) / out.genes[p]);
    out.capped.push_back((error - out.rho * least[p] - variance) / out.genes[p]);
    out.distance.push_back((effect - variance - control_variance) / out.genes[p]);
  }
  return out;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
