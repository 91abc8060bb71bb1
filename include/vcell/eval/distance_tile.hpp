#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Bytes of the processor's largest registers.
#if defined(__AVX512F__)
inline constexpr size_t register_bytes = 64;
#elif defined(__AVX__)
inline constexpr size_t register_bytes = 32;
#else
inline constexpr size_t register_bytes = 16;
#endif

/// As many numbers as a register holds, with the operators of one.
template <class T, size_t bytes = register_bytes>
struct Register {
  static constexpr size_t width = bytes / sizeof(T);
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  typedef T type __attribute__((vector_size(bytes)));
  typedef Bits bits __attribute__((vector_size(bytes)));

  static type zeros() {  // no constant: nvcc has none of this type
    type out;
    std::memset(&out, 0, bytes);
    return out;
  }
  static type load(const T* from) {
    type out;
    std::memcpy(&out, from, bytes);
    return out;
  }
  /// |x|: without the bit of the sign.
  static type absolute(type x) {
    return std::bit_cast<type>(std::bit_cast<bits>(x) & (~Bits(0) >> 1));
  }
  /// By halves.
  static T sum(type x) {
    if constexpr (width == 2) {
      return x[0] + x[1];
    } else if constexpr (bytes == 16) {
      return (x[0] + x[2]) + (x[1] + x[3]);
    } else {
      using Half = Register<T, bytes / 2>;
      std::array<typename Half::type, 2> halves;
      std::memcpy(halves.data(), &x, bytes);
      return Half::sum(halves[0] + halves[1]);
    }
  }
};

}  // namespace detail

/// sum |a - b|
struct L1Distance {
  /// sum + its term.
  template <class T>
  static T add(T sum, T a, T b) {
    return sum + std::abs(a - b);
  }
  template <class R>
  static typename R::type add_register(typename R::type sum, typename R::type a,
                                       typename R::type b) {
    return sum + R::absolute(a - b);
  }
};

/// sum (a - b)^2, which orders as its root does.
struct L2Distance {
  template <class T>
  static T add(T sum, T a, T b) {
    return sum + (a - b) * (a - b);
  }
  template <class R>
  static typename R::type add_register(typename R::type sum, typename R::type a,
                                       typename R::type b) {
    return sum + (a - b) * (a - b);
  }
};

/// 1 - a b / (|a| |b|); 1 where one of them is 0. Its terms are those of a b.
struct CosineDistance {
  template <class T>
  static T add(T sum, T a, T b) {
    return sum + a * b;
  }
  template <class R>
  static typename R::type add_register(typename R::type sum, typename R::type a,
                                       typename R::type b) {
    return sum + a * b;
  }
  static double of(double sum, double a_squares, double b_squares) {
    if (!(a_squares > 0 && b_squares > 0)) return 1;
    return std::clamp(1 - sum / (std::sqrt(a_squares) * std::sqrt(b_squares)), 0.0, 2.0);
  }
};

namespace detail {

/// sum max(a, b), of which sum |a - b| = 2 sum max(a, b) - sum a - sum b can be had but for some
/// digits: the processor does it in less time.
struct Maxima {
  template <class T>
  static T add(T sum, T a, T b) {
    return sum + (a > b ? a : b);
  }
  template <class R>
  static typename R::type add_register(typename R::type sum, typename R::type a,
                                       typename R::type b) {
    return sum + (a > b ? a : b);
  }
};

/// Columns of which a tile's rows stay in cache, and over which terms are added in T.
inline constexpr size_t distance_columns = 512;

/// How far a sum of distance_sums is from what it would be without rounding, at most, as a share of
/// the sum of the sizes of its terms.
template <class T>
constexpr double sum_error() {
  constexpr size_t terms = distance_columns / Register<T>::width + 8;
  return double(terms) * double(std::numeric_limits<T>::epsilon());
}

/// Sums of a distance's terms of some rows a and four rows b. Several at a time, so that a value
/// that was loaded serves as often and the processor has many sums under way.
template <class Distance, class T, size_t of_a>
struct DistanceTile {
  static constexpr size_t of_b = 4;
  std::array<std::array<double, of_b>, of_a> sums{};  // [row of a][row of b]

  using A = std::array<const T*, of_a>;
  using B = std::array<const T*, of_b>;

