#pragma once

#include "vcell/nn/attention_pattern.hpp"
#include "vcell/ops/attention.hpp"
#include "vcell/tensor/copy.hpp"

VCELL_BEGIN_NAMESPACE

/// The mask of a pattern, for ops/attention.hpp: empty where everybody attends to everybody.
///
/// @param size     S: tokens of a set
/// @param viewers  that many tokens at the beginning count as the last ones: under `causal` they
///                 attend to all others, which do not attend to them. So they have a place in sets
///                 of any length
/// @return         (1, 1, S, S)
/// @throws ShapeError if there are more viewers than tokens
template <class Device>
AttentionMask<Device> pattern_mask(AttentionPattern pattern, size_t size, size_t viewers = 0) {
  if (viewers > size)
    throw ShapeError(message("pattern_mask: ", viewers, " viewers among ", size,
                             " tokens; expected at most as many"));
  if (pattern == AttentionPattern::everybody) return {};
  Tensor<bool, 4> allowed({1, 1, size, size});
  const auto place = [&](size_t i) { return i < viewers ? size - viewers + i : i - viewers; };
  for (size_t i = 0; i < size; ++i)
    for (size_t j = 0; j < size; ++j)
      allowed(0, 0, i, j) = pattern == AttentionPattern::itself ? i == j : place(j) <= place(i);
  return {.allowed = Variable<bool, 4, Device>(to_device<Device>(std::move(allowed)))};
}

VCELL_END_NAMESPACE
