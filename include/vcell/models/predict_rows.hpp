#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "vcell/models/predict.hpp"
#include "vcell/models/trained_model.hpp"

VCELL_BEGIN_NAMESPACE

/// Cells to predict, a row each.
struct RowRequests {
  std::vector<size_t> control;  ///< (n) row of the inputs: the control cell that it starts from
  std::vector<size_t> perturbation;  ///< (n) place among the model's perturbations
  std::vector<int32_t> batch;        ///< (n) its own batch; empty without a batch encoder

  size_t size() const { return control.size(); }
};

/// Rows of one context and one perturbation, in the given order, as the reference's `infer` groups
/// them: contexts sorted by name, then perturbations by theirs.
template <class = void>
std::vector<std::vector<size_t>> groups_by_name(std::span<const std::string> context,
                                                std::span<const std::string> perturbation) {
  check_size_match("groups_by_name", "contexts", context.size(), "perturbations",
                   perturbation.size());
  std::vector<size_t> order(context.size());
  std::iota(order.begin(), order.end(), size_t(0));
  const auto compared = [&](size_t a, size_t b) {
    const int by_context = context[a].compare(context[b]);
    return by_context ? by_context : perturbation[a].compare(perturbation[b]);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return compared(a, b) < 0; });
  std::vector<std::vector<size_t>> out;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compared(order[i - 1], order[i]) != 0) out.emplace_back();
    out.back().push_back(order[i]);
  }
  return out;
}

/// Runs of rows that follow each other and have the same perturbation, as the reference's `predict`
/// groups them.
template <class = void>
std::vector<std::vector<size_t>> groups_by_run(std::span<const std::string> perturbation) {
  std::vector<std::vector<size_t>> out;
  for (size_t i = 0; i < perturbation.size(); ++i) {
    if (i == 0 || perturbation[i] != perturbation[i - 1]) out.emplace_back();
    out.back().push_back(i);
  }
  return out;
}

/// Predicts a cell for every row, each with a control cell and a batch of its own. Rows of a group
/// go through the model in sets, the last of them at its own length.
///
/// @param inputs  (cells, E) log1p, the model's genes
/// @param groups  rows that share a perturbation; each row in one of them
/// @param set_size  cells of a set, as in training: m.set_size
/// @param decoded   the genes that the model's decoder makes of the predicted cells, in place of
///                  these
/// @return          (n, G), or (n, decoded genes)
/// @throws ShapeError, ConfigError if parts do not fit each other or the model is anchored
template <class = void>
DenseMatrix<float> predict_rows(const TrainedModel& m, const CsrMatrix<float>& inputs,
                                const RowRequests& requests,
                                const std::vector<std::vector<size_t>>& groups, size_t set_size,
                                bool decoded = false) {
  const bool with_batches = m.model.config().batches > 0;
  check_size_match("predict_rows", "perturbations", requests.perturbation.size(), "rows",
                   requests.size());
  check_size_match("predict_rows", "batches", requests.batch.size(),
                   "rows of a model with a batch encoder", with_batches ? requests.size() : 0);
  if (m.anchors)
    throw ConfigError("predict_rows: an anchored model predicts by predict_cells alone");
  const size_t genes = decoded ? m.decoded_genes.size() : m.model.config().output_width;
  DenseMatrix<float> out{requests.size(), genes, std::vector<float>(requests.size() * genes)};
  std::vector<uint8_t> done(requests.size(), 0);
  for (const std::vector<size_t>& group : groups) {
    if (group.empty()) continue;
    std::vector<size_t> controls;
    std::vector<int32_t> batch;
    for (const size_t row : group) {
      check_index("predict_rows", "row of a group", row, requests.size());
      if (done[row]++ || requests.perturbation[row] != requests.perturbation[group[0]])
        throw ConfigError(message("predict_rows: row ", row, " is in two groups, or among rows of ",
                                  "another perturbation"));
      check_index("predict_rows", "control", requests.control[row], inputs.rows);
      controls.push_back(requests.control[row]);
      if (with_batches) batch.push_back(requests.batch[row]);
    }
    const CsrMatrix<float> cells = select_rows(inputs, controls);
    std::iota(controls.begin(), controls.end(), size_t(0));
    std::vector<float> vector(m.perturbations.width());
    m.perturbations.copy<float>(requests.perturbation[group[0]], vector);
    const auto made = predict(m.model, cells, controls, vector, batch,
                              {.set_size = set_size, .decoded = decoded});
    for (size_t i = 0; i < group.size(); ++i)
      std::copy(made.row(i).begin(), made.row(i).end(), out.row(group[i]).begin());
  }
  for (size_t i = 0; i < done.size(); ++i)
    if (!done[i]) throw ConfigError(message("predict_rows: row ", i, " is in no group"));
  return out;
}

VCELL_END_NAMESPACE
