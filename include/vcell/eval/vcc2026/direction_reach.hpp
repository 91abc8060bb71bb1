#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/vcc2026/direction_fidelity.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

struct DirectionReach {
  size_t real = 0;   ///< significant real genes
  size_t depth = 0;  ///< the deepest with enough right directions up to it

  /// depth / real; NaN where there is no real gene.
  double value() const {
    return real ? double(depth) / double(real) : std::numeric_limits<double>::quiet_NaN();
  }
};

/// How far down a prediction's own list of the genes that really change its directions can be
/// trusted. The list has the significant real genes that the prediction tested: those that are
/// significant there first, then by false discovery rate, p-value, size of the fold change (largest
/// first) and name. Its depth is the largest number of genes from the top of which at least
/// `purity` go in the predicted direction, also below a depth at which fewer did.
/// @param names  of the genes
/// @throws ShapeError if the genes differ
template <class = void>
DirectionReach direction_reach(const TargetTest& real, const TargetTest& predicted,
                               std::span<const std::string> names, double purity = 0.9) {
  check_size_match("direction_reach", "genes", real.genes(), "predicted genes", predicted.genes());
  check_size_match("direction_reach", "genes", real.genes(), "names", names.size());
  DirectionReach out;
  std::vector<size_t> list;
  for (size_t g = 0; g < real.genes(); ++g) {
    out.real += real.is_significant[g];
    if (real.is_significant[g] && predicted.is_counted[g] && detail::has_direction(real, g))
      list.push_back(g);
  }
  const auto key = [&](size_t g) {
    const double size = std::abs(predicted.change[g]);
    return std::tuple(!predicted.is_significant[g], predicted.fdr[g], predicted.p[g],
                      std::isnan(size) ? 1.0 : -size);
  };
  std::sort(list.begin(), list.end(), [&](size_t a, size_t b) {
    const auto x = key(a), y = key(b);
    return x == y ? names[a] < names[b] : x < y;
  });
  size_t right = 0;
  for (size_t i = 0; i < list.size(); ++i) {
    right += detail::is_same_direction(real, predicted, list[i]);
    if (double(right) / double(i + 1) >= purity) out.depth = i + 1;
  }
  return out;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
