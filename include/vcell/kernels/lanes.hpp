#pragma once

#include <cstddef>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// combine(... combine(initial, term(0)) ..., term(n - 1)) in 16 interleaved lanes, which the
/// compiler keeps in vector registers; an ordinary sum is one long chain that it may not reorder.
/// The order depends on n alone. combine must be associative up to rounding, initial its neutral
/// element.
template <class T, class Term, class Combine>
T reduce_lanes(size_t n, T initial, Term term, Combine combine) {
  constexpr size_t lanes = 16;
  T lane[lanes];
  for (size_t k = 0; k < lanes; ++k) lane[k] = initial;
  const size_t whole = n / lanes * lanes;
  for (size_t j = 0; j < whole; j += lanes)
    for (size_t k = 0; k < lanes; ++k) lane[k] = combine(lane[k], term(j + k));
  for (size_t j = whole; j < n; ++j) lane[j - whole] = combine(lane[j - whole], term(j));
  for (size_t width = lanes / 2; width; width /= 2)
    for (size_t k = 0; k < width; ++k) lane[k] = combine(lane[k], lane[k + width]);
  return lane[0];
}

/// The sum of term(0) ... term(n - 1).
template <class T, class Term>
T sum_lanes(size_t n, Term term) {
  return reduce_lanes(n, T(0), term, [](T a, T b) { return a + b; });
}

}  // namespace kernel
VCELL_END_NAMESPACE
