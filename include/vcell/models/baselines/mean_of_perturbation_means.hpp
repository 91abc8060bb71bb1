#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/models/mean_of_means.hpp"
#include "vcell/models/predictor.hpp"
#include "vcell/sets/cell_groups.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The cells that a predictor may learn from: those of train and validation, and controls of any
/// part that are not kept apart.
/// @param parts  (cells)
template <class = void>
std::vector<CellGroup> learnt_groups(const Screen& screen, std::span<const Part> parts) {
  check_size_match("fit", "parts", parts.size(), "cells", screen.cells());
  return cell_groups(screen, [&](size_t i) {
    return screen.serves_all(i) || parts[i] == Part::train || parts[i] == Part::validation;
  });
}

/// Why a request has no prediction of a baseline that learns from its context.
template <class = void>
std::string missing_in_context(const std::string& baseline, const Screen& screen,
                               const PredictionRequest& request) {
  return message(baseline, " cannot predict ",
                 quoted(screen.perturbation.names[size_t(request.perturbation)]), " in ",
                 quoted(screen.context.names[size_t(request.context)]),
                 ": no perturbed cell of this context was trained on");
}

}  // namespace detail

/// The mean, over the perturbations of a context and its control, of their mean cells: every
/// predicted cell is that one. The baseline of the Virtual Cell Challenge of 2025. What it is as a
/// shift from control cells is ContextMean.
template <class Void = void>
class MeanOfPerturbationMeans final : public Predictor {
 public:
  std::string name() const override { return "mean_of_perturbation_means"; }
  std::string meaning() const override {
    return "A baseline: every predicted cell is the same, the mean over the perturbations that "
           "were trained in the context, and its control, of their mean cells.";
  }
  void fit(const Screen& screen, std::span<const Part> parts, const Callbacks&) override;
  PredictedCells predict(const Screen& screen, std::span<const PredictionRequest> requests,
                         const Callbacks& callbacks) const override;

  /// The cell of each context, (genes), by its code in the screen that it was fitted to; none where
  /// no cell of a perturbation was trained on, or there is no control.
  const std::map<int32_t, std::vector<double>>& cells() const { return cells_; }

 private:
  std::map<int32_t, std::vector<double>> cells_;
};

template <class Void>
void MeanOfPerturbationMeans<Void>::fit(const Screen& screen, std::span<const Part> parts,
                                        const Callbacks&) {
  check_in_memory("mean_of_perturbation_means", screen);
  auto groups = detail::learnt_groups(screen, parts);
  cells_.clear();
  for (size_t first = 0, last = 0; first < groups.size(); first = last) {
    bool has_control = false;
    std::vector<std::vector<size_t>> sets;
    for (; last < groups.size() && groups[last].context == groups[first].context; ++last) {
      has_control |= groups[last].perturbation == screen.control;
      sets.push_back(std::move(groups[last].cells));
    }
    if (has_control && sets.size() > 1)
      cells_.emplace(groups[first].context, mean_of_means(screen.expression.view(), sets));
  }
}

template <class Void>
PredictedCells MeanOfPerturbationMeans<Void>::predict(const Screen& screen,
                                                      std::span<const PredictionRequest> requests,
                                                      const Callbacks& callbacks) const {
  PredictedCells out;
  out.cells.columns = screen.genes.size();
  for (size_t r = 0; r < requests.size(); ++r) {
    report(callbacks.progress, {"predict", r, requests.size(), name()});
    check_request(screen, requests[r]);
    const auto found = cells_.find(requests[r].context);
    if (found == cells_.end()) {
      out.missing.push_back(detail::missing_in_context(name(), screen, requests[r]));
      continue;
    }
    check_size_match("predict", "genes of the screen", out.cells.columns, "genes that were learnt",
                     found->second.size());
    for (size_t i = 0; i < requests[r].control_cells.size(); ++i) {
      for (size_t g = 0; g < found->second.size(); ++g) {
        if (found->second[g] == 0) continue;
        out.cells.indices.push_back(int32_t(g));
        out.cells.values.push_back(float(found->second[g]));
      }
      out.cells.end_row();
      out.requests.push_back(r);
    }
  }
  return out;
}

VCELL_END_NAMESPACE
