#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "vcell/models/pair_shifts.hpp"
#include "vcell/models/predictor.hpp"

VCELL_BEGIN_NAMESPACE

/// The shifts that a predictor may learn: those of the cells of train and validation.
/// @param parts  (cells)
template <class = void>
PairShifts learnt_shifts(const Screen& screen, std::span<const Part> parts) {
  check_size_match("fit", "parts", parts.size(), "cells", screen.cells());
  return pair_shifts(
      screen, [&](size_t i) { return parts[i] == Part::train || parts[i] == Part::validation; });
}

/// A predictor without a model: the paired control cell plus a shift of its context and
/// perturbation, clamped at 0 but in an embedding. What inherits it says which shift. Predictors
/// are templates so that who includes them and makes none does not compile them.
template <class = void>
class ShiftPredictor : public Predictor {
 public:
  PredictedCells predict(const Screen& screen, std::span<const PredictionRequest> requests,
                         const Callbacks& callbacks) const override;

  /// The shift, (genes), by codes of the screen that it was fitted to; nothing where no cell that
  /// it learnt from tells it.
  virtual std::optional<std::vector<double>> shift(int32_t context, int32_t perturbation) const = 0;

 protected:
  /// What a shift would have had to be learnt from, e.g. "perturbation".
  virtual std::string source() const { return "perturbation"; }
  /// Why there is no shift.
  virtual std::string reason() const {
    return message("no cell of this ", source(), " was trained on");
  }
};

template <class Void>
PredictedCells ShiftPredictor<Void>::predict(const Screen& screen,
                                             std::span<const PredictionRequest> requests,
                                             const Callbacks& callbacks) const {
  PredictedCells out;
  out.cells.columns = screen.genes.size();
  std::vector<double> cell(screen.genes.size());
  for (size_t r = 0; r < requests.size(); ++r) {
    const auto& [context, perturbation, control_cells] = requests[r];
    report(callbacks.progress, {"predict", r, requests.size(), name()});
    check_request(screen, requests[r]);
    const auto moved = shift(context, perturbation);
    if (!moved) {
      out.missing.push_back(message(name(), " cannot predict ",
                                    quoted(screen.perturbation.names[size_t(perturbation)]), " in ",
                                    quoted(screen.context.names[size_t(context)]), ": ", reason()));
      continue;
    }
    check_size_match("predict", "genes of the screen", cell.size(), "genes that were learnt",
                     moved->size());
    for (const size_t row : control_cells) {
      std::copy(moved->begin(), moved->end(), cell.begin());
      const auto genes = screen.expression.row_indices(row);
      const auto values = screen.expression.row_values(row);
      for (size_t k = 0; k < genes.size(); ++k) cell[size_t(genes[k])] += values[k];
      for (size_t g = 0; g < cell.size(); ++g) {
        if (screen.is_embedding ? cell[g] == 0 : !(cell[g] > 0)) continue;
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
