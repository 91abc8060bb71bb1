#pragma once

#include <vector>

#include "vcell/data/numbers.hpp"

VCELL_BEGIN_NAMESPACE

/// Numbers of any dtype and shape, row major, as a file holds them.
struct Array {
  std::vector<size_t> shape;  ///< empty for a single number
  Numbers values;             ///< count() of them

  DType dtype() const { return values.dtype(); }
  size_t count() const {
    size_t n = 1;
    for (size_t extent : shape) n *= extent;
    return n;
  }

  /// The elements as numbers of type T.
  /// @throws FormatError if T cannot hold one of them (integers and bool are never rounded)
  /// @throws ShapeError if there are not as many as the shape says
  template <class T>
  std::vector<T> as() const {
    check_size_match("Array::as", "values there", values.size(), "elements of the shape", count());
    return values.as<T>();
  }

  /// @throws ShapeError if the number of values is not that of the shape
  template <class T>
  static Array of(std::vector<size_t> shape, std::span<const T> from) {
    Array out{std::move(shape), {}};
    if constexpr (std::is_same_v<T, bool>)
      out.values = Numbers::truths({from.begin(), from.end()});
    else
      out.values = std::vector<T>(from.begin(), from.end());
    check_size_match("Array::of", "values", from.size(), "elements of the shape", out.count());
    return out;
  }

  friend bool operator==(const Array&, const Array&) = default;
};

VCELL_END_NAMESPACE
