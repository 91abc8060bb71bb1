#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Whether a cell takes part: those of `cells` that are not 0, and all of them where it is empty.
inline bool is_chosen(std::span<const uint8_t> cells, size_t cell) {
  return cells.empty() || cells[cell];
}

/// How many of n cells take part.
/// @throws ShapeError if `cells` is not empty and has another number of entries
template <class = void>
size_t count_chosen(const char* function, std::span<const uint8_t> cells, size_t n) {
  if (cells.empty()) return n;
  check_size_match(function, "entries of cells", cells.size(), "cells of X", n);
  return n - size_t(std::count(cells.begin(), cells.end(), uint8_t(0)));
}

}  // namespace detail
VCELL_END_NAMESPACE
