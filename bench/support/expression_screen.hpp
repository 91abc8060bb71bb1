// Data as training meets it: a simulated screen, normalised.
#pragma once

#include <cmath>

#include "vcell/core/rng.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/sets/screen.hpp"
#include "vcell/simulate/simulate_screen.hpp"
#include "vcell/tensor/tensor.hpp"

namespace vcell_bench {

/// About 5,000 cells of one context, log1p of counts over 2,000 genes, two thirds of them 0: 24
/// perturbations of about 180 cells, and 600 controls. The same in every run.
inline const vcell::Screen& expression_screen() {
  static const vcell::Screen screen = [] {
    auto simulated = vcell::simulate_screen({.seed = 1,
                                             .genes = 2000,
                                             .contexts = 1,
                                             .perturbations = 24,
                                             .cells_per_perturbation = 180,
                                             .control_cells = 600,
                                             .library = 2500});
    vcell::normalize_to_log1p(simulated.screen);
    return vcell::make_screen(simulated.screen);
  }();
  return screen;
}

/// Numbers like log1p expression where no screen is needed: not negative, 70 % of them 0, the same
/// in every run.
template <int rank>
vcell::Tensor<float, rank> expression(const vcell::Shape<rank>& shape, uint64_t seed) {
  vcell::Rng rng(seed);
  vcell::Tensor<float, rank> x(shape);
  for (float& v : x.values())
    v = rng.uniform() < 0.7 ? 0 : std::log1p(std::exp(float(rng.normal())));
  return x;
}

}  // namespace vcell_bench
