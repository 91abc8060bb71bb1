#pragma once

#include <cstdint>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/score_table.hpp"
#include "vcell/eval/vcc2026/target_test.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

/// The genes whose fold changes are compared, and how large these really are.
struct ChangedGenes {
  std::vector<uint32_t> genes;
  double size = 0;  ///< sum of |log2 fold change| over them
};

/// The significant genes with a finite fold change.
template <class = void>
ChangedGenes changed_genes(const TargetTest& real) {
  ChangedGenes out;
  for (size_t g = 0; g < real.genes(); ++g) {
    if (!real.is_significant[g] || !std::isfinite(real.change[g])) continue;
    out.genes.push_back(uint32_t(g));
    out.size += std::abs(real.change[g]);
  }
  return out;
}

/// The error of log2 fold changes, in parts of their size:
///
///   sum |predicted - real| / sum |those of `genes`|,
///
/// where a fold change that is not tested, or not finite, is 0. Null of fewer than `fewest` genes.
/// @throws ShapeError if the genes differ
template <class = void>
Score lfc_nmae(const ChangedGenes& genes, const TargetTest& real, const TargetTest& predicted,
               size_t fewest = 10) {
  check_size_match("lfc_nmae", "genes", real.genes(), "predicted genes", predicted.genes());
  if (genes.genes.size() < fewest) return {};
  const auto change = [](const TargetTest& side, uint32_t g) {
    return side.is_counted[g] && std::isfinite(side.change[g]) ? side.change[g] : 0;
  };
  double sum = 0;
  for (const uint32_t g : genes.genes) sum += std::abs(change(predicted, g) - change(real, g));
  return sum / genes.size;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
