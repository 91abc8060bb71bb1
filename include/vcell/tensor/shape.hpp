#pragma once

#include <array>
#include <cstddef>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// Sizes of the axes, the slowest first.
template <int rank>
using Shape = std::array<size_t, size_t(rank)>;

/// Elements in a shape: the product of its sizes, 1 for rank 0.
template <size_t rank>
constexpr size_t count(const std::array<size_t, rank>& shape) {
  size_t n = 1;
  for (const size_t s : shape) n *= s;
  return n;
}

/// Whether a shape has at most this many elements: the product itself may wrap around.
template <size_t rank>
constexpr bool has_at_most(const std::array<size_t, rank>& shape, size_t most) {
  size_t n = 1;
  for (const size_t s : shape)
    if (s == 0) return true;
  for (const size_t s : shape) {
    if (s > most / n) return false;
    n *= s;
  }
  return n <= most;
}

VCELL_END_NAMESPACE
