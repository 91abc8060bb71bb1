#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/data/factor.hpp"

VCELL_BEGIN_NAMESPACE

/// How variability is scored.
enum class HvgFlavor {
  seurat,       ///< dispersion of exp(x) - 1 beside genes of like mean, on log1p data
  cell_ranger,  ///< dispersion beside genes of like mean, by medians, on log1p data
  seurat_v3,    ///< variance beside a curve of the mean, on counts
};

constexpr std::array<std::string_view, 3> choices(HvgFlavor) {
  return {"seurat", "cell_ranger", "seurat_v3"};
}

/// Which genes are taken by their numbers, all bounds left out.
struct HvgCutOffs {
  double min_mean = 0.0125, max_mean = 3;  ///< of `means`, as the flavor has them
  /// Of `dispersions_norm`.
  double min_disp = 0.5, max_disp = std::numeric_limits<double>::infinity();
};

struct HighlyVariableGenesOptions {
  HvgFlavor flavor = HvgFlavor::seurat;
  /// Genes to take. Without batches, of seurat and cell_ranger, genes tied with the last one are
  /// taken too, and genes without a score never.
  size_t n_top_genes = 2000;
  /// Genes are taken by these and not by their number. Not of seurat_v3.
  std::optional<HvgCutOffs> cut_offs = {};
  size_t n_bins = 20;  ///< of seurat: bins of the mean within which dispersions are compared
  /// Not 0 where a cell is looked at, one entry per cell; empty: all are. The scores are those of
  /// these rows alone, so that cells kept for a test have no say in which genes are taken.
  std::span<const uint8_t> cells = {};
  /// The batch of each cell: genes are scored in each batch and the scores put together.
  const Factor* batches = nullptr;
  /// Of batches: genes that are equally good are taken in the order of their names. Empty: in their
  /// own order.
  std::span<const std::string> gene_names = {};
  /// Of an AnnData: the layer that holds the values, in place of X.
  std::optional<std::string> layer = {};
  /// Of an AnnData: the column of obs with the batch of each cell, in place of `batches`.
  std::optional<std::string> batch_key = {};
};

/// Scores of all genes, in their order. What the flavor does not have is empty.
struct HighlyVariableGenes {
  HvgFlavor flavor = HvgFlavor::seurat;
  std::vector<uint8_t> highly_variable;  ///< 1 where taken
  /// seurat: log(1 + mean of exp(x) - 1); cell_ranger, seurat_v3: the mean of x. Of batches of the
  /// first two their mean; of seurat_v3 that of all cells.
  std::vector<double> means;
  /// seurat: log(variance / mean), NaN where the variance is 0; cell_ranger: variance / mean
  std::vector<double> dispersions;
  std::vector<float> dispersions_norm;  ///< the score; NaN where the dispersion is
  std::vector<double> variances;        ///< seurat_v3: of all cells
  std::vector<double> variances_norm;   ///< seurat_v3: the score; of batches their mean
  /// seurat_v3: place by score, from 0; NaN from n_top_genes on. Of batches the median of those
  /// that are not NaN.
  std::vector<float> rank;
  std::vector<int64_t> nbatches;      ///< batches in which the gene is taken; empty without batches
  std::vector<uint8_t> intersection;  ///< taken in every batch; seurat and cell_ranger
  size_t scored = 0;                  ///< genes with a score; at most so many are taken
  std::vector<std::string> remarks;   ///< what a user wants to know

  /// The places of the genes taken, ascending.
  std::vector<size_t> indices() const {
    std::vector<size_t> out;
    for (size_t gene = 0; gene < highly_variable.size(); ++gene)
      if (highly_variable[gene]) out.push_back(gene);
    return out;
  }
};

VCELL_END_NAMESPACE
