#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/labelled_cells.hpp"
#include "vcell/pipeline/prepare.hpp"

VCELL_BEGIN_NAMESPACE

struct LabelledSidesOptions {
  std::string perturbation_key = "perturbation";  ///< obs column of both sides
  std::vector<std::string> context_keys = {};     ///< obs columns; without any all cells are a pool
  std::optional<Scale> scale = {};                ///< of X of both; without it each decides
};

namespace detail {

/// One side as log1p values.
/// @param target_sum  of counts; none: their own median total
template <class = void>
LabelledCells labelled_side(AnnData adata, const LabelledSidesOptions& options,
                            std::optional<double> target_sum, const Callbacks& callbacks) {
  const auto normalized =
      normalize_to_log1p(adata, {.scale = options.scale, .target_sum = target_sum});
  note_scale(normalized, callbacks);
  LabelledCells cells;
  cells.perturbation = factor(adata.obs.column(options.perturbation_key));
  if (!options.context_keys.empty()) cells.context = joined_factor(adata.obs, options.context_keys);
  cells.X = to_csr<float>(std::move(*adata.X));
  cells.genes = std::move(adata.var.index);
  cells.target_sum = normalized.target_sum;
  return cells;
}

}  // namespace detail

/// Both sides of a comparison from annotated cells, as evaluate() reads them and so that their
/// values compare: counts of one are normalised to the total that the other says its log1p values
/// have.
/// @param real, predicted  by value: move them in where they are not needed any more
/// @throws ConfigError if a column is absent, or X has no known scale
template <class = void>
std::pair<LabelledCells, LabelledCells> labelled_sides(AnnData real, AnnData predicted,
                                                       const LabelledSidesOptions& options = {},
                                                       const Callbacks& callbacks = {}) {
  for (const AnnData* side : {&real, &predicted}) {
    detail::check_column(*side, "perturbation_key", options.perturbation_key);
    for (const auto& key : options.context_keys) detail::check_column(*side, "context_keys", key);
  }
  // What log1p values say of their total; nothing of counts, which can have any.
  const auto total_of = [&](const AnnData& adata) {
    const bool counts = declared_scale(adata, options.scale).scale == Scale::counts;
    return std::pair(counts, counts ? std::nullopt : declared_target_sum(adata));
  };
  const auto [real_counts, real_total] = total_of(real);
  const auto [predicted_counts, predicted_total] = total_of(predicted);
  if ((real_counts && !predicted_total) || (predicted_counts && !real_total))
    note(callbacks, "the other side does not say what total its cells were normalised to: counts ",
         "are normalised to the median total of their own file");
  auto first = detail::labelled_side(std::move(real), options, predicted_total, callbacks);
  return {std::move(first),
          detail::labelled_side(std::move(predicted), options, real_total, callbacks)};
}

VCELL_END_NAMESPACE
