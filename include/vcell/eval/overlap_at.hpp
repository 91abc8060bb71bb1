#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// |first k of a and first k of b|; a shorter list is used whole.
/// @param a, b  without duplicates
template <class = void>
size_t shared_of_first(std::span<const uint32_t> a, std::span<const uint32_t> b, size_t k) {
  std::vector<uint32_t> first(a.begin(), a.begin() + std::min(k, a.size()));
  std::sort(first.begin(), first.end());
  size_t shared = 0;
  for (const uint32_t gene : b.first(std::min(k, b.size())))
    shared += std::binary_search(first.begin(), first.end(), gene);
  return shared;
}

}  // namespace detail

/// |first k of real and first k of predicted| / k, with k the number of real genes or `most`, which
/// is less; a shorter list of predicted genes is used whole. 0 when there is no real gene.
/// @param real, predicted  genes without duplicates, most important first
template <class = void>
double overlap_at(std::span<const uint32_t> real, std::span<const uint32_t> predicted,
                  std::optional<size_t> most = {}) {
  const size_t k = std::min(most.value_or(real.size()), real.size());
  return k ? double(detail::shared_of_first(real, predicted, k)) / double(k) : 0;
}

/// The same with k from the predicted list: the share of the first predicted genes that are among
/// the first real ones. 0 when no gene is predicted.
template <class = void>
double precision_at(std::span<const uint32_t> real, std::span<const uint32_t> predicted,
                    std::optional<size_t> most = {}) {
  return overlap_at(predicted, real, most);
}

VCELL_END_NAMESPACE
