#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/sets/cell_groups.hpp"
#include "vcell/sets/part.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// Predictions without a model, to hold a model against. Each gives the paired control cells plus a
/// shift, clamped at 0.
enum class Baseline {
  control_copy,       ///< no shift: nothing happens
  perturbation_mean,  ///< the perturbation's shift, mean over the contexts it was trained in
  context_mean,       ///< the context's shift, mean over the perturbations it was trained with
};

inline constexpr std::array all_baselines = {Baseline::control_copy, Baseline::perturbation_mean,
                                             Baseline::context_mean};

/// The name of a baseline in files.
template <class = void>
std::string_view name_of(Baseline baseline) {
  constexpr std::string_view names[] = {"control_copy", "perturbation_mean", "context_mean"};
  return names[size_t(baseline)];
}

/// The mean shift of every (context, perturbation) that was trained on: the mean of its training
/// cells minus the mean of its own context's control cells.
class TrainingShifts {
 public:
  /// @param screen  the whole screen, log1p values
  /// @param parts   (cells) only cells in Part::train count; of the controls all do
  /// @throws ShapeError if there are parts for another number of cells
  /// @throws ConfigError if a context with training cells has no control cells
  template <class = void>
  TrainingShifts(const Screen& screen, std::span<const Part> parts) {
    check_size_match("TrainingShifts", "parts", parts.size(), "cells", screen.cells());
    const auto groups = cell_groups(
        screen, [&](size_t cell) { return screen.is_control(cell) || parts[cell] == Part::train; });
    std::vector<const CellGroup*> controls(screen.context.names.size(), nullptr);
    std::vector<const CellGroup*> trained;
    for (const CellGroup& group : groups) {
      if (group.perturbation == screen.control)
        controls[size_t(group.context)] = &group;
      else
        trained.push_back(&group);
    }
    for (const CellGroup* group : trained) {
      if (!controls[size_t(group->context)])
        throw ConfigError(message("TrainingShifts: context ",
                                  quoted(screen.context.names[size_t(group->context)]),
                                  " has training cells and no control cells; a shift is measured ",
                                  "against its own context's controls"));
      contexts_.push_back(group->context);
      perturbations_.push_back(group->perturbation);
    }
    shifts_ = Tensor<double, 2>({trained.size(), screen.genes.size()});
    parallel_for(trained.size(), 1, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) {
        add_mean(screen, *trained[i], 1, shifts_[i].data);
        add_mean(screen, *controls[size_t(contexts_[i])], -1, shifts_[i].data);
      }
    });
  }

  /// The shift that a baseline gives to a context's control cells, (genes); nothing where no
  /// training cell tells it.
  template <class = void>
  std::optional<std::vector<double>> shift(Baseline baseline, int32_t context,
                                           int32_t perturbation) const {
    std::vector<double> mean(shifts_.shape(1), 0.0);
    if (baseline == Baseline::control_copy) return mean;
    const auto& keys = baseline == Baseline::perturbation_mean ? perturbations_ : contexts_;
    const int32_t wanted = baseline == Baseline::perturbation_mean ? perturbation : context;
    size_t n = 0;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] != wanted) continue;
      for (size_t g = 0; g < mean.size(); ++g) mean[g] += shifts_(i, g);
      ++n;
    }
    if (n == 0) return std::nullopt;
    for (double& m : mean) m /= double(n);
    return mean;
  }

 private:
  template <class = void>
  static void add_mean(const Screen& screen, const CellGroup& group, double sign, double* out) {
    const double weight = sign / double(group.cells.size());
    for (const size_t cell : group.cells) {
      const auto genes = screen.expression.row_indices(cell);
      const auto values = screen.expression.row_values(cell);
      for (size_t k = 0; k < genes.size(); ++k) out[genes[k]] += weight * values[k];
    }
  }

  std::vector<int32_t> contexts_, perturbations_;  // of each shift
  Tensor<double, 2> shifts_;                       // (pairs, genes)
};

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
/// @throws ShapeError if a control cell is no row of the screen, or a code none of its names
template <class = void>
BaselinePrediction predict(Baseline baseline, const Screen& screen, const TrainingShifts& shifts,
                           std::span<const BaselineRequest> requests) {
  BaselinePrediction out;
  out.cells.columns = screen.genes.size();
  std::vector<double> cell(screen.genes.size());
  for (size_t r = 0; r < requests.size(); ++r) {
    const auto& [context, perturbation, control_cells] = requests[r];
    check_index("predict", "context", context, screen.context.names.size());
    check_index("predict", "perturbation", perturbation, screen.perturbation.names.size());
    const auto shift = shifts.shift(baseline, context, perturbation);
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
