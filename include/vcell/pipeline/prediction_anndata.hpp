#pragma once

#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/pipeline/labelled_cells_of.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/sets/combination.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The genes of a screen with what the file says of them, as their symbols; var['predicted'] marks
/// those that a model predicts.
template <class = void>
DataFrame prediction_var(const AnnData& annotations, const Screen& screen,
                         const std::vector<std::string>& model_genes) {
  const NamePlaces in_model(model_genes), in_file(annotations.var.index);
  std::vector<uint8_t> made;
  std::vector<size_t> rows;
  for (const auto& gene : screen.genes) {
    made.push_back(model_genes.empty() || in_model.contains(gene));
    rows.push_back(in_file.find(gene).value());
  }
  DataFrame out = annotations.var.select_rows(rows);
  out.set("predicted", Numbers::truths(std::move(made)));
  return out;
}

/// A column of doses where the labels of perturbed cells say them; of the others, as controls, what
/// it says where that is a number.
/// @param labels_of  (cells)
template <class = void>
Column dose_column(const Column& column, const std::vector<std::string>& labels_of,
                   const ScreenOptions& labels) {
  const auto text = column.text();
  auto missing = column.is_missing();
  std::vector<double> doses(text.size(), 0);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto dosed = dose_of(labels_of[i], labels);
    const auto said = dosed        ? std::optional(dosed->dose)
                      : missing[i] ? std::nullopt
                                   : whole_number_text(text[i]);
    missing[i] = !said;
    doses[i] = said.value_or(0);
  }
  if (std::find(missing.begin(), missing.end(), 1) == missing.end()) return Column(doses);
  return Column(Labels(Numbers(std::move(doses))), std::move(missing));
}

}  // namespace detail

/// Predicted cells and the controls of their contexts as annotated data: the screen's own obs
/// and var columns, log1p. What an obs column says of an observed cell is missing for a
/// predicted one. Where there are doses, the perturbation's column has the labels with them.
/// obs['predicted'] and obs['control_cell'] tell predicted cells and what they were predicted from.
/// @param annotations  where obs columns come from; its cells are the screen's
/// @param requests     what was asked for
/// @param model_genes  that a model predicted; var['predicted'] marks them. Empty: all
template <class = void>
AnnData prediction_anndata(const AnnData& annotations, const ScreenOptions& labels,
                           const Screen& screen, std::span<const PredictionRequest> requests,
                           const PredictedCells& predicted,
                           const std::vector<std::string>& model_genes = {}) {
  check_in_memory("prediction_anndata", screen);
  const auto controls = control_rows(screen, requests);
  const size_t n = predicted.cells.rows;
  // The row that each cell's labels come from: its paired control, or itself.
  std::vector<size_t> source;
  for (size_t i = 0, in_request = 0; i < n; ++i) {
    in_request = i && predicted.requests[i] == predicted.requests[i - 1] ? in_request + 1 : 0;
    source.push_back(requests[predicted.requests[i]].control_cells[in_request]);
  }
  source.insert(source.end(), controls.begin(), controls.end());

  AnnData out;
  out.obs = DataFrame(std::vector<std::string>(source.size()));
  out.obs.index_name = annotations.obs.index_name;
  std::vector<std::string> perturbation(source.size(), labels.control), from(source.size());
  std::vector<uint8_t> is_predicted(source.size(), 0);
  std::unordered_set<std::string_view> taken;
  for (const size_t row : controls) taken.insert(annotations.obs.index[row]);
  for (size_t i = 0; i < source.size(); ++i) {
    from[i] = annotations.obs.index[source[i]];
    out.obs.index[i] = from[i];
    if (i >= n) continue;
    const PredictionRequest& request = requests[predicted.requests[i]];
    perturbation[i] = screen.perturbation.names[size_t(request.perturbation)];
    is_predicted[i] = 1;
    out.obs.index[i] = message("predicted_", i);
    while (taken.contains(out.obs.index[i])) out.obs.index[i] += '_';
  }
  // Context and batch are those of the paired control; of the rest nothing is known.
  std::set<std::string> kept(labels.context_keys.begin(), labels.context_keys.end());
  if (labels.batch_key) kept.insert(*labels.batch_key);
  for (const auto& name : annotations.obs.names()) {
    auto column = annotations.obs.column(name).select_rows(source);
    if (name == labels.perturbation_key) {
      const auto names = factor(perturbation);
      column = Categorical{names.codes, names.names, false};
    } else if (name == labels.dose_key) {
      column = detail::dose_column(column, perturbation, labels);
    } else if (!kept.contains(name)) {
      column = column.with_missing(is_predicted);
    }
    out.obs.set(name, std::move(column));
  }
  out.obs.set("predicted", Numbers::truths(std::move(is_predicted)));
  out.obs.set("control_cell", std::move(from));

  out.var = detail::prediction_var(annotations, screen, model_genes);
  CsrMatrix<float> x = predicted.cells;
  append_rows(x, screen.expression, controls);
  out.X = std::move(x);
  declare_scale(out, Scale::log1p, declared_target_sum(annotations));
  return out;
}

VCELL_INSTANTIATE(pipeline, AnnData prediction_anndata<void>(const AnnData&, const ScreenOptions&,
                                                             const Screen&,
                                                             std::span<const PredictionRequest>,
                                                             const PredictedCells&,
                                                             const std::vector<std::string>&));

VCELL_END_NAMESPACE
