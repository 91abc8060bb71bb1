#pragma once

#include <string>
#include <vector>

#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/preprocess/hvg/dispersion_genes.hpp"
#include "vcell/preprocess/hvg/options.hpp"
#include "vcell/preprocess/hvg/seurat_v3.hpp"

VCELL_BEGIN_NAMESPACE

/// Genes that vary more than genes of like mean do, as `scanpy.pp.highly_variable_genes` finds
/// them; formulas stand with the flavors (preprocess/hvg). With mean and variance (n - 1) over the
/// cells:
///
/// - seurat, of exp(x) - 1: dispersion = log(variance / mean), normalised by mean and sd of the
///   genes in one of n_bins equal bins of log(1 + mean);
/// - cell_ranger, of x: dispersion = variance / mean, normalised by median and MAD of the genes
///   between two percentiles of the mean;
/// - seurat_v3, of counts: variance after values are clipped, divided by the variance that loess
///   expects at that mean.
///
/// The genes with the n_top_genes highest scores are taken, and of the first two those tied with
/// the last; or those within options.cut_offs. In options.batches genes are scored batch by batch:
/// genes that a batch does not express are left out there and have 0 in it, `means`, `dispersions`
/// and `dispersions_norm` are means over the batches, and exactly n_top_genes are taken: those
/// taken in most batches, then of the highest mean score, then by name. For seurat_v3 see
/// detail::seurat_v3_genes.
///
/// X is read once, for seurat_v3 twice; memory beside a block is a few numbers for each gene and
/// batch. Neither threads nor blocks change a bit.
///
/// @param X  (cells, genes) log1p of counts, or counts for seurat_v3; a Matrix or anything that is
///           read in row blocks
/// @throws ConfigError if fewer than 2 cells are looked at, or in a batch 1, or one has no batch;
///         there are no genes, a setting is 0, cut-offs are given for seurat_v3; a gene has values
///         that X cannot hold: below 0 in the mean, or not finite; percentiles of the mean
///         coincide (cell_ranger), or loess fails (seurat_v3); ShapeError if options.cells or
///         options.batches has another number of entries than X has rows
template <class S>
requires RowSource<S, float> HighlyVariableGenes
highly_variable_genes(const S& X, const HighlyVariableGenesOptions& options = {}) {
  const auto cells = detail::hvg_cells(X.rows(), X.columns(), options);
  return with_value_type<HighlyVariableGenes>(X, [&]<class T>() {
    if (options.flavor == HvgFlavor::seurat_v3)
      return detail::seurat_v3_genes<T>(X, cells, options);
    auto powers = detail::gene_powers(X.columns(), cells, options);
    accumulate<T>(X, powers);
    return detail::dispersion_genes(powers, cells, options);
  });
}

/// Writes scores to var and the flavor to uns['hvg'], with the names that scanpy gives them:
/// highly_variable; of seurat and cell_ranger means, dispersions, dispersions_norm, and of batches
/// highly_variable_nbatches and highly_variable_intersection; of seurat_v3 highly_variable_rank,
/// means, variances, variances_norm, and of batches highly_variable_nbatches.
/// @throws ShapeError if there is not one score per gene
template <class = void>
void store_scores(AnnData& adata, const HighlyVariableGenes& scores) {
  for (const char* name : {"highly_variable", "highly_variable_rank", "means", "variances",
                           "variances_norm", "dispersions", "dispersions_norm",
                           "highly_variable_nbatches", "highly_variable_intersection"})
    adata.var.erase(name);  // of another flavor
  const auto set = [&](const char* name, const auto& values) {
    if (!values.empty()) adata.var.set(name, values);
  };
  adata.var.set("highly_variable", Numbers::truths(scores.highly_variable));
  set("highly_variable_rank", scores.rank);
  set("means", scores.means);
  set("variances", scores.variances);
  set("variances_norm", scores.variances_norm);
  set("dispersions", scores.dispersions);
  set("dispersions_norm", scores.dispersions_norm);
  set("highly_variable_nbatches", scores.nbatches);
  if (!scores.intersection.empty())
    adata.var.set("highly_variable_intersection", Numbers::truths(scores.intersection));
  const auto flavor = choices(HvgFlavor()).at(size_t(scores.flavor));
  adata.uns.insert_or_assign("hvg", Dict{{"flavor", std::string(flavor)}});
}

