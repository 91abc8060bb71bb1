#pragma once

#include "vcell/preprocess/highly_variable_genes.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"

VCELL_BEGIN_NAMESPACE

/// Stores the expression of some genes apart, as models of a few genes read it: obsm['X_hvg']
/// (cells, genes taken) dense float, in the order given, and their names in uns['X_hvg_var_names'].
/// @throws ShapeError if there is no such gene, ConfigError if there is no X
template <class = void>
void store_hvg(AnnData& adata, std::span<const size_t> genes) {
  const Matrix& X = detail::matrix_of("store_hvg", adata);
  Matrix taken = to_dense<float>(select_columns(X, genes));
  std::vector<std::string> names;
  for (size_t gene : genes) names.push_back(adata.var.index[gene]);
  adata.obsm.insert_or_assign("X_hvg", std::move(taken));
  adata.uns.insert_or_assign("X_hvg_var_names", std::move(names));
}

struct PreprocessTrainOptions {
  /// What X holds. Not given: what the file says. It must be counts.
  std::optional<Scale> scale = {};
  /// The total every cell gets. Not given: the median of the totals above 0.
  std::optional<double> target_sum = {};
  HighlyVariableGenesOptions hvg = {};
  /// Not 0 where a cell is looked at, for the median and for the genes, one entry per cell; empty:
  /// all are. Where hvg.cells is given, it says so for the genes.
  std::span<const uint8_t> cells = {};
};

struct PreprocessedTrain {
  NormalizedToLog1p normalized;
  HighlyVariableGenes hvg;
};

/// Prepares counts for training, as State's `preprocess_train` does: normalize_total (median),
/// log1p, highly_variable_genes, obsm['X_hvg'] in gene order. Beyond it uns['X_hvg_var_names']
/// names those genes. Everything else in adata stays.
///
/// @throws ConfigError if X is not counts, or as these functions do
template <class = void>
PreprocessedTrain preprocess_train(AnnData& adata, const PreprocessTrainOptions& options = {}) {
  const bool is_log1p = options.scale ? *options.scale == Scale::log1p
                                      : detail::says_log1p("preprocess_train", adata);
  if (is_log1p)
    throw ConfigError(
        "preprocess_train: X is declared log1p, expected counts; for log1p data call "
        "highly_variable_genes and store_hvg");
  PreprocessedTrain out;
  out.normalized = normalize_to_log1p(adata, {options.scale, options.target_sum, options.cells});
  auto hvg = options.hvg;
  if (hvg.cells.empty()) hvg.cells = options.cells;
  out.hvg = highly_variable_genes(adata, hvg);
  store_hvg(adata, out.hvg.indices());
  return out;
}

VCELL_END_NAMESPACE
