#pragma once

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/name_places.hpp"
#include "vcell/models/place_model.hpp"
#include "vcell/models/predictor.hpp"
#include "vcell/models/trained_model.hpp"

VCELL_BEGIN_NAMESPACE

struct PredictCellsOptions {
  /// Contexts are others than those the model was trained on, though names coincide.
  bool new_context = false;
  /// Of a screen of an embedding: the expression of its cells. Predicted are then its genes in
  /// place of the embedding: those of the control cell, and of what the models decode
  /// (decoded_genes) the difference between the perturbation and none. What the embedding does not
  /// hold of a cell is so that of the control cell.
  const Screen* genes = nullptr;
  /// Where the models predict; empty: on the Cpu. All members of an ensemble are there at a time.
  PlaceModel place = {};
  /// Watches, and may stop.
  Progress progress = {};
};

namespace detail {

/// Where each gene of a screen is among a model's, -1 for one that the model does not have.
template <class = void>
std::vector<int32_t> places_among(const std::vector<std::string>& model,
                                  const std::vector<std::string>& genes) {
  const NamePlaces places(model);
  std::vector<int32_t> out;
  for (const std::string& gene : genes) {
    const auto found = places.find(gene);
    out.push_back(found ? int32_t(*found) : -1);
  }
  return out;
}

/// The model's own numbers for the batches of a screen's cells; empty without a batch encoder.
template <class = void>
std::vector<int32_t> batches_of(const TrainedModel& m, const Screen& screen) {
  if (m.model.config().batches == 0) return {};
  if (!screen.has_batches())
    throw ConfigError("predict: the model was trained with batches, and the screen has none");
  std::vector<int32_t> codes;
  for (const std::string& name : screen.batch.names) {
    const auto found = std::find(m.batches.begin(), m.batches.end(), name);
    if (found == m.batches.end())
      throw ConfigError(message("predict: batch ", quoted(name), " is not one the model was ",
                                "trained with; it knows ", list_of(m.batches)));
    codes.push_back(int32_t(found - m.batches.begin()));
  }
  std::vector<int32_t> out;
  for (const int32_t code : screen.batch.codes) out.push_back(codes[size_t(code)]);
  return out;
}

/// What the members decode of control cells that nothing is done to, and what was measured of them:
/// the last ones asked for, which requests of one context share.
struct UnmovedCells {
  std::vector<size_t> cells;
  std::vector<DenseMatrix<float>> decoded;  ///< (n, decoded genes) of each member
  DenseMatrix<float> measured;              ///< (n, decoded genes)
};

/// Genes of predicted cells, at least 0: x + (decoded(perturbation) - decoded(control)).
inline void move_from(const UnmovedCells& from, size_t member, DenseMatrix<float>& decoded) {
  for (size_t j = 0; j < decoded.values.size(); ++j)
    decoded.values[j] = std::max(
        0.f, from.measured.values[j] + (decoded.values[j] - from.decoded[member].values[j]));
}

}  // namespace detail

