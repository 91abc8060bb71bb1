#pragma once

#include <algorithm>
#include <limits>

#include "vcell/eval/vcc2026/target_test.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

namespace detail {

/// Whether the direction of a gene can be judged: it was seen to change at all.
inline bool has_direction(const TargetTest& real, size_t gene) {
  return real.is_counted[gene] && real.change[gene] != 0 && !std::isnan(real.change[gene]);
}

/// Whether a prediction has the direction of a gene that has one; no change is the wrong one.
inline bool is_same_direction(const TargetTest& real, const TargetTest& predicted, size_t gene) {
  return real.change[gene] > 0 ? predicted.change[gene] > 0 : predicted.change[gene] < 0;
}

}  // namespace detail

struct DirectionFidelity {
  size_t predicted = 0;  ///< significant predicted genes whose direction can be judged
  size_t real = 0;       ///< significant real genes
  size_t right = 0;      ///< of the predicted ones

  /// right / max(predicted, real); NaN where both are 0.
  double value() const {
    const size_t n = std::max(predicted, real);
    return n ? double(right) / double(n) : std::numeric_limits<double>::quiet_NaN();
  }
};

/// How many of the genes that a prediction says change do so, in its direction, of as many as there
/// are on the side that has more.
/// @throws ShapeError if the genes differ
template <class = void>
DirectionFidelity direction_fidelity(const TargetTest& real, const TargetTest& predicted) {
  check_size_match("direction_fidelity", "genes", real.genes(), "predicted genes",
                   predicted.genes());
  DirectionFidelity out;
  out.real = real.significant();
  for (size_t g = 0; g < real.genes(); ++g) {
    if (!predicted.is_significant[g] || !detail::has_direction(real, g)) continue;
    ++out.predicted;
    out.right += detail::is_same_direction(real, predicted, g);
  }
  return out;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
