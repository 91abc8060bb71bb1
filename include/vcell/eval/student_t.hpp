#pragma once

#include <limits>
#include <numbers>

#include "vcell/core/abi.hpp"
#include "vcell/core/cmath.hpp"

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

/// The continued fraction of the incomplete beta function I_x(a, b), x^a y^b / B(a, b) divided by
/// it, in the form of DiDonato & Morris (1992), by Lentz's method. It takes y = 1 - x too, so that
/// nothing cancels where x is close to 1.
template <class = void>
double beta_fraction(double a, double b, double x, double y) {
  constexpr double tiny = 1e-300;
  const auto denominator = [&](double m) {
    const double first = m == 0 ? 0 : m + m * (b - m) * x / (a + 2 * m - 1);
    return first + (a + m) * (a * y - b * x + 1 + m * (1 + y)) / (a + 2 * m + 1);
  };
  double out = denominator(0), c = out == 0 ? tiny : out, d = 0;
  out = c;
  for (double m = 1; m < 10'000; ++m) {
    const double n = a + 2 * m - 1,
                 numerator = (a + m - 1) * (a + b + m - 1) / n * (m * (b - m)) / n * x * x,
                 own = denominator(m);
    d = own + numerator * d;
    d = 1 / (d == 0 ? tiny : d);
    c = own + numerator / c;
    if (c == 0) c = tiny;
    out *= c * d;
    if (std::abs(c * d - 1) < 3e-16) break;
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
  if (x < (a + 1) / (a + 2.5)) return factor / detail::beta_fraction(a, 0.5, x, y);
  return 1 - factor / detail::beta_fraction(0.5, a, y, x);
}

VCELL_END_NAMESPACE
