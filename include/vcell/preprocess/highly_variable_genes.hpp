#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <iterator>
#include <limits>
#include <span>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE

/// How variability is scored.
enum class HvgFlavor {
  seurat,  ///< dispersion of exp(x) - 1 beside genes of like mean, on log1p data
};

struct HighlyVariableGenesOptions {
  HvgFlavor flavor = HvgFlavor::seurat;
  /// Genes to take. Genes tied with the last one are taken too; genes without a score never.
  size_t n_top_genes = 2000;
  size_t n_bins = 20;  ///< bins of the mean within which dispersions are compared
  /// Not 0 where a cell is looked at, one entry per cell; empty: all are. The scores are those of
  /// these rows alone, so that cells kept for a test have no say in which genes are taken.
  std::span<const uint8_t> cells = {};
};

/// Scores of all genes, in their order.
struct HighlyVariableGenes {
  std::vector<uint8_t> highly_variable;  ///< 1 where taken
  std::vector<double> means;             ///< log(1 + mean of exp(x) - 1)
  std::vector<double> dispersions;       ///< log(variance / mean); NaN where the variance is 0
  std::vector<float> dispersions_norm;   ///< the score; NaN where the dispersion is
  size_t scored = 0;  ///< genes with a score; when fewer than n_top_genes, all of them are taken

  /// The places of the genes taken, ascending.
  std::vector<size_t> indices() const {
    std::vector<size_t> out;
    for (size_t gene = 0; gene < highly_variable.size(); ++gene)
      if (highly_variable[gene]) out.push_back(gene);
    return out;
  }
};

namespace detail {

/// Which of n equal bins between the least and the greatest mean each gene is in: intervals
/// (a, b], the first edge lowered by a thousandth of the range, as `pandas.cut`.
template <class = void>
std::vector<size_t> equal_bins(const std::vector<double>& means, size_t n) {
  const auto [least, greatest] = std::minmax_element(means.begin(), means.end());
  double low = *least, high = *greatest, lower_by = 0.001 * (high - low);
  if (low == high) {
    const double widen = low != 0 ? 0.001 * std::abs(low) : 0.001;
    low -= widen;
    high += widen;
    lower_by = 0;
  }
  std::vector<double> edges(n + 1);
  const double step = (high - low) / double(n);
  for (size_t i = 0; i < n; ++i) edges[i] = low + double(i) * step;
  edges[0] -= lower_by;
  edges[n] = high;
  std::vector<size_t> bins(means.size());
  // Lowering the first edge is lost when the range is a rounding error: its genes belong to the
  // first bin nevertheless.
  for (size_t gene = 0; gene < bins.size(); ++gene)
    bins[gene] =
        size_t(std::lower_bound(edges.begin() + 1, edges.end(), means[gene]) - (edges.begin() + 1));
  return bins;
}

/// (dispersion - bin mean) / bin sd (n - 1); NaN skipped. A bin with one dispersion scores it 1.
template <class = void>
std::vector<double> normalize_in_bins(const std::vector<double>& dispersions,
                                      const std::vector<size_t>& bins, size_t n_bins) {
  struct Bin {
    size_t n = 0;
    double mean = 0, squares = 0;
  };
  std::vector<Bin> in(n_bins);
  const auto each = [&](auto f) {
    for (size_t gene = 0; gene < bins.size(); ++gene)
      if (!std::isnan(dispersions[gene])) f(in[bins[gene]], dispersions[gene]);
  };
  each([](Bin& bin, double d) { bin.mean += d, ++bin.n; });
  for (Bin& bin : in)
    if (bin.n) bin.mean /= double(bin.n);
  each([](Bin& bin, double d) { bin.squares += (d - bin.mean) * (d - bin.mean); });
  std::vector<double> out(bins.size());
  for (size_t gene = 0; gene < out.size(); ++gene) {
    const Bin& bin = in[bins[gene]];
    out[gene] = bin.n == 1
                    ? dispersions[gene] / bin.mean
                    : (dispersions[gene] - bin.mean) / std::sqrt(bin.squares / (double(bin.n) - 1));
  }
  return out;
}

/// Sum and sum of squares over the cells of exp(x) - 1. That, and its square, are rounded to T.
template <class T, class S>
std::vector<std::array<double, 2>> count_sums(const S& X, std::span<const uint8_t> cells) {
  const auto terms = [](T x) {
    const T count = std::expm1(x), square = count * count;
    return std::array<double, 2>{double(count), double(square)};
  };
  return sum_over_cells<T, 2>(X, terms, cells);
}

}  // namespace detail

