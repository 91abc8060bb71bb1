#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/distance_tile.hpp"
#include "vcell/eval/row_products.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Distances of rows of a to rows of b but for some of their digits, which take a part of the time:
/// L2 and cosine from the products of rows (RowProducts), L1 from sums of maxima.
template <class Distance, class T>
class DistanceEstimates {
  static constexpr bool is_l1 = std::is_same_v<Distance, L1Distance>,
                        is_cosine = std::is_same_v<Distance, CosineDistance>;

 public:
  /// of_rows is no further than `margin` from `value`; NaN where nothing is known.
  struct Estimate {
    double value, margin;
  };

  /// @param a, b  borrowed, of as many columns
  DistanceEstimates(View<const T, 2> a, View<const T, 2> b)
      : a_(a), b_(b), sizes_a_(sizes_of(a)), sizes_b_(sizes_of(b)) {
    if constexpr (is_l1) {
      const auto same = [](double x) { return x; };
      sums_a_ = sums_of_rows(a, same);
      sums_b_ = sums_of_rows(b, same);
    } else {
      floats_a_ = floats_of(a);
      floats_b_ = floats_of(b);
    }
  }

  /// What estimates of rows first .. last - 1 of a with all n of b are made of, (last - first, n).
  std::vector<double> terms(size_t first, size_t last) const {
    if constexpr (is_l1)
      return distance_sums<Maxima>(a_, b_, first, last);
    else if (b_.shape[0] < 64)  // a call of the product library takes longer
      return distance_sums<CosineDistance>(a_, b_, first, last);
    else
      return RowProducts::of(floats(a_, floats_a_), floats(b_, floats_b_), first, last);
  }

  /// @param term  of rows p and t
  /// @param own   the column that is left out; one past the end for none
  Estimate operator()(double term, size_t p, size_t t, size_t own) const {
    const bool has_own = own < a_.shape[1];
    const double x = has_own ? double(a_(p, own)) : 0, y = has_own ? double(b_(t, own)) : 0;
    const double of_a = sizes_a_[p], of_b = sizes_b_[t];
    constexpr double nan = std::numeric_limits<double>::quiet_NaN(), most = 1e36;  // of floats
    if (!(of_a + of_b < most)) return {nan, nan};
    if constexpr (is_l1) {
      return {2 * term - sums_a_[p] - sums_b_[t] - std::abs(x - y),
              (3 * sum_error<T>() + least) * (of_a + of_b)};
    } else {
      const double both = std::sqrt(of_a) * std::sqrt(of_b), product = term - x * y,
                   a_rest = of_a - x * x, b_rest = of_b - y * y,
                   of_small = small() * (1 + std::sqrt(of_a) + std::sqrt(of_b));
      const double share = RowProducts::error() + sum_error<T>();
      if constexpr (is_cosine) {
        if (!(a_rest > 1e-3 * of_a && b_rest > 1e-3 * of_b)) return {nan, nan};
        const double rest = std::sqrt(a_rest) * std::sqrt(b_rest);
        return {1 - product / rest, (share * both + of_small) / rest + 1e3 * least};
      } else {
        const double value = a_rest + b_rest - 2 * product;
        return {value, share * (2 * both + std::abs(value)) + least * (of_a + of_b) + of_small};
      }
    }
  }

  /// Distances of row p to some rows, from their terms.
  std::vector<double> of_rows(size_t p, std::span<const int32_t> rows, size_t own) const {
    auto out = distance_sums<Distance>(a_[p], b_, own, rows);
    if constexpr (is_cosine) {
      const double squares = squares_without(a_[p], own);
      for (size_t i = 0; i < rows.size(); ++i)
        out[i] = Distance::of(out[i], squares, squares_without(b_[size_t(rows[i])], own));
    }
    return out;
  }

 private:
  /// Rounding of sums in double, as a share, with room to spare.
  static constexpr double least = 1e-12;
  /// What terms lose that are too small for a float.
  double small() const { return double(a_.shape[1]) * 1e-37; }

  /// sum |x| or sum x^2 of every row.
  static std::vector<double> sizes_of(View<const T, 2> rows) {
    if constexpr (is_l1)
      return sums_of_rows(rows, [](double x) { return std::abs(x); });
    else
      return squares_of(rows);
  }

  static Tensor<float, 2> floats_of(View<const T, 2> rows) {
    Tensor<float, 2> out;
    if constexpr (!std::is_same_v<T, float>) {
      out = Tensor<float, 2>::uninitialized(rows.shape);
      std::transform(rows.begin(), rows.end(), out.data(), [](T x) { return float(x); });
    }
    return out;
  }
  static View<const float, 2> floats(View<const T, 2> rows, const Tensor<float, 2>& copy) {
    if constexpr (std::is_same_v<T, float>)
      return rows;
    else
      return copy.view();
  }

  View<const T, 2> a_, b_;
  std::vector<double> sizes_a_, sizes_b_, sums_a_, sums_b_;
  Tensor<float, 2> floats_a_, floats_b_;  // of doubles
};

}  // namespace detail
VCELL_END_NAMESPACE
