// Tables of differential expression that hold the same bytes.
#pragma once

#include <cstring>

#include "vcell/eval/differential_expression.hpp"

namespace vcell_test {

using namespace vcell;

inline bool same_expression(const DifferentialExpression& a, const DifferentialExpression& b) {
  const auto same = [](const auto& x, const auto& y) {
    return x.shape() == y.shape() &&
           (x.count() == 0 || std::memcmp(x.data(), y.data(), x.values().size_bytes()) == 0);
  };
  return a.targets == b.targets && a.features == b.features &&
         a.target_membership == b.target_membership && a.ref_membership == b.ref_membership &&
         a.geometric_mean == b.geometric_mean && same(a.target_mean, b.target_mean) &&
         same(a.ref_mean, b.ref_mean) && same(a.log2_fold_change, b.log2_fold_change) &&
         same(a.percent_change, b.percent_change) && same(a.p_value, b.p_value) &&
         same(a.statistic, b.statistic) && same(a.fdr, b.fdr) && same(a.is_kept, b.is_kept);
}

}  // namespace vcell_test
