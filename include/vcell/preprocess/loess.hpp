#pragma once

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE

struct LoessOptions {
  double span = 0.3;  ///< share of the points that a local fit is made from
  double cell = 0.2;  ///< share of the span's points that a cell has at most (see loess)
};

namespace detail {

/// A local fit: its value, and its slope.
struct LoessVertex {
  double x = 0, value = 0, slope = 0;
};

/// Where the cells end between which loess interpolates, ascending: the k-d tree of Cleveland and
/// Grosse in one dimension. A cell of more than `most` points is cut at a point in the middle or
/// near it that is not equal to the next.
/// @param sorted  points, ascending
template <class = void>
std::vector<double> loess_cells(std::span<const double> sorted, size_t most) {
  struct Cell {
    size_t first, last;  // points
    double low, high;
  };
  const double margin = 0.005 * (sorted.back() - sorted.front());
  std::vector<double> ends{sorted.front() - margin, sorted.back() + margin};
  std::vector<Cell> open{{0, sorted.size() - 1, ends[0], ends[1]}};
  while (!open.empty()) {
    const Cell cell = open.back();
    open.pop_back();
    if (cell.last + 1 - cell.first <= most) continue;
    // Places count from 0 here, and the middle is taken as if they did from 1.
    const size_t middle = (cell.first + cell.last + 2) / 2 - 1;
    size_t k = middle;
    for (size_t step = 1; sorted[k] == sorted[k + 1]; ++step) {
      const size_t away = (step + 1) / 2;
      const bool up = step % 2 == 1;
      if (up ? middle + away >= cell.last : middle < cell.first + away) {
        k = middle;
        break;
      }
      k = up ? middle + away : middle - away;
    }
    const double cut = sorted[k];
    if (cut == cell.low || cut == cell.high) continue;
    ends.push_back(cut);
    open.push_back({cell.first, k, cell.low, cut});
    open.push_back({k + 1, cell.last, cut, cell.high});
  }
  std::sort(ends.begin(), ends.end());
  return ends;
}

/// The quadratic through the n points nearest to `at`, by least squares weighted with
/// (1 - (distance / greatest of them)^3)^3: its value and slope there.
/// @throws ConfigError if they do not determine one
template <class = void>
LoessVertex loess_fit(std::span<const double> x, std::span<const double> y, double at, size_t n) {
  std::vector<double> distances;
  for (const double xi : x) distances.push_back(std::abs(xi - at));
  auto sorted = distances;
  std::nth_element(sorted.begin(), sorted.begin() + std::ptrdiff_t(n - 1), sorted.end());
  const double reach = sorted[n - 1];
  std::vector<double> t, weights, targets;
  for (size_t i = 0; i < x.size(); ++i) {
    if (!(distances[i] < reach)) continue;
    const double d = distances[i] / reach, rest = 1 - d * d * d;
    t.push_back((x[i] - at) / reach);
    weights.push_back(rest * rest * rest);
    targets.push_back(y[i]);
  }
  // Polynomials that are orthogonal over the points: 1, t - a, (t - b) (t - a) - c.
  const auto sum = [&](auto f) {
    double out = 0;
    for (size_t i = 0; i < t.size(); ++i) out += weights[i] * f(i);
    return out;
  };
  const auto linear = [&](double a) { return [&, a](size_t i) { return t[i] - a; }; };
  const double total = sum([](size_t) { return 1.0; });
  const double a = sum([&](size_t i) { return t[i]; }) / total;
  const auto p1 = linear(a);
  const double norm1 = sum([&](size_t i) { return p1(i) * p1(i); });
  const double b = sum([&](size_t i) { return t[i] * p1(i) * p1(i); }) / norm1;
  const double c = norm1 / total;
  const auto p2 = [&](size_t i) { return (t[i] - b) * p1(i) - c; };
  const double norm2 = sum([&](size_t i) { return p2(i) * p2(i); });
  constexpr double least = 1e-12;
  if (!(norm1 > least * total && norm2 > least * total))
    throw ConfigError(message(
        "loess: the ", n, " points nearest to x = ", at, " do not determine a quadratic: all but ",
        "a few of them have equal x; take a greater span, or leave out points with equal x"));
  const double c0 = sum([&](size_t i) { return targets[i]; }) / total;
  const double c1 = sum([&](size_t i) { return targets[i] * p1(i); }) / norm1;
  const double c2 = sum([&](size_t i) { return targets[i] * p2(i); }) / norm2;
  // At t = 0: p1 = -a, p2 = a b - c; slopes 1 and -(a + b).
  return {at, c0 - c1 * a + c2 * (a * b - c), (c1 - c2 * (a + b)) / reach};
}

/// The cubic through two values and slopes.
inline double loess_between(const LoessVertex& a, const LoessVertex& b, double x) {
  const double width = b.x - a.x, t = (x - a.x) / width, u = 1 - t;
  return u * u * (1 + 2 * t) * a.value + t * t * (1 + 2 * u) * b.value +
         t * u * width * (u * a.slope - t * b.slope);
}

}  // namespace detail

/// A smooth curve through points (Cleveland & Devlin 1988, doi:10.1080/01621459.1988.10478639):
/// local quadratics, interpolated as Cleveland and Grosse do it, whose program other packages call
/// (R's `loess`, Python's `skmisc.loess`). The line is cut into cells, at points near the middle of
/// a cell until it has at most span * cell * n of them; a quadratic is fitted at each cell's ends
/// to the span * n nearest points, with weights (1 - (d / reach)^3)^3; within a cell the curve is
/// the cubic with the values and slopes of those at its ends.
///
/// @param x, y  finite
/// @return      the curve at every x
/// @throws ShapeError if they are not equally many; ConfigError if the share of the points that a
///         fit is made from is less than 3, a number is not finite, or too many x are equal
template <class = void>
std::vector<double> loess(std::span<const double> x, std::span<const double> y,
                          const LoessOptions& options = {}) {
  check_size_match("loess", "entries of x", x.size(), "entries of y", y.size());
  check_positive("loess", "span", options.span);
  check_positive("loess", "cell", options.cell);
  const double n = double(x.size());
  const size_t near = std::min(x.size(), size_t(n * std::min(options.span, 1.0) + 1e-5));
  if (near < 3)
    throw ConfigError(message("loess: ", x.size(), " points and span ", options.span, ", so a ",
                              "quadratic would go through ", near, " points, expected at least 3"));
  for (size_t i = 0; i < x.size(); ++i)
    if (!std::isfinite(x[i]) || !std::isfinite(y[i]))
      throw ConfigError(message("loess: point number ", i, " (from 0) is (", x[i], ", ", y[i],
                                "), expected finite numbers"));
  std::vector<double> sorted(x.begin(), x.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<detail::LoessVertex> vertices;
  const size_t most = std::max<size_t>(1, size_t(n * options.span * options.cell));
  for (const double end : detail::loess_cells(sorted, most))
    vertices.push_back(detail::loess_fit(x, y, end, near));
  std::vector<double> out;
  for (const double xi : x) {
    const auto after = std::lower_bound(
        vertices.begin() + 1, vertices.end() - 1, xi,
        [](const detail::LoessVertex& vertex, double value) { return vertex.x < value; });
    out.push_back(detail::loess_between(*(after - 1), *after, xi));
  }
  return out;
}

VCELL_END_NAMESPACE
