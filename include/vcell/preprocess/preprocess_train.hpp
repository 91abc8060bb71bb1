#pragma once

#include "vcell/preprocess/highly_variable_genes.hpp"
#include "vcell/preprocess/log1p_rows.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"

VCELL_BEGIN_NAMESPACE

/// Stores the expression of some genes apart, as models of a few genes read it: obsm['X_hvg']
/// (cells, genes taken) dense float, in the order given, and their names in uns['X_hvg_var_names'].
/// @param X  (cells, genes), read in row blocks
/// @throws ShapeError if there is no such gene
template <class S>
requires RowSource<S, float>
void store_hvg(AnnData& adata, const S& X, std::span<const size_t> genes) {
  Matrix taken = dense_columns<float>(X, genes);
  std::vector<std::string> names;
  for (size_t gene : genes) names.push_back(adata.var.index[gene]);
  adata.obsm.insert_or_assign("X_hvg", std::move(taken));
  adata.uns.insert_or_assign("X_hvg_var_names", std::move(names));
}

/// The same of the X that adata has.
/// @throws ConfigError also if there is none
template <class = void>
void store_hvg(AnnData& adata, std::span<const size_t> genes) {
  store_hvg(adata, detail::matrix_of("store_hvg", adata), genes);
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

namespace detail {

template <class = void>
void check_declared_counts(const AnnData& adata, const PreprocessTrainOptions& options) {
  const bool is_log1p =
      options.scale ? *options.scale == Scale::log1p : says_log1p("preprocess_train", adata);
  if (is_log1p)
    throw ConfigError(
        "preprocess_train: X is declared log1p, expected counts; for log1p data call "
        "highly_variable_genes and store_hvg");
}

template <class = void>
HighlyVariableGenesOptions hvg_options(const PreprocessTrainOptions& options) {
  auto out = options.hvg;
  if (out.cells.empty()) out.cells = options.cells;
  return out;
}

}  // namespace detail

/// Prepares counts for training, as State's `preprocess_train` does: normalize_total (median),
/// log1p, highly_variable_genes, obsm['X_hvg'] in gene order. Beyond it uns['X_hvg_var_names']
/// names those genes. Everything else in adata stays.
///
/// @throws ConfigError if X is not counts, or as these functions do
template <class = void>
PreprocessedTrain preprocess_train(AnnData& adata, const PreprocessTrainOptions& options = {}) {
  detail::check_declared_counts(adata, options);
  PreprocessedTrain out;
  out.normalized = normalize_to_log1p(adata, {options.scale, options.target_sum, options.cells});
  out.hvg = highly_variable_genes(adata, detail::hvg_options(options));
  store_hvg(adata, out.hvg.indices());
  return out;
}

/// X as it is after preprocess_train, and what was done to it.
template <class S>
struct PreprocessedRows {
  Log1pRows<S> X;
  PreprocessedTrain done;
};

/// The same with X read in row blocks, of which one is in memory at a time: once each to look at
/// its values, for the totals, for the scores, for obsm['X_hvg'], and whenever the result is read.
/// The bits are the same.
///
/// @param adata   all but X; changed as X is there
/// @param counts  X; by value: moved into the result
template <class S>
requires RowSource<S, float> PreprocessedRows<S> preprocess_train(
    AnnData& adata, S counts, const PreprocessTrainOptions& options = {}) {
  detail::check_declared_counts(adata, options);
  detail::count_chosen("preprocess_train", options.cells, adata.cells());
  check_size_match("preprocess_train", "rows of X", counts.rows(), "cells", adata.cells());
  check_size_match("preprocess_train", "columns of X", counts.columns(), "genes", adata.genes());
  PreprocessedTrain done;
  done.normalized.found = declared_scale(adata, counts, options.scale);
  DType type = DType::f32;
  const auto total = with_value_type<NormalizedTotal>(counts, [&]<class T>() {
    type = dtype_of<T>();
    return detail::total_factors<T>(counts, {options.target_sum, options.cells});
  });
  done.normalized.target_sum = total.target_sum;
  done.normalized.empty_cells = total.empty_cells;
  declare_scale(adata, Scale::log1p, total.target_sum);
  Log1pRows<S> X(std::move(counts), total.factors, type);
  done.hvg = highly_variable_genes(X, detail::hvg_options(options));
  store_scores(adata, done.hvg);
  store_hvg(adata, X, done.hvg.indices());
  return {std::move(X), std::move(done)};
}

VCELL_INSTANTIATE(data, PreprocessedTrain preprocess_train<void>(AnnData&,
                                                                 const PreprocessTrainOptions&));

VCELL_END_NAMESPACE
