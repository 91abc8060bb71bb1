#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "vcell/eval/differential_expression.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

/// What a table of differential expression says of one target.
struct TargetTest {
  std::span<const double> change;       ///< log2 fold changes, (genes), of the table
  std::span<const double> p;            ///< (genes), of the table
  std::span<const double> fdr;          ///< (genes), of the table
  std::vector<uint8_t> is_counted;      ///< (genes) 1: the table has it, and not the target's own
  std::vector<uint8_t> is_significant;  ///< (genes) 1: counted, and fdr < alpha

  size_t genes() const { return change.size(); }
  /// Counted genes that are significant.
  size_t significant() const {
    size_t n = 0;
    for (const uint8_t is : is_significant) n += is;
    return n;
  }
};

/// @param de      stays where it is as long as what is returned
/// @param target  of the table
/// @param own     column of the target's own gene, which is tested, and not counted; -1: it is none
/// @throws ShapeError if there is no such target
template <class = void>
TargetTest target_test(const DifferentialExpression& de, size_t target, int32_t own, double alpha) {
  const size_t genes = de.features.size();
  check_index("target_test", "target", target, de.targets.size());
  TargetTest out;
  out.change = {de.log2_fold_change[target].data, genes};
  out.p = {de.p_value[target].data, genes};
  out.fdr = {de.fdr[target].data, genes};
  for (size_t g = 0; g < genes; ++g) {
    out.is_counted.push_back(de.has_row(target, g) && !std::cmp_equal(g, own));
    out.is_significant.push_back(out.is_counted[g] && out.fdr[g] < alpha);
  }
  return out;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
