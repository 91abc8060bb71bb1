#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/data/dtype.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A number as another type. `fits` becomes false when that type cannot hold it; rounding to a
/// shorter floating type is no failure.
template <class To, class From>
To convert_number(From x, bool& fits) {
  if constexpr (std::is_same_v<From, half> || std::is_same_v<From, bfloat16>) {
    return convert_number<To>(float(x), fits);
  } else if constexpr (std::is_floating_point_v<To> || std::is_same_v<To, From>) {
    return To(x);
  } else if constexpr (std::is_same_v<To, bool>) {
    fits = fits && (x == From(0) || x == From(1));
    return x != From(0);
  } else if constexpr (std::is_same_v<From, bool>) {
    return To(x);
  } else if constexpr (std::is_integral_v<From>) {
    fits = fits && std::in_range<To>(x);
    return To(x);
  } else {
    const From limit = std::ldexp(From(1), int(sizeof(To)) * 8 - int(std::is_signed_v<To>));
    const bool in = x >= (std::is_signed_v<To> ? -limit : From(0)) && x < limit;
    fits = fits && in && x == std::trunc(x);
    return in ? To(x) : To(0);
  }
}

}  // namespace detail

/// Numbers of any dtype and shape, row major, as a file holds them (native byte order).
struct Array {
  DType dtype = DType::f32;
  std::vector<size_t> shape;     ///< empty for a single number
  std::vector<std::byte> bytes;  ///< count() * size_of(dtype) of them

  size_t count() const {
    size_t n = 1;
    for (size_t extent : shape) n *= extent;
    return n;
  }

  /// The elements as numbers of type T.
  /// @throws FormatError if T cannot hold one of them (integers and bool are never rounded)
  template <class T>
  requires std::is_arithmetic_v<T> std::vector<T> as()
  const {
    check_size_match("Array::as", "bytes there", bytes.size(), "bytes of the shape",
                     count() * size_of(dtype));
    std::vector<T> out(count());
    bool fits = true;
    visit_dtype(dtype, [&]<class From>() {
      for (size_t i = 0; i < out.size(); ++i) {
        From x;
        if constexpr (std::is_same_v<From, bool>)
          x = bytes[i] != std::byte(0);
        else
          std::memcpy(&x, bytes.data() + i * sizeof(From), sizeof(From));
        out[i] = detail::convert_number<T>(x, fits);
      }
    });
    if (!fits)
      throw FormatError(message("Array::as: a number of the ", name_of(dtype), " array of shape ",
                                shape, " does not fit into ", name_of(dtype_of<T>())));
    return out;
  }

  /// @throws ShapeError if the number of values is not that of the shape
  template <class T>
  static Array of(std::vector<size_t> shape, std::span<const T> values) {
    Array out{dtype_of<T>(), std::move(shape), {}};
    check_size_match("Array::of", "values", values.size(), "elements of the shape", out.count());
    out.bytes.resize(values.size_bytes());
    std::copy_n(std::as_bytes(values).data(), values.size_bytes(), out.bytes.data());
    return out;
  }

  friend bool operator==(const Array&, const Array&) = default;
};

VCELL_END_NAMESPACE
