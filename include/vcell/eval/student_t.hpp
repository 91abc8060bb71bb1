#pragma once

#include <cmath>
#include <limits>
#include <numbers>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Gamma(a + 1/2) / Gamma(a) for a > 0; for large a by its asymptotic series, whose first term left
/// out is below 1e-16 there.
template <class = void>
double gamma_ratio(double a) {
  if (a < 100) return std::tgamma(a + 0.5) / std::tgamma(a);
  const double y = 1 / a;
  return std::sqrt(a) *
         (1 + y * (-1. / 8 +
                   y * (1. / 128 + y * (5. / 1024 + y * (-21. / 32768 - y * 399. / 262144)))));
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22) by Lentz's method.
template <class = void>
double beta_fraction(double a, double b, double x) {
  const auto bounded = [](double y) {
    constexpr double tiny = 1e-300;
    return std::abs(y) < tiny ? tiny : y;
  };
  double c = 1, d = 1 / bounded(1 - (a + b) * x / (a + 1)), out = d;
  for (double m = 1; m < 100'000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / bounded(1 + even * d);
    c = bounded(1 + even / c);
    out *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / bounded(1 + odd * d);
    c = bounded(1 + odd / c);
    out *= d * c;
    if (std::abs(d * c - 1) < 1e-16) break;
  }
  return out;
}

}  // namespace detail

/// The chance that |T| is at least |t|, with T of Student's t distribution:
/// I_x(df / 2, 1/2), x = df / (df + t^2), the regularized incomplete beta function. Keeps its
/// digits far into the tail: relative errors are below 1e-12.
/// @param df  degrees of freedom, above 0 and not necessarily whole
/// @return    NaN where t or df is NaN
template <class = void>
double student_t_p_value(double t, double df) {
  if (std::isnan(t) || !(df > 0)) return std::numeric_limits<double>::quiet_NaN();
  if (std::isinf(t)) return 0;
  const double a = df / 2, square = t * t / df, x = 1 / (1 + square), y = square / (1 + square);
  if (t == 0) return 1;
  // x^a y^(1/2) / B(a, 1/2)
  const double factor = std::exp(-a * std::log1p(square)) * std::sqrt(y) * detail::gamma_ratio(a) /
                        std::sqrt(std::numbers::pi);
  if (x < (a + 1) / (a + 2.5)) return factor / a * detail::beta_fraction(a, 0.5, x);
  return 1 - factor / 0.5 * detail::beta_fraction(0.5, a, y);
}

VCELL_END_NAMESPACE