/// Genes that vary more than genes of like mean do (Satija et al. 2015, doi:10.1038/nbt.3192, as
/// `scanpy.pp.highly_variable_genes(flavor="seurat")` computes it). With x' = exp(x) - 1, and mean
/// and variance (n - 1) over the cells:
///
///   dispersion = log(variance / mean)   NaN where the variance is 0;  mean 0 -> 1e-12
///   score = (dispersion - bin mean) / bin sd   over the genes of one of n_bins equal bins of
///                                              log(1 + mean); NaN skipped; 1 alone in its bin
///
/// The genes with the n_top_genes highest scores are taken, and those tied with the last.
///
/// @param X  (cells, genes) log1p of counts, a Matrix or anything that is read in row blocks
/// @throws ConfigError if fewer than 2 cells are looked at, there are no genes, a setting is 0, or
///         a gene has values that log1p of counts has not: below 0 in the mean, or not finite;
///         ShapeError if options.cells has another number of entries than X has rows
template <class S>
requires RowSource<S, float> HighlyVariableGenes
highly_variable_genes(const S& X, const HighlyVariableGenesOptions& options = {}) {
  check_positive("highly_variable_genes", "n_top_genes", options.n_top_genes);
  check_positive("highly_variable_genes", "n_bins", options.n_bins);
  const size_t genes = X.columns();
  const size_t chosen = detail::count_chosen("highly_variable_genes", options.cells, X.rows());
  const double cells = double(chosen);
  if (genes == 0 || X.rows() < 2)
    throw ConfigError(message("highly_variable_genes: X has ", X.rows(), " cells and ", genes,
                              " genes, expected at least 2 and 1"));
  if (chosen < 2)
    throw ConfigError(message("highly_variable_genes: options.cells chooses ", chosen, " of the ",
                              X.rows(), " cells, expected at least 2"));
  const auto sums = with_value_type<std::vector<std::array<double, 2>>>(
      X, [&]<class T>() { return detail::count_sums<T>(X, options.cells); });
  HighlyVariableGenes out;
  for (size_t gene = 0; gene < genes; ++gene) {
    double mean = sums[gene][0] / cells;
    const double variance = (sums[gene][1] / cells - mean * mean) * (cells / (cells - 1));
    if (!std::isfinite(variance) || mean < 0)
      throw ConfigError(
          message("highly_variable_genes: gene number ", gene, " (from 0) has values ",
                  "below 0, not finite, or too large to take exp of, expected log1p"));
    if (mean == 0) mean = 1e-12;
    out.means.push_back(std::log1p(mean));
    // Round-off can make the variance of a constant gene negative; its logarithm is NaN too.
    out.dispersions.push_back(variance > 0 ? std::log(variance / mean)
                                           : std::numeric_limits<double>::quiet_NaN());
  }
  const auto scores = detail::normalize_in_bins(
      out.dispersions, detail::equal_bins(out.means, options.n_bins), options.n_bins);
  std::vector<double> ranked;
  std::copy_if(scores.begin(), scores.end(), std::back_inserter(ranked),
               [](double s) { return !std::isnan(s); });
  out.scored = ranked.size();
  std::sort(ranked.begin(), ranked.end(), std::greater<>());
  const size_t taken = std::min(options.n_top_genes, ranked.size());
  for (double score : scores)
    out.highly_variable.push_back(taken > 0 && score >= ranked[taken - 1]);
  out.dispersions_norm.assign(scores.begin(), scores.end());
  return out;
}

/// Writes scores to var (highly_variable, means, dispersions, dispersions_norm) and the flavor to
/// uns['hvg'].
/// @throws ShapeError if there is not one score per gene
template <class = void>
void store_scores(AnnData& adata, const HighlyVariableGenes& scores) {
  adata.var.set("highly_variable", Numbers::truths(scores.highly_variable));
  adata.var.set("means", scores.means);
  adata.var.set("dispersions", scores.dispersions);
  adata.var.set("dispersions_norm", std::vector<double>(scores.dispersions_norm.begin(),
                                                        scores.dispersions_norm.end()));
  adata.uns.insert_or_assign("hvg", Dict{{"flavor", "seurat"}});
}

/// The same for X of adata, which must be declared log1p; the scores are stored there.
/// @throws ConfigError also if there is no X or no uns['log1p']
template <class = void>
HighlyVariableGenes highly_variable_genes(AnnData& adata,
                                          const HighlyVariableGenesOptions& options = {}) {
  const Matrix& X = detail::matrix_of("highly_variable_genes", adata);
  if (!detail::says_log1p("highly_variable_genes", adata))
    throw ConfigError(
        "highly_variable_genes: flavor seurat works on log1p data, and there is no uns['log1p']; "
        "normalise first (normalize_total, log1p), or declare_scale if X is log1p already");
  HighlyVariableGenes out = highly_variable_genes(X, options);
  store_scores(adata, out);
  return out;
}

VCELL_END_NAMESPACE
