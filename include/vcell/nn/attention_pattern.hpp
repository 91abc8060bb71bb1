#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// Who attends to whom within a set (nn/pattern_mask.hpp).
enum class AttentionPattern {
  everybody,  ///< every cell to every cell: a set has no order
  causal,     ///< a cell to itself and those before it, as old gpt2 checkpoints were trained
  itself      ///< every cell to itself alone (mask_attn of the reference)
};

VCELL_END_NAMESPACE
