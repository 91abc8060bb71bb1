#pragma once

#include <string>
#include <vector>

#include "vcell/core/rng.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/keep.hpp"

VCELL_BEGIN_NAMESPACE

struct PreprocessInferOptions {
  uint64_t seed = 0;
  std::string control = "non-targeting";         ///< the label of control cells
  std::string perturbation_key = "target_gene";  ///< the column of obs with labels
  /// Columns of obs: a cell's control has the same values in all of them. None: any control.
  std::vector<std::string> context_keys = {};
};

/// For every cell the row of the cell whose expression it gets: its own for controls, else that of
/// a random control of its context, each as likely.
/// @throws ConfigError if a column is not there, no cell is a control, or the perturbed cells of a
///         context have none there
template <class = void>
std::vector<size_t> control_template_rows(const DataFrame& obs,
                                          const PreprocessInferOptions& options = {}) {
  const Factor labels = factor(obs.column(options.perturbation_key));
  const Factor contexts = joined_factor(obs, options.context_keys);
  const int32_t control = labels.code(options.control);
  if (control < 0)
    throw ConfigError(message("preprocess_infer: no cell has the control label ",
                              quoted(options.control), " in obs column ",
                              quoted(options.perturbation_key), "; the labels are ",
                              list_of(labels.names, 40)));
  const auto missing = [&](size_t cell, const std::string& what) {
    throw ConfigError(
        message("preprocess_infer: cell ", quoted(obs.index[cell]), " has no ", what));
  };
  std::vector<std::vector<size_t>> controls(contexts.names.size());
  for (size_t cell = 0; cell < labels.size(); ++cell) {
    if (contexts.codes[cell] < 0) missing(cell, "value in one of " + list_of(options.context_keys));
    if (labels.codes[cell] < 0) missing(cell, "label in " + quoted(options.perturbation_key));
    if (labels.codes[cell] == control) controls[size_t(contexts.codes[cell])].push_back(cell);
  }
  Rng rng(options.seed, stream_of("preprocess_infer"));
  std::vector<size_t> out(labels.size());
  for (size_t cell = 0; cell < out.size(); ++cell) {
    out[cell] = cell;
    if (labels.codes[cell] == control) continue;
    const auto context = size_t(contexts.codes[cell]);
    if (controls[context].empty())
      throw ConfigError(message("preprocess_infer: there are no control cells (",
                                quoted(options.control), ") in context ",
                                quoted(contexts.names[context]), ", whose perturbed cells need ",
                                "some; drop these cells, or give fewer context_keys"));
    out[cell] = controls[context][rng.below(controls[context].size())];
  }
  return out;
}

/// Makes a template to predict from: every perturbed cell's expression (X, layers, raw, and all of
/// obsm and obsp, which are made of expression) becomes that of a random control cell of its
/// context; its labels stay. The name of the cell whose expression it is goes to
/// obs['template_cell']. What of obsm and obsp was kept unread is dropped, since it would tell of
/// the perturbed cells.
/// @return  the row of that cell, for each
/// @throws ConfigError as control_template_rows
template <class = void>
std::vector<size_t> preprocess_infer(AnnData& adata, const PreprocessInferOptions& options = {}) {
  const auto rows = control_template_rows(adata.obs, options);
  if (adata.X) adata.X = select_rows(*adata.X, rows);
  for (auto& entry : adata.layers) entry.second = select_rows(entry.second, rows);
  if (adata.raw && adata.raw->X) adata.raw->X = select_rows(*adata.raw->X, rows);
  adata.obsm = detail::select_aligned(adata.obsm, rows, false);
  adata.obsp = detail::select_aligned(adata.obsp, rows, true);
  std::vector<std::string> names;
  for (const size_t row : rows) names.push_back(adata.obs.index[row]);
  adata.obs.set("template_cell", std::move(names));
  return rows;
}

VCELL_END_NAMESPACE
