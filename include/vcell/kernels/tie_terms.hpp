#pragma once

#include "vcell/core/device.hpp"

VCELL_BEGIN_NAMESPACE

/// What a block of r equal values adds to the tie term of a rank-sum test: r^3 - r.
/// @tparam T  double, or an unsigned integer that holds it
template <class T>
VCELL_IN_LOOPS T tie_term(T r) {
  return (r * r - 1) * r;
}

/// How much it grows when c values more are in the block: (r + c)^3 - (r + c) - (r^3 - r).
template <class T>
VCELL_IN_LOOPS T added_tie_term(T r, T c) {
  return tie_term(c) + 3 * r * c * (r + c);
}

VCELL_END_NAMESPACE
