#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// What a cell is used for. Control cells have a part like any other, which says whether they are
/// learnt from as targets; as inputs they serve every part, or their own where they are kept apart
/// (Screen::control_parts).
enum class Part : uint8_t { train, validation, test, unused };

/// The name of a part as people read it.
template <class = void>
std::string_view name_of(Part part) {
  constexpr std::string_view names[] = {"train", "validation", "test", "unused"};
  return names[size_t(part)];
}

/// Cells in each part, in the order of the enumeration.
template <class = void>
std::array<size_t, 4> count_parts(std::span<const Part> parts) {
  std::array<size_t, 4> counts{};
  for (const Part part : parts) ++counts[size_t(part)];
  return counts;
}

VCELL_END_NAMESPACE
