#pragma once

#include <vector>

#include "vcell/autograd/recompute.hpp"
#include "vcell/ops/attention.hpp"

VCELL_BEGIN_NAMESPACE

/// Blocks of a backbone one after the other.
///
/// @param x           (B, S, width)
/// @param mask        who may attend to whom (ops/attention.hpp); empty = everybody
/// @param recomputed  keep of every block its input alone and compute the rest again in backward
///                    (autograd/recompute.hpp): one more forward, the same bytes
/// @return            (B, S, width)
template <class Block, class T, class Device>
Variable<T, 3, Device> run_blocks(const std::vector<Block>& blocks, Variable<T, 3, Device> x,
                                  const AttentionMask<Device>& mask, bool recomputed) {
  for (const Block& block : blocks)  // copied for backward: a handful of handles
    x = recomputed ? recompute([block, mask](const auto& y) { return block(y, mask); }, x)
                   : block(x, mask);
  return x;
}

VCELL_END_NAMESPACE
