#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"
#include "vcell/data/dense_matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// What a guide did to a cell.
enum class Response : uint8_t { control, escaped, partial, full };

template <class = void>
const char* name_of(Response response) {
  constexpr const char* names[] = {"control", "escaped", "partial", "full"};
  return names[size_t(response)];
}

/// The truth about one cell.
struct CellTruth {
  int32_t context = 0;
  int32_t perturbation = -1;  ///< -1 = control
  int32_t batch = 0;
  int32_t state = 0;  ///< basal subpopulation
  int32_t guide = 0;  ///< of its perturbation, or of the controls
  Response response = Response::control;
  double strength = 0;  ///< part of the full shift that it has: 0 .. 1
  double dose = 1;      ///< which part of it is its dose, where the screen has doses
  double library = 0;   ///< counts expected of it if it were not perturbed nor in a batch
};

/// Everything that a simulated screen was drawn from. The expected count of gene g in cell c is
///
///   mean[c, g] = library[c] exp(basal[context, state, g] + batch_effect[batch, g]
///                               + strength[c] shift[context, perturbation, g])
///
/// and the count is negative binomial with variance mean + dispersion[g] mean^2: basal state, shift
/// and noise apart. The shift is programmes times genes, but for the target, which is knocked down:
///
///   shift[k, p, g] = sum_q activity[k, q] weights[p, q] loadings[q, g]
///   shift[k, p, target[p]] = log(1 - knockdown)
///
/// and 0 everywhere for a perturbation without effect. All logarithms are natural. A combination is
/// a perturbation like others, whose weights are those of its parts together and an interaction,
/// and whose parts' targets are all knocked down, but for parts without effect.
struct ScreenTruth {
  std::vector<std::string> genes, contexts, batches, states, perturbations, programs;
  std::vector<std::string> guides;  ///< (perturbations * guides), row by row

  DenseMatrix<double> basal;         ///< (contexts * states, genes) log of the share of all counts
  DenseMatrix<double> state_shares;  ///< (contexts, states)
  DenseMatrix<double> batch_effect;  ///< (batches, genes)
  std::vector<double> dispersion;    ///< (genes)

  DenseMatrix<double> loadings;  ///< (programs, genes)
  DenseMatrix<double> activity;  ///< (contexts, programs) 0 or 1
  DenseMatrix<double> weights;   ///< (perturbations, programs)
  std::vector<size_t> targets;   ///< (perturbations) gene of each; of a pair the first's
  std::vector<std::array<size_t, 2>> combinations;  ///< parts of the pairs, the last perturbations
  std::vector<uint8_t> has_effect;                  ///< (perturbations)
  DenseMatrix<double> guide_efficiency;  ///< (perturbations, guides) share that does not escape
  DenseMatrix<double> shift;             ///< (contexts * perturbations, genes) at full strength

  std::vector<CellTruth> cells;

  template <class = void>
  std::span<const double> basal_of(size_t context, size_t state) const {
    return basal.row(context * states.size() + state);
  }
  template <class = void>
  std::span<const double> shift_of(size_t context, size_t perturbation) const {
    return shift.row(context * perturbations.size() + perturbation);
  }
};

/// The expected count of every gene in a cell (see ScreenTruth).
/// @param perturbed  false: as if the cell had been left alone
/// @param out        (genes)
/// @throws ShapeError if there is no such cell or out has another size
template <class = void>
void expected_counts(const ScreenTruth& truth, size_t cell, std::span<double> out,
                     bool perturbed = true) {
  check_index("expected_counts", "cell", cell, truth.cells.size());
  check_size_match("expected_counts", "size of out", out.size(), "genes", truth.genes.size());
  const CellTruth& c = truth.cells[cell];
  const auto basal = truth.basal_of(size_t(c.context), size_t(c.state));
  const auto batch = truth.batch_effect.row(size_t(c.batch));
  for (size_t g = 0; g < out.size(); ++g) out[g] = basal[g] + batch[g];
  if (perturbed && c.strength > 0) {
    const auto shift = truth.shift_of(size_t(c.context), size_t(c.perturbation));
    for (size_t g = 0; g < out.size(); ++g) out[g] += c.strength * shift[g];
  }
  for (double& x : out) x = c.library * std::exp(x);
}

VCELL_END_NAMESPACE