namespace detail {

/// Which matrices of adata hold nothing but whole numbers from 0, and how to use them.
template <class = void>
std::string where_counts_are(const AnnData& adata) {
  std::vector<std::string> found;
  for (const auto& [name, m] : adata.layers)
    if (!find_value(m, is_no_count)) found.push_back(message("layer ", quoted(name)));
  if (!found.empty()) return message("counts lie in ", list_of(found), ": name the layer");
  if (adata.raw && adata.raw->X && !find_value(*adata.raw->X, is_no_count))
    return "raw.X holds counts: make them X, or a layer";
  return "neither a layer nor raw holds counts: take flavor seurat";
}

/// Says whether X is declared what the flavor works on.
/// @throws ConfigError if it is not
template <class = void>
void check_hvg_scale(HvgFlavor flavor, const AnnData& adata) {
  const char* name = "highly_variable_genes";
  const bool of_counts = flavor == HvgFlavor::seurat_v3, is_log1p = says_log1p(name, adata);
  if (!of_counts && !is_log1p)
    throw ConfigError(message(name, ": flavor ", choices(HvgFlavor()).at(size_t(flavor)),
                              " works on log1p data, and there is no uns['log1p']; normalise ",
                              "first (normalize_total, log1p), or declare_scale if X is log1p ",
                              "already"));
  if (of_counts && is_log1p)
    throw ConfigError(message(name, ": flavor seurat_v3 works on counts, and X is declared log1p; ",
                              where_counts_are(adata)));
}

/// The matrix that genes are scored from, which must hold what the flavor works on.
/// @throws ConfigError if it does not
template <class = void>
const Matrix& matrix_for(HvgFlavor flavor, const AnnData& adata,
                         const std::optional<std::string>& layer) {
  const char* name = "highly_variable_genes";
  const bool of_counts = flavor == HvgFlavor::seurat_v3;
  const auto flavor_name = choices(HvgFlavor()).at(size_t(flavor));
  if (layer) {
    const Matrix& values = layer_of(name, adata, *layer);
    const auto fraction = find_value(values, is_no_count);
    if (of_counts && fraction)
      throw ConfigError(message(name, ": flavor seurat_v3 works on counts, and in layer ",
                                quoted(*layer), " ", text_of(*fraction, &adata)));
    if (!of_counts && !fraction)
      throw ConfigError(message(name, ": flavor ", flavor_name, " works on log1p data, and layer ",
                                quoted(*layer), " holds whole numbers only, as counts are; ",
                                "normalise it first, or take flavor seurat_v3"));
    return values;
  }
  const Matrix& X = matrix_of(name, adata);
  check_hvg_scale(flavor, adata);
  if (of_counts) declared_scale(adata, X);
  return X;
}

/// The options without what they name in adata.
/// @param batches  where its batches are put
template <class = void>
HighlyVariableGenesOptions without_names(HighlyVariableGenesOptions options, const AnnData& adata,
                                         Factor& batches) {
  if (options.batch_key) {
    batches = factor(adata.obs.column(*options.batch_key));
    options.batches = &batches;
  }
  if (options.gene_names.empty()) options.gene_names = adata.var.index;
  options.layer.reset();
  options.batch_key.reset();
  return options;
}

}  // namespace detail

/// The same for X of adata or options.layer, and options.batch_key; the scores are stored there. X
/// must be declared log1p, and for seurat_v3 hold counts; of a layer nothing is declared, so its
/// values must be such.
/// @throws ConfigError also if X, or the layer or column, is absent, or holds something else
template <class = void>
HighlyVariableGenes highly_variable_genes(AnnData& adata,
                                          const HighlyVariableGenesOptions& options = {}) {
  const Matrix& X = detail::matrix_for(options.flavor, adata, options.layer);
  Factor batches;
  auto out = highly_variable_genes(X, detail::without_names(options, adata, batches));
  store_scores(adata, out);
  return out;
}

/// The same with X apart from adata.
/// @param X  (cells, genes), read in row blocks; options.layer is not given
/// @throws ConfigError as above
template <class S>
requires RowSource<S, float> HighlyVariableGenes
highly_variable_genes(AnnData& adata, const S& X, const HighlyVariableGenesOptions& options) {
  detail::check_hvg_scale(options.flavor, adata);
  if (options.flavor == HvgFlavor::seurat_v3) declared_scale(adata, X);
  Factor batches;
  auto out = highly_variable_genes(X, detail::without_names(options, adata, batches));
  store_scores(adata, out);
  return out;
}

VCELL_INSTANTIATE(data,
                  HighlyVariableGenes highly_variable_genes(const Matrix&,
                                                            const HighlyVariableGenesOptions&));

VCELL_END_NAMESPACE