  /// Adds columns first .. last - 1.
  void add(const A& a, const B& b, size_t first, size_t last) {
    using R = Register<T>;
    typename R::type lanes[of_a][of_b];
    for_all([&](auto i, auto k) { lanes[i][k] = R::zeros(); });
    for (; first + R::width <= last; first += R::width) {
      typename R::type x[of_a], y[of_b];
      for_all([&](auto i, auto k) {
        if constexpr (k == 0) x[i] = R::load(a[i] + first);
        if constexpr (i == 0) y[k] = R::load(b[k] + first);
        lanes[i][k] = Distance::template add_register<R>(lanes[i][k], x[i], y[k]);
      });
    }
    for_all([&](auto i, auto k) {
      sums[i][k] += double(R::sum(lanes[i][k]));
      for (size_t g = first; g < last; ++g)
        sums[i][k] += double(Distance::add(T(0), a[i][g], b[k][g]));
    });
  }

 private:
  /// f(i, k) of all pairs of rows, as constants: without a loop, so that lanes are registers of the
  /// processor and no array, which a compiler would keep in memory.
  template <class F>
  static void for_all(F&& f) {
    [&]<size_t... n>(std::index_sequence<n...>) {
      (f(std::integral_constant<size_t, n / of_b>(), std::integral_constant<size_t, n % of_b>()),
       ...);
    }
    (std::make_index_sequence<of_a * of_b>());
  }
};

/// Sums of terms of rows first .. last - 1 of a and all n rows of b, (last - first, n).
template <class Distance, class T>
std::vector<double> distance_sums(View<const T, 2> a, View<const T, 2> b, size_t first,
                                  size_t last) {
  using Tile = DistanceTile<Distance, T, 4>;
  constexpr size_t rows = Tile::of_b, block = distance_columns;
  const size_t n = b.shape[0], columns = b.shape[1];
  std::vector<double> sums((last - first) * n, 0.0);
  for (size_t g = 0; g < columns; g += block)
    for (size_t t = 0; t < n; t += rows)
      for (size_t p = first; p < last; p += rows) {
        // At the edge the last row fills the tile up; what it adds there is not used.
        Tile tile;
        typename Tile::A x;
        typename Tile::B y;
        for (size_t i = 0; i < rows; ++i) {
          x[i] = a[std::min(p + i, last - 1)].data;
          y[i] = b[std::min(t + i, n - 1)].data;
        }
        tile.add(x, y, g, std::min(g + block, columns));
        for (size_t i = 0; i < std::min(rows, last - p); ++i)
          for (size_t k = 0; k < std::min(rows, n - t); ++k)
            sums[(p + i - first) * n + t + k] += tile.sums[i][k];
      }
  return sums;
}

/// Sums of terms of one row and some rows of b, beside them.
/// @param own  the column that is left out, one past the end for none. It is left out of the sum
///             and not subtracted from it, so that sums that are equal without it come out equal
template <class Distance, class T>
std::vector<double> distance_sums(View<const T, 1> a, View<const T, 2> b, size_t own,
                                  std::span<const int32_t> rows) {
  using Tile = DistanceTile<Distance, T, 1>;
  const size_t n = rows.size(), columns = b.shape[1];
  std::vector<double> sums(n, 0.0);
  for (size_t t = 0; t < n; t += Tile::of_b) {
    typename Tile::B y;
    for (size_t k = 0; k < y.size(); ++k) y[k] = b[size_t(rows[std::min(t + k, n - 1)])].data;
    for (size_t g = 0; g < columns; g += distance_columns) {
      const size_t last = std::min(g + distance_columns, columns);
      Tile tile;
      if (own >= g && own < last) {
        tile.add({a.data}, y, g, own);
        tile.add({a.data}, y, own + 1, last);
      } else {
        tile.add({a.data}, y, g, last);
      }
      for (size_t k = 0; k < std::min(y.size(), n - t); ++k) sums[t + k] += tile.sums[0][k];
    }
  }
  return sums;
}

/// sum x^2 without one column, which is left out and not subtracted.
/// @param column  one past the end for none
template <class T>
double squares_without(View<const T, 1> x, size_t column) {
  double out = 0;
  for (size_t g = 0; g < x.shape[0]; g += distance_columns) {
    const size_t last = std::min(g + distance_columns, x.shape[0]);
    double of_block = 0;
    for (size_t i = g; i < last; ++i)
      if (i != column) of_block += double(x[i]) * double(x[i]);
    out += of_block;
  }
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
