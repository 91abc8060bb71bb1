#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vcell/pipeline/prediction_anndata.hpp"

VCELL_BEGIN_NAMESPACE

/// The observed cells that predictions are scored against, and the controls of their contexts, as
/// annotated data with the columns of prediction_anndata: the pair can be scored by any program.
/// Cells come in the order of labelled_observations.
/// @param annotations  where obs columns come from; its cells are the screen's
/// @param requests     what was asked for
/// @param parts        (cells of the screen)
/// @param model_genes  as in prediction_anndata
template <class = void>
AnnData observation_anndata(const AnnData& annotations, const ScreenOptions& labels,
                            const Screen& screen, std::span<const PredictionRequest> requests,
                            std::span<const Part> parts,
                            const std::vector<std::string>& model_genes = {}) {
  check_in_memory("observation_anndata", screen);
  const auto rows = observed_and_control_rows(screen, requests, parts);
  const size_t n = observed_rows(screen, requests, parts).size();
  AnnData out;
  out.obs = DataFrame(std::vector<std::string>(rows.size()));
  out.obs.index_name = annotations.obs.index_name;
  std::vector<std::string> from(rows.size());
  std::vector<uint8_t> is_observed(rows.size(), 0);
  for (size_t i = 0; i < rows.size(); ++i) {
    out.obs.index[i] = annotations.obs.index[rows[i]];
    if (i < n)
      is_observed[i] = 1;
    else
      from[i] = out.obs.index[i];
  }
  for (const auto& name : annotations.obs.names())
    out.obs.set(name, annotations.obs.column(name).select_rows(rows));
  if (!labels.dose_key.empty()) {
    std::vector<std::string> names;
    for (const size_t row : rows)
      names.push_back(screen.perturbation.names[size_t(screen.perturbation.codes[row])]);
    const auto found = factor(names);
    out.obs.set(labels.perturbation_key, Categorical{found.codes, found.names, false});
  }
  out.obs.set("predicted", Numbers::truths(std::vector<uint8_t>(rows.size(), 0)));
  out.obs.set("control_cell", Column(Labels(std::move(from)), std::move(is_observed)));
  out.var = detail::prediction_var(annotations, screen, model_genes);
  out.X = select_rows(screen.expression, std::span<const size_t>(rows));
  declare_scale(out, Scale::log1p, declared_target_sum(annotations));
  return out;
}

VCELL_END_NAMESPACE
