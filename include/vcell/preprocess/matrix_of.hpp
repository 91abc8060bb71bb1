#pragma once

#include <algorithm>
#include <utility>

#include "vcell/data/check_anndata.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Whether float does not hold every value of a matrix exactly: float64, and whole numbers beyond
/// 2^24.
/// @throws ConfigError if double does not either: whole numbers beyond 2^53
template <class = void>
bool needs_double(const Matrix& m) {
  if (m.dtype() == DType::f64) return true;
  if (m.dtype() >= DType::f16 || size_of(m.dtype()) < 4) return false;
  uint64_t most = 0;
  m.values().visit([&]<class T>(std::span<const T> values) {
    if constexpr (std::is_integral_v<T>)
      for (const T x : values)
        most = std::max(most, std::cmp_less(x, 0) ? -uint64_t(x) : uint64_t(x));
  });
  if (most > uint64_t(1) << 53)
    throw ConfigError(message("with_value_type: the matrix of ", name_of(m.dtype()), " holds the ",
                              "whole number ", most, " (or its negative), expected none beyond ",
                              "2^53, which double would round"));
  return most > uint64_t(1) << 24;
}

/// X of a whole AnnData, for the functions that work on it.
/// @throws ConfigError if there is none, ShapeError if obs or var has another number of rows
template <class A>
auto& matrix_of(const char* function, A& adata) {
  if (!adata.X)
    throw ConfigError(message(function, ": there is no X (it may be absent in an AnnData), ",
                              "expected a matrix of cells x genes"));
  check_matrix_shape("X", *adata.X, adata.cells(), adata.genes());
  return *adata.X;
}

}  // namespace detail

/// Calls `f.operator()<T>()`, which returns an R, with the type to compute in, float or double, so
/// that what is computed from the values of a matrix is rounded no sooner than they are: float
/// where it holds all of them exactly. A matrix that is read from its file in row blocks has an
/// overload of its own.
/// @throws ConfigError if double does not hold them either: whole numbers beyond 2^53
template <class R, class F>
R with_value_type(const Matrix& m, F&& f) {
  if (detail::needs_double(m)) return std::forward<F>(f).template operator()<double>();
  return std::forward<F>(f).template operator()<float>();
}

VCELL_END_NAMESPACE
