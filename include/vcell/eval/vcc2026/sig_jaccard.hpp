#pragma once

#include "vcell/eval/vcc2026/target_test.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

/// Genes that are significant on both sides, of those that are on either; 1 where none is.
/// @throws ShapeError if the genes differ
template <class = void>
double sig_jaccard(const TargetTest& real, const TargetTest& predicted) {
  check_size_match("sig_jaccard", "genes", real.genes(), "predicted genes", predicted.genes());
  size_t both = 0, either = 0;
  for (size_t g = 0; g < real.genes(); ++g) {
    both += real.is_significant[g] && predicted.is_significant[g];
    either += real.is_significant[g] || predicted.is_significant[g];
  }
  return either ? double(both) / double(either) : 1;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
