#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/models/baselines.hpp"
#include "vcell/models/mean_response_cells.hpp"
#include "vcell/pipeline/held_out_pairs.hpp"
#include "vcell/pipeline/labelled_sides.hpp"
#include "vcell/pipeline/prediction_anndata.hpp"
#include "vcell/pipeline/prepare.hpp"

VCELL_BEGIN_NAMESPACE

struct BaselineOptions {
  ScreenOptions labels = {};
  std::optional<Scale> scale = {};  ///< of X; without it the file decides
  /// Where nothing else says what X holds, it is guessed as LabelledSidesOptions has it.
  bool like_cell_eval = false;
  std::string gene_names = {};  ///< var column of the names that perturbations use; or found
  /// Of mean_of_perturbation_means: control cells plus the mean of the perturbations' shifts, in
  /// place of the mean cell.
  bool as_delta = false;
  /// Of mean_response: counts, as the challenge of 2026 makes them (mean_response_cells), with
  /// fractions; in place of log1p values.
  bool counts = false;
  uint64_t seed = 42;  ///< of the control cells that cells are made from; not of counts
  Callbacks callbacks = {};
};

namespace detail {

/// @throws ConfigError if there is no such baseline, or options are not for it
template <class = void>
void check_baseline(std::string_view name, const BaselineOptions& options) {
  if (std::find(baseline_names.begin(), baseline_names.end(), name) == baseline_names.end()) {
    const std::vector<std::string> known(baseline_names.begin(), baseline_names.end());
    throw ConfigError(message("baseline: there is no ", quoted(name), "; ",
                              names_there({std::string(name)}, known)));
  }
  const auto check = [&](bool set, const char* what, const char* of) {
    if (set && name != of)
      throw ConfigError(message("baseline: ", what, " is of ", of, " alone, not of ", name));
  };
  check(options.as_delta, "BaselineOptions::as_delta", "mean_of_perturbation_means");
  check(options.counts, "BaselineOptions::counts", "mean_response");
}

/// Every perturbation of every context with as many cells as it has, made from counts.
template <class = void>
std::pair<std::vector<PredictionRequest>, PredictedCells> mean_response_counts(
    const Screen& screen, const GeneSymbols& symbols) {
  check_in_memory("mean_response", screen);
  std::vector<std::vector<size_t>> rows(screen.context.names.size());
  std::vector<uint8_t> is_perturbed(rows.size(), 0);
  for (size_t i = 0; i < screen.cells(); ++i) {
    const auto context = size_t(screen.context.codes[i]);
    rows[context].push_back(i);
    is_perturbed[context] |= uint8_t(!screen.is_control(i));
  }
  const auto own = own_columns(screen.perturbation.names, screen.genes, &symbols);
  std::pair<std::vector<PredictionRequest>, PredictedCells> out;
  auto& [requests, predicted] = out;
  predicted.cells.columns = screen.genes.size();
  for (size_t c = 0; c < rows.size(); ++c) {
    if (!is_perturbed[c]) continue;
    const auto made = mean_response_cells(screen.expression.view(), screen.perturbation,
                                          screen.control, own, rows[c]);
    predicted.cells.append(made.counts.view());
    for (size_t i = 0; i < made.cells.size(); ++i) {
      const int32_t code = screen.perturbation.codes[made.cells[i]];
      if (requests.empty() || requests.back().context != int32_t(c) ||
          requests.back().perturbation != code)
        requests.push_back({int32_t(c), code, {}});
      requests.back().control_cells.push_back(made.control_cells[i]);
      predicted.requests.push_back(requests.size() - 1);
    }
  }
  return out;
}

}  // namespace detail

/// Cells that a baseline predicts where it is fitted to all there is: for every perturbation of
/// every context as many as it has, then the control cells as they are. What models are held
/// against that see the same cells; of its own test it tells nothing, having seen it.
///
/// @param adata  the screen, counts or log1p; by value: move it in where it is not needed any more
/// @param name   one of baseline_names
/// @return       as prediction_anndata; log1p values, of counts normalised to their median total,
///               or with options.counts counts
/// @throws ConfigError if there is no such baseline, options are not for it, or labels and scale
///         are not as said; Stopped
template <class = void>
AnnData baseline_anndata(AnnData adata, std::string_view name,
                         const BaselineOptions& options = {}) {
  detail::check_baseline(name, options);
  auto scale = options.scale;
  if (options.like_cell_eval)
    scale = detail::scale_of(adata, {.scale = scale, .like_cell_eval = true}, options.callbacks);
  Screen screen = make_labels(adata, options.labels);
  const auto symbols = gene_symbols(adata.var, screen.perturbation.names, options.gene_names);
  if (!symbols.remark.empty()) note(options.callbacks, symbols.remark);
  if (options.counts) {
    if (declared_scale(adata, scale).scale != Scale::counts)
      throw ConfigError(
          "baseline: BaselineOptions::counts is asked for and X holds log1p values; give the "
          "counts");
    take_expression(screen, adata);
    const auto [requests, predicted] = detail::mean_response_counts(screen, symbols);
    AnnData out = prediction_anndata(adata, options.labels, screen, requests, predicted);
    declare_scale(out, Scale::counts, {}, true);
    return out;
  }
  note_scale(
      normalize_to_log1p(
          adata, {.scale = scale, .library_log1p = true, .progress = options.callbacks.progress}),
      options.callbacks);
  take_expression(screen, adata);
  const auto method = make_baseline(options.as_delta ? "context_mean" : name, symbols);
  const auto requests = held_out_pairs(screen, std::vector<Part>(screen.cells(), Part::test),
                                       options.seed, PredictFrom::drawn);
  method->fit(screen, std::vector<Part>(screen.cells(), Part::train), options.callbacks);
  const auto predicted = method->predict(screen, requests, options.callbacks);
  if (!predicted.missing.empty()) throw ConfigError("baseline: " + predicted.missing[0]);
  return prediction_anndata(adata, options.labels, screen, requests, predicted);
}

VCELL_INSTANTIATE(pipeline, AnnData baseline_anndata<void>(AnnData, std::string_view,
                                                           const BaselineOptions&));

VCELL_END_NAMESPACE
