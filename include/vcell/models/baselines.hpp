#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/data/csr_matrix.hpp"
#include "vcell/models/pair_shifts.hpp"

VCELL_BEGIN_NAMESPACE

/// Predictions without a model, to hold a model against. Each gives the paired control cells plus a
/// shift, clamped at 0.
enum class Baseline {
  control_copy,              ///< no shift: nothing happens
  perturbation_mean,         ///< the perturbation's shift, mean over the contexts it was trained in
  perturbation_mean_shrunk,  ///< the same, weighted and shrunk by its standard error (shrunk_mean)
  context_mean,  ///< the context's shift, mean over the perturbations it was trained with
};

inline constexpr std::array all_baselines = {Baseline::control_copy, Baseline::perturbation_mean,
                                             Baseline::perturbation_mean_shrunk,
                                             Baseline::context_mean};

/// The name of a baseline in files.
template <class = void>
std::string_view name_of(Baseline baseline) {
  constexpr std::string_view names[] = {"control_copy", "perturbation_mean",
                                        "perturbation_mean_shrunk", "context_mean"};
  return names[size_t(baseline)];
}

/// The shift that a baseline gives to a context's control cells, (genes); nothing where no measured
/// pair tells it. Means of shifts are plain, not weighted by cells, but for the shrunk one.
/// @param shrinkage  k of shrunk_mean
template <class = void>
std::optional<std::vector<double>> baseline_shift(Baseline baseline, const PairShifts& shifts,
                                                  int32_t context, int32_t perturbation,
                                                  double shrinkage = 2) {
  std::vector<double> mean(shifts.genes(), 0.0);
  if (baseline == Baseline::control_copy) return mean;
  std::vector<size_t> pairs;
  if (baseline == Baseline::context_mean) {
    for (size_t i = 0; i < shifts.pairs(); ++i)
      if (shifts.context[i] == context) pairs.push_back(i);
  } else {
    pairs = pairs_of(shifts, perturbation);
  }
  if (pairs.empty()) return std::nullopt;
  if (baseline == Baseline::perturbation_mean_shrunk) return shrunk_mean(shifts, pairs, shrinkage);
  for (const size_t i : pairs)
    for (size_t g = 0; g < mean.size(); ++g) mean[g] += shifts.shift(i, g);
  for (double& m : mean) m /= double(pairs.size());
  return mean;
}

/// What to predict: a perturbation in a context, from given control cells.
struct BaselineRequest {
  int32_t context = 0, perturbation = 0;  ///< codes of the screen
  std::vector<size_t> control_cells;      ///< rows of the screen, one per predicted cell
};

struct BaselinePrediction {
  CsrMatrix<float> cells;            ///< log1p, (predicted cells, genes)
  std::vector<size_t> requests;      ///< which request each cell is of, ascending
  std::vector<std::string> missing;  ///< requests without a prediction and why, a sentence each
};

/// Predicts cells: each is its paired control cell plus the baseline's shift, clamped at 0. A
/// request whose shift no training cell tells gets no cells; it is named in `missing`, never filled
/// in by another shift.
/// @param shrinkage  k of shrunk_mean
/// @throws ShapeError if a control cell is no row of the screen, or a code none of its names
template <class = void>
BaselinePrediction predict(Baseline baseline, const Screen& screen, const PairShifts& shifts,
                           std::span<const BaselineRequest> requests, double shrinkage = 2) {
  BaselinePrediction out;
  out.cells.columns = screen.genes.size();
  std::vector<double> cell(screen.genes.size());
  for (size_t r = 0; r < requests.size(); ++r) {
    const auto& [context, perturbation, control_cells] = requests[r];
    check_index("predict", "context", context, screen.context.names.size());
    check_index("predict", "perturbation", perturbation, screen.perturbation.names.size());
    const auto shift = baseline_shift(baseline, shifts, context, perturbation, shrinkage);
    if (!shift) {
      const auto pair = message(quoted(screen.perturbation.names[size_t(perturbation)]), " in ",
                                quoted(screen.context.names[size_t(context)]));
      out.missing.push_back(message(
          name_of(baseline), " cannot predict ", pair, ": no cell of this ",
          baseline == Baseline::context_mean ? "context" : "perturbation", " was trained on"));
      continue;
    }
    for (const size_t row : control_cells) {
      check_index("predict", "control cell", row, screen.cells());
      std::copy(shift->begin(), shift->end(), cell.begin());
      const auto genes = screen.expression.row_indices(row);
      const auto values = screen.expression.row_values(row);
      for (size_t k = 0; k < genes.size(); ++k) cell[size_t(genes[k])] += values[k];
      for (size_t g = 0; g < cell.size(); ++g) {
        if (!(cell[g] > 0)) continue;
        out.cells.indices.push_back(int32_t(g));
        out.cells.values.push_back(float(cell[g]));
      }
      out.cells.end_row();
      out.requests.push_back(r);
    }
  }
  return out;
}

VCELL_END_NAMESPACE
