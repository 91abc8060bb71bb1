#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE

/// How perturbations change genes in the mean.
struct ResponseScale {
  std::vector<double> profile;  ///< (genes) mean counts of a perturbed cell
  std::vector<double> scale;    ///< (genes) the same over those of a control cell
};

/// The mean response to perturbations: of each gene the mean counts over the perturbations whose
/// own gene it is not, each counted once, and how many times the control's that is; 0 where no
/// control cell has the gene. Where every perturbation is of the gene, the profile is the control's
/// and nothing changes.
///
/// @param means        (perturbations, genes) mean counts of each perturbation's cells
/// @param control      (genes) of control cells
/// @param own_columns  (perturbations) column of the perturbed gene, -1 where it is none
/// @throws ShapeError if sizes do not fit
template <class = void>
ResponseScale response_scale(View<const double, 2> means, std::span<const double> control,
                             std::span<const int32_t> own_columns) {
  const size_t perturbations = means.shape[0], genes = means.shape[1];
  check_size_match("response_scale", "genes of means", genes, "of control", control.size());
  check_size_match("response_scale", "perturbations", perturbations, "own_columns",
                   own_columns.size());
  ResponseScale out{std::vector<double>(genes, 0.0), std::vector<double>(genes, 0.0)};
  for (size_t g = 0; g < genes; ++g) {
    size_t others = 0;
    for (size_t p = 0; p < perturbations; ++p) {
      if (own_columns[p] == int32_t(g)) continue;
      out.profile[g] += means(p, g);
      ++others;
    }
    out.profile[g] = others ? out.profile[g] / double(others) : control[g];
    if (control[g] > 0) out.scale[g] = out.profile[g] / control[g];
  }
  return out;
}

VCELL_END_NAMESPACE
