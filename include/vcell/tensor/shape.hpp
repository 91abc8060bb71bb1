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

VCELL_END_NAMESPACE