/// Predicts cells with a trained model, or with the members of an ensemble: one for every control
/// cell of every request. A predicted value is the mean over the members of what each of them
/// predicts, which is clamped at 0 by each and not again. Genes that the model does not predict are
/// those of the control cell.
/// @param members one model, or several that check_members lets pass
/// @param screen  log1p, with the model's genes, matched by name; contexts, perturbations and
///                batches are matched by name too
/// @return        every request has its cells; their columns are the genes of the screen, or of
///                options.genes
/// @throws ConfigError if the model predicts an embedding and the screen holds expression, or the
///         other way round, a gene of the model is absent, a perturbation or batch is not known to
///         it, or an anchored model has nothing to start from for a perturbation; ShapeError as
///         check_request; Stopped
template <class = void>
PredictedCells predict_cells(std::span<const TrainedModel> members, const Screen& screen,
                             std::span<const PredictionRequest> requests,
                             const PredictCellsOptions& options = {}) {
  check_members(members);
  const TrainedModel& m = members[0];
  if (!m.unnamed.empty())
    throw ConfigError(message("predict: the names of the model's ", m.unnamed[0],
                              " are not known; ",
                              "give them (name_model, or --genes and --perturbation-names)"));
  const bool embedding = m.model.config().output_space == OutputSpace::embedding;
  if (embedding != screen.is_embedding)
    throw ConfigError(message("predict: the model is one of ",
                              embedding ? "an embedding and the screen holds expression"
                                        : "expression and the screen holds an embedding",
                              "; give it what it was trained on"));
  std::vector<PerturbationInput> inputs_of;  // all before the first: one may be missing
  for (const PredictionRequest& request : requests) {
    check_request(screen, request);
    const auto& perturbation = screen.perturbation.names[size_t(request.perturbation)];
    for (const TrainedModel& member : members)
      inputs_of.push_back(
          input_of(member, perturbation,
                   options.new_context ? "" : screen.context.names[size_t(request.context)]));
  }
  const bool same_inputs = screen.genes == m.genes;
  const CsrMatrix<float> chosen =
      same_inputs ? CsrMatrix<float>() : select_genes(screen, m.genes).expression;
  const CsrMatrix<float>& inputs = same_inputs ? screen.expression : chosen;
  const Screen& shown = options.genes ? *options.genes : screen;
  check_size_match("predict", "cells of options.genes", shown.cells(), "cells of the screen",
                   screen.cells());
  const auto& made_genes = options.genes ? m.decoded_genes : m.genes;
  const bool same_genes = shown.genes == made_genes;
  const auto columns =
      same_genes ? std::vector<int32_t>() : detail::places_among(made_genes, shown.genes);
  const auto batches = detail::batches_of(m, screen);

  std::vector<PredictPlaced> placed;
  for (const TrainedModel& member : members)
    placed.push_back(options.place ? options.place(member.model) : place_model<Cpu>(member.model));

  PredictedCells out;
  out.cells.columns = shown.genes.size();
  std::vector<float> row(out.cells.columns);
  detail::UnmovedCells unmoved;
  for (size_t k = 0; k < requests.size(); ++k) {
    const PredictionRequest& request = requests[k];
    report(options.progress, {"predict", k, requests.size(), {}});
    const auto made_of = [&](size_t member, const PerturbationInput& of) {
      return placed[member](inputs, request.control_cells, of.vector, batches,
                            {.set_size = members[member].set_size,
                             .anchor = of.anchor,
                             .alpha = of.alpha,
                             .decoded = options.genes != nullptr});
    };
    if (options.genes && (k == 0 || request.control_cells != unmoved.cells)) {
      unmoved.cells = request.control_cells;
      unmoved.decoded.clear();
      for (size_t i = 0; i < members.size(); ++i)
        unmoved.decoded.push_back(made_of(i, input_of(members[i], members[i].labels.control, "")));
      unmoved.measured = {unmoved.cells.size(), made_genes.size(), {}};
      unmoved.measured.values.assign(unmoved.cells.size() * made_genes.size(), 0.f);
      for (size_t i = 0; i < unmoved.cells.size(); ++i) {
        const auto genes = shown.expression.row_indices(unmoved.cells[i]);
        const auto values = shown.expression.row_values(unmoved.cells[i]);
        for (size_t g = 0; g < genes.size(); ++g) {
          const int32_t place = same_genes ? genes[g] : columns[size_t(genes[g])];
          if (place >= 0)
            unmoved.measured.values[i * made_genes.size() + size_t(place)] = values[g];
        }
      }
    }
    const auto made_by = [&](size_t i) {
      auto made = made_of(i, inputs_of[k * members.size() + i]);
      if (options.genes) detail::move_from(unmoved, i, made);
      return made;
    };
    auto made = made_by(0);
    for (size_t i = 1; i < members.size(); ++i) {
      const auto more = made_by(i);
      for (size_t j = 0; j < made.values.size(); ++j) made.values[j] += more.values[j];
    }
    if (members.size() > 1)
      for (float& value : made.values) value /= float(members.size());
    out.requests.insert(out.requests.end(), made.rows, k);
    for (size_t i = 0; i < made.rows; ++i) {
      const auto predicted = made.row(i);
      if (same_genes) {
        row.assign(predicted.begin(), predicted.end());
      } else {
        const auto genes = shown.expression.row_indices(request.control_cells[i]);
        const auto values = shown.expression.row_values(request.control_cells[i]);
        std::fill(row.begin(), row.end(), 0.f);
        for (size_t g = 0; g < genes.size(); ++g) row[size_t(genes[g])] = values[g];
        for (size_t g = 0; g < row.size(); ++g)
          if (columns[g] >= 0) row[g] = predicted[size_t(columns[g])];
      }
      for (size_t g = 0; g < row.size(); ++g)
        if (row[g] != 0) {
          out.cells.indices.push_back(int32_t(g));
          out.cells.values.push_back(row[g]);
        }
      out.cells.end_row();
    }
  }
  report(options.progress, {"predict", requests.size(), requests.size(), {}});
  return out;
}

template <class = void>
PredictedCells predict_cells(const TrainedModel& m, const Screen& screen,
                             std::span<const PredictionRequest> requests,
                             const PredictCellsOptions& options = {}) {
  return predict_cells(std::span(&m, 1), screen, requests, options);
}

VCELL_END_NAMESPACE
