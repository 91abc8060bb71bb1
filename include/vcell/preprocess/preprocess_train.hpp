#pragma once

#include "vcell/preprocess/highly_variable_genes.hpp"
#include "vcell/preprocess/log1p_rows.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/preprocess/train_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// Says in uns['X_hvg_var_names'] which genes the columns of obsm['X_hvg'] are.
template <class = void>
void name_hvg(AnnData& adata, std::span<const size_t> genes) {
  std::vector<std::string> names;
  for (const size_t gene : genes) names.push_back(adata.var.index[gene]);
  adata.uns.insert_or_assign("X_hvg_var_names", std::move(names));
}

/// Stores the expression of some genes apart, as models of a few genes read it: obsm['X_hvg']
/// (cells, genes taken) dense float, in the order given, and their names in uns['X_hvg_var_names'].
/// @param X  (cells, genes), read in row blocks
/// @throws ShapeError if there is no such gene
template <class S>
requires RowSource<S, float>
void store_hvg(AnnData& adata, const S& X, std::span<const size_t> genes) {
  Matrix taken = dense_columns<float>(X, genes);
  name_hvg(adata, genes);
  adata.obsm.insert_or_assign("X_hvg", std::move(taken));
}

/// The same of the X that adata has.
/// @throws ConfigError also if there is none
template <class = void>
void store_hvg(AnnData& adata, std::span<const size_t> genes) {
  store_hvg(adata, detail::matrix_of("store_hvg", adata), genes);
}

/// Prepares counts for training, as State's `preprocess_train` does: normalize_total (median),
/// log1p, highly_variable_genes, obsm['X_hvg'] in gene order. Beyond it uns['X_hvg_var_names']
/// names those genes. Everything else in adata stays.
///
/// @throws ConfigError if X is not counts, or as these functions do
template <class = void>
PreprocessedTrain preprocess_train(AnnData& adata, const PreprocessTrainOptions& options = {}) {
  detail::check_preprocess_train(adata, options);
  PreprocessedTrain out;
  const auto score = [&] { out.hvg = highly_variable_genes(adata, detail::hvg_options(options)); };
  const bool of_counts = options.hvg.flavor == HvgFlavor::seurat_v3;
  if (of_counts) score();
  out.normalized =
      normalize_to_log1p(adata, {.scale = options.scale,
                                 .target_sum = options.target_sum,
                                 .cells = options.cells,
                                 .exclude_highly_expressed = options.exclude_highly_expressed,
                                 .max_fraction = options.max_fraction});
  if (!of_counts) score();
  store_hvg(adata, out.hvg.indices());
  return out;
}

/// X as it is after preprocess_train, and what was done to it.
template <class S>
struct PreprocessedRows {
  Log1pRows<S> X;
  PreprocessedTrain done;
};

/// The same with X read in row blocks, of which one is in memory at a time, and without
/// obsm['X_hvg'] (see store_hvg): once for the totals, if their median is asked for, once for the
/// scores (of seurat_v3 twice), and whenever the result is read. The bits are the same. TrainRows
/// is the same for who writes X while the scores are found.
///
/// @param adata   all but X; changed as X is there
/// @param counts  X; by value: moved into the result
template <class S>
requires RowSource<S, float> PreprocessedRows<S> preprocessed_rows(
    AnnData& adata, S counts, const PreprocessTrainOptions& options = {}) {
  TrainRows<S> rows(adata, std::move(counts), options);
  if (rows.is_to_be_read()) {
    const auto read = [&]<class T>() {
      for_each_row_block<T>(rows.X(), [](size_t, const CsrView<T>&) {});
    };
    rows.X().dtype() == DType::f64 ? read.template operator()<double>()
                                   : read.template operator()<float>();
  }
  PreprocessedTrain done = rows.finish(adata);
  return {std::move(rows).log1p_rows(), std::move(done)};
}

VCELL_INSTANTIATE(data, PreprocessedTrain preprocess_train<void>(AnnData&,
                                                                 const PreprocessTrainOptions&));

VCELL_END_NAMESPACE
