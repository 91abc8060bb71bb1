#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/labelled_cells.hpp"
#include "vcell/models/predictor.hpp"
#include "vcell/sets/control_pairing.hpp"

VCELL_BEGIN_NAMESPACE

/// Rows of the control cells of the requests' contexts, context by context: those for test.
template <class = void>
std::vector<size_t> control_rows(const Screen& screen,
                                 std::span<const PredictionRequest> requests) {
  std::set<int32_t> contexts;
  for (const PredictionRequest& request : requests) contexts.insert(request.context);
  const ControlPairing pairing(screen, {.part = Part::test});
  std::vector<size_t> rows;
  for (const int32_t context : contexts) {
    const auto controls = pairing.controls(context);
    rows.insert(rows.end(), controls.begin(), controls.end());
  }
  return rows;
}

/// Appends rows of a matrix to another of as many columns.
template <class = void>
void append_rows(CsrMatrix<float>& to, const CsrMatrix<float>& from, std::span<const size_t> rows) {
  for (const size_t row : rows) {
    const auto genes = from.row_indices(row);
    const auto values = from.row_values(row);
    to.indices.insert(to.indices.end(), genes.begin(), genes.end());
    to.values.insert(to.values.end(), values.begin(), values.end());
    to.end_row();
  }
}

namespace detail {

/// Names for evaluation; contexts only where the screen has several.
class CellLabels {
 public:
  explicit CellLabels(const Screen& screen) : screen_(&screen) {}

  template <class = void>
  void add(int32_t perturbation, int32_t context) {
    perturbation_.push_back(screen_->perturbation.names[size_t(perturbation)]);
    context_.push_back(screen_->context.names[size_t(context)]);
  }
  template <class = void>
  LabelledCells with(CsrMatrix<float> cells) const {
    return {std::move(cells), screen_->genes, factor(perturbation_),
            screen_->context.names.size() > 1 ? factor(context_) : Factor()};
  }

 private:
  const Screen* screen_;
  std::vector<std::string> perturbation_, context_;
};

}  // namespace detail

/// Predicted cells with the control cells of their contexts, as evaluation reads them.
/// @param screen    with the genes of the cells
/// @param requests  what was asked for
template <class = void>
LabelledCells labelled_predictions(const Screen& screen,
                                   std::span<const PredictionRequest> requests,
                                   const PredictedCells& predicted) {
  check_in_memory("labelled_predictions", screen);
  // Contexts in which nothing was predicted have no controls either.
  std::vector<PredictionRequest> answered;
  for (size_t i = 0; i < predicted.requests.size(); ++i)
    if (i == 0 || predicted.requests[i] != predicted.requests[i - 1])
      answered.push_back(requests[predicted.requests[i]]);
  CsrMatrix<float> cells = predicted.cells;
  detail::CellLabels labels(screen);
  for (const size_t k : predicted.requests)
    labels.add(requests[k].perturbation, requests[k].context);
  const auto controls = control_rows(screen, answered);
  append_rows(cells, screen.expression, controls);
  for (const size_t row : controls) labels.add(screen.control, screen.context.codes[row]);
  return labels.with(std::move(cells));
}

/// Rows of the cells of test of the requests' pairs.
/// @param parts  (cells of the screen)
template <class = void>
std::vector<size_t> observed_rows(const Screen& screen, std::span<const PredictionRequest> requests,
                                  std::span<const Part> parts) {
  std::set<std::pair<int32_t, int32_t>> wanted;
  for (const PredictionRequest& r : requests) wanted.insert({r.context, r.perturbation});
  std::vector<size_t> rows;
  for (size_t i = 0; i < screen.cells(); ++i)
    if (parts[i] == Part::test &&
        wanted.contains({screen.context.codes[i], screen.perturbation.codes[i]}))
      rows.push_back(i);
  return rows;
}

/// The same rows, then those of the controls.
template <class = void>
std::vector<size_t> observed_and_control_rows(const Screen& screen,
                                              std::span<const PredictionRequest> requests,
                                              std::span<const Part> parts) {
  auto rows = observed_rows(screen, requests, parts);
  const auto controls = control_rows(screen, requests);
  rows.insert(rows.end(), controls.begin(), controls.end());
  return rows;
}

/// The observed cells of test of the requests' pairs, and the same controls.
/// @param parts  (cells of the screen)
template <class = void>
LabelledCells labelled_observations(const Screen& screen,
                                    std::span<const PredictionRequest> requests,
                                    std::span<const Part> parts) {
  check_in_memory("labelled_observations", screen);
  const auto rows = observed_and_control_rows(screen, requests, parts);
  detail::CellLabels labels(screen);
  for (const size_t row : rows)
    labels.add(screen.perturbation.codes[row], screen.context.codes[row]);
  return labels.with(select_rows(screen.expression, std::span<const size_t>(rows)));
}

VCELL_INSTANTIATE(pipeline,
                  LabelledCells labelled_predictions<void>(const Screen&,
                                                           std::span<const PredictionRequest>,
                                                           const PredictedCells&));
VCELL_INSTANTIATE(pipeline,
                  LabelledCells labelled_observations<void>(const Screen&,
                                                            std::span<const PredictionRequest>,
                                                            std::span<const Part>));

VCELL_END_NAMESPACE
