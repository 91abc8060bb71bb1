#pragma once

#include <algorithm>
#include <utility>

#include "vcell/data/check_anndata.hpp"
#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The greatest magnitude of whole numbers.
template <class T>
uint64_t greatest_magnitude(std::span<const T> values) {
  uint64_t most = 0;
  for (const T x : values) most = std::max(most, std::cmp_less(x, 0) ? -uint64_t(x) : uint64_t(x));
  return most;
}
template <class = void>
uint64_t greatest_magnitude(const Matrix& X) {
  return X.values().visit<uint64_t>([&]<class T>(std::span<const T> values) -> uint64_t {
    if constexpr (std::is_integral_v<T>) return greatest_magnitude(values);
    return 0;
  });
}
template <class S>
uint64_t greatest_magnitude(const S& X) {
  uint64_t most = 0;
  const auto look = [&](size_t, const auto& block) {
    most = std::max(most, greatest_magnitude(block.values));
  };
  if (X.dtype() == DType::u64)
    for_each_row_block<uint64_t>(X, look);
  else
    for_each_row_block<int64_t>(X, look);
  return most;
}

/// Whether float does not hold every value of a source of rows exactly: float64, and whole numbers
/// beyond 2^24.
/// @throws ConfigError if double does not either: whole numbers beyond 2^53
template <class S>
bool needs_double(const S& X) {
  if (X.dtype() == DType::f64) return true;
  if (X.dtype() >= DType::f16 || size_of(X.dtype()) < 4) return false;
  const uint64_t most = greatest_magnitude(X);
  if (most > uint64_t(1) << 53)
    throw ConfigError(message("with_value_type: the matrix of ", name_of(X.dtype()), " holds the ",
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

/// A layer of a whole AnnData.
/// @throws ConfigError if there is none of this name, ShapeError if obs or var has another number
///         of rows
template <class A>
auto& layer_of(const char* function, A& adata, const std::string& name) {
  const auto found = adata.layers.find(name);
  if (found == adata.layers.end()) {
    std::vector<std::string> names;
    for (const auto& layer : adata.layers) names.push_back(layer.first);
    throw ConfigError(message(function, ": there is no layer ", quoted(name),
                              ", expected one of: ", list_of(names, 40)));
  }
  check_matrix_shape(message("layers[", quoted(name), "]"), found->second, adata.cells(),
                     adata.genes());
  return found->second;
}

}  // namespace detail

/// Calls `f.operator()<T>()`, which returns an R, with the type to compute in, float or double, so
/// that what is computed from the values of X is rounded no sooner than they are: float
/// where it holds all of them exactly.
/// @throws ConfigError if double does not hold them either: whole numbers beyond 2^53
template <class R, class S, class F>
R with_value_type(const S& X, F&& f) {
  if (detail::needs_double(X)) return std::forward<F>(f).template operator()<double>();
  return std::forward<F>(f).template operator()<float>();
}

/// That type, as a dtype: float32 or float64.
template <class S>
DType value_type(const S& X) {
  return detail::needs_double(X) ? DType::f64 : DType::f32;
}

VCELL_END_NAMESPACE
