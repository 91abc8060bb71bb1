#pragma once

#include <cstddef>
#include <utility>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

// Apart from the tests, so that the hot path holds one comparison and a call that never happens.
template <class E, class... Parts>
[[noreturn, gnu::noinline, gnu::cold]] void fail(const Parts&... parts) {
  throw E(message(parts...));
}

}  // namespace detail

/// @throws ShapeError if two sizes that must be equal are not
inline void check_size_match(const char* function, const char* name_a, size_t a, const char* name_b,
                             size_t b) {
  if (a != b) [[unlikely]]
    detail::fail<ShapeError>(function, ": ", name_a, " (", a, ") and ", name_b, " (", b,
                             ") must be equal");
}

/// @throws ShapeError if two shapes that must be equal are not
template <class Shape>
void check_shape_match(const char* function, const char* name_a, const Shape& a, const char* name_b,
                       const Shape& b) {
  if (a != b) [[unlikely]]
    detail::fail<ShapeError>(function, ": ", name_a, " ", a, " and ", name_b, " ", b,
                             " must have the same shape");
}

/// @throws ShapeError if an index does not lie in 0 .. size - 1
template <class Index>
void check_index(const char* function, const char* name, Index index, size_t size) {
  if (std::cmp_less(index, 0) || std::cmp_greater_equal(index, size)) [[unlikely]]
    detail::fail<ShapeError>(function, ": ", name, " is ", index, ", expected 0 <= ", name, " < ",
                             size);
}

/// @throws ConfigError if a setting is not above zero (or not a number)
template <class N>
void check_positive(const char* function, const char* name, N value) {
  if (!(value > N(0))) [[unlikely]]
    detail::fail<ConfigError>(function, ": ", name, " is ", value, ", expected a number above 0");
}

VCELL_END_NAMESPACE
