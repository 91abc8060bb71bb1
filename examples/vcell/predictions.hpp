#pragma once

#include <span>

#include "console.hpp"
#include "prepared.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/eval/labelled_cells.hpp"
#include "vcell/models/baselines.hpp"
#include "vcell/models/trained_model.hpp"

/// Predicted cells of some (context, perturbation) pairs, with the controls they came from.
struct Predictions {
  std::vector<vcell::BaselineRequest> pairs;  ///< what was asked for, sorted, and paired controls
  vcell::CsrMatrix<float> cells;              ///< log1p, one row for every paired control in order
  std::vector<size_t> pair_of;                ///< (cells) which pair
};

/// The held-out pairs: every (context, perturbation) with test cells, and the controls of its
/// context that it is predicted from: as many as it has cells, drawn so that their mean is near
/// that of all of them; or every one once.
/// @throws vcell::ConfigError if nothing is held out
std::vector<vcell::BaselineRequest> held_out_pairs(const Prepared& p, uint64_t seed,
                                                   vcell::PredictFrom from);

/// Predicts pairs with a model.
/// @param all  the screen with every gene when the genes outside the model are wanted too (taken
///             from the paired control cell); else null
/// @param new_context  contexts are others than those the model was trained on, though names
///                     coincide
/// @throws vcell::ConfigError if an anchored model has nothing to start from for a perturbation
Predictions predict_pairs(const vcell::TrainedModel& model, const vcell::Screen& screen,
                          const vcell::Screen* all, std::vector<vcell::BaselineRequest> pairs,
                          Console& console, bool new_context = false);

/// The contexts of pairs, each once, ascending.
std::vector<int32_t> contexts_of(std::span<const vcell::BaselineRequest> pairs);

/// Predicted cells with the control cells of their contexts as evaluation reads them.
/// @param screen  with the genes of the cells
vcell::LabelledCells labelled_predictions(const vcell::Screen& screen,
                                          std::span<const vcell::BaselineRequest> pairs,
                                          const vcell::CsrMatrix<float>& cells,
                                          std::span<const size_t> pair_of);

/// The observed cells of the same pairs, and the same controls.
/// @param parts  (cells of the screen); pairs are compared with their test cells
vcell::LabelledCells labelled_observations(const vcell::Screen& screen,
                                           std::span<const vcell::BaselineRequest> pairs,
                                           std::span<const vcell::Part> parts);

/// Predicted cells and the controls of their contexts as a file: the screen's own obs columns and
/// gene names, log1p. What an obs column says of an observed cell is missing for a predicted one.
/// @param adata    where obs columns come from; its cells are the screen's
/// @param genes    of the model; var['predicted'] marks them
vcell::AnnData prediction_file(const vcell::AnnData& adata, const vcell::ScreenOptions& labels,
                               const vcell::Screen& screen, const Predictions& predictions,
                               const std::vector<std::string>& genes);
