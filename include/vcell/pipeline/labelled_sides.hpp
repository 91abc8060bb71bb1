#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/labelled_cells.hpp"
#include "vcell/pipeline/embedding_in.hpp"
#include "vcell/pipeline/prepare.hpp"

VCELL_BEGIN_NAMESPACE

struct LabelledSidesOptions {
  std::string perturbation_key = "perturbation";  ///< obs column of both sides
  std::vector<std::string> context_keys = {};     ///< obs columns; without any all cells are a pool
  std::optional<Scale> scale = {};                ///< of X of both; without it each decides
  /// Counts are used as they are, and not normalised.
  bool keep_counts = false;
  /// Where nothing else says what X holds: log1p values if one of them has a fractional part above
  /// 1e-3, else counts, as cell-eval guesses. Counts are then always normalised to the median total
  /// of their own file.
  bool like_cell_eval = false;
  std::string embedding = {};  ///< an obsm entry of both, which they are also compared in
};

namespace detail {

/// Whether a file says what X holds.
template <class = void>
bool says_scale(const char* function, const AnnData& adata) {
  return find(adata.uns, "vcell/scale") || says_log1p(function, adata);
}

/// What X holds by cell-eval's rule.
template <class = void>
Scale guessed_scale(const AnnData& adata, const Progress& progress) {
  const auto has_fraction = [](auto x) { return std::abs(x - std::trunc(x)) > 1e-3; };
  return find_value(watched_matrix(matrix_of("labelled_sides", adata), progress), has_fraction)
             ? Scale::log1p
             : Scale::counts;
}

template <class = void>
void check_columns(const AnnData& adata, const LabelledSidesOptions& options) {
  check_column(adata, "[data] perturbation_key", options.perturbation_key);
  for (const auto& key : options.context_keys) check_column(adata, "[data] context_keys", key);
}

/// What X holds, by what is said of it or the rule that the options name.
template <class = void>
Scale scale_of(const AnnData& adata, const LabelledSidesOptions& options,
               const Callbacks& callbacks) {
  auto given = options.scale;
  if (!given && options.like_cell_eval && !says_scale("labelled_sides", adata)) {
    given = guessed_scale(adata, callbacks.progress);
    note(callbacks, "nothing says what X holds; as cell-eval guesses, ",
         *given == Scale::counts ? "counts: no value has a fractional part above 1e-3"
                                 : "log1p values: some have a fractional part above 1e-3");
  }
  const auto& X = matrix_of("declared_scale", adata);
  const auto found = declared_scale(adata, watched_matrix(X, callbacks.progress), given);
  if (found.inferred)
    note(callbacks, "X holds whole numbers only and nothing says what they are: taken as counts ",
         "(declare the scale to be sure)");
  return found.scale;
}

/// One side as evaluate() reads it.
/// @param scale       of X
/// @param target_sum  of counts; none: their own median total
template <class = void>
LabelledCells labelled_side(AnnData adata, const LabelledSidesOptions& options, Scale scale,
                            std::optional<double> target_sum, const Callbacks& callbacks) {
  LabelledCells cells;
  if (scale == Scale::counts && options.keep_counts) {
    cells.scale = Scale::counts;
  } else {
    const auto normalized = normalize_to_log1p(adata, {.scale = scale,
                                                       .target_sum = target_sum,
                                                       .library_log1p = true,
                                                       .progress = callbacks.progress});
    note_scale(normalized, callbacks);
    cells.target_sum = normalized.target_sum;
    cells.is_own_total = scale == Scale::counts && !target_sum;
  }
  cells.perturbation = factor(adata.obs.column(options.perturbation_key));
  if (!options.context_keys.empty()) cells.context = joined_factor(adata.obs, options.context_keys);
  if (!options.embedding.empty()) {
    const auto embedding = embedding_in(adata, options.embedding);
    cells.embedding = Tensor<float, 2>({embedding.rows, embedding.columns}, embedding.values);
  }
  cells.X = to_csr<float>(std::move(*adata.X));
  cells.genes = std::move(adata.var.index);
  return cells;
}

}  // namespace detail

/// One side alone, as labelled_sides has it.
/// @throws ConfigError if a column is absent, or X has no known scale
template <class = void>
LabelledCells labelled_cells(AnnData adata, const LabelledSidesOptions& options = {},
                             const Callbacks& callbacks = {}) {
  detail::check_columns(adata, options);
  const Scale scale = detail::scale_of(adata, options, callbacks);
  return detail::labelled_side(std::move(adata), options, scale, {}, callbacks);
}

/// Both sides of a comparison from annotated cells, as evaluate() reads them and so that their
/// values compare: counts of one are normalised to the total that the other says its log1p values
/// have; counts of both to the median total of each file.
/// @param real, predicted  by value: move them in where they are not needed any more
/// @throws ConfigError if a column is absent, or X has no known scale
template <class = void>
std::pair<LabelledCells, LabelledCells> labelled_sides(AnnData real, AnnData predicted,
                                                       const LabelledSidesOptions& options = {},
                                                       const Callbacks& callbacks = {}) {
  detail::check_columns(real, options);
  detail::check_columns(predicted, options);
  const Scale real_scale = detail::scale_of(real, options, callbacks),
              predicted_scale = detail::scale_of(predicted, options, callbacks);
  // What log1p values say of their total, for the counts of the other side; counts can have any.
  const auto total_of = [&](const AnnData& adata, Scale scale) {
    return scale == Scale::counts || options.like_cell_eval ? std::optional<double>()
                                                            : declared_target_sum(adata);
  };
  const auto real_total = total_of(real, real_scale),
             predicted_total = total_of(predicted, predicted_scale);
  if (!options.keep_counts && ((real_scale == Scale::counts && !predicted_total) ||
                               (predicted_scale == Scale::counts && !real_total)))
    note(callbacks, "the other side does not say what total its cells were normalised to: counts ",
         "are normalised to the median total of their own file");
  auto first =
      detail::labelled_side(std::move(real), options, real_scale, predicted_total, callbacks);
  return {std::move(first), detail::labelled_side(std::move(predicted), options, predicted_scale,
                                                  real_total, callbacks)};
}

VCELL_END_NAMESPACE
