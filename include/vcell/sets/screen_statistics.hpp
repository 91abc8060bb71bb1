#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/preprocess/component_shares.hpp"
#include "vcell/preprocess/gene_classes.hpp"
#include "vcell/preprocess/gene_statistics.hpp"
#include "vcell/preprocess/highly_variable_genes.hpp"
#include "vcell/preprocess/perturbation_table.hpp"
#include "vcell/preprocess/variance_shares.hpp"
#include "vcell/preprocess/with_log1p_rows.hpp"
#include "vcell/sets/gene_symbols.hpp"
#include "vcell/sets/part.hpp"
#include "vcell/sets/screen.hpp"

VCELL_BEGIN_NAMESPACE

struct ScreenStatisticsOptions {
  ScreenOptions labels;             ///< perturbation, control, context and batch columns
  std::string guide_key = {};       ///< obs column of the guide; empty: not known
  std::string gene_names = {};      ///< var column of the names perturbations use; empty: found
  std::optional<Scale> scale = {};  ///< of X; not given: the file decides
  size_t hvgs = 2000;               ///< highly variable genes that are marked
  ComponentSharesOptions components = {};  ///< of which shares of variance are found
  GeneClassOptions classes = {};           ///< thresholds of the four classes of genes
  std::span<const Part> parts = {};        ///< (cells) of a split that is shown too; empty: none
  size_t bytes = size_t(256) << 20;        ///< that sums of groups may take (variance_shares)
};

/// A screen in numbers, for people to look at.
struct ScreenStatistics {
  Scale scale = Scale::counts;     ///< of X, and so of means, deltas and residuals
  bool inferred = false;           ///< nobody says that X holds counts
  double target_sum = 0;           ///< that counts are normalised to for what is log1p; 0: unknown
  std::vector<std::string> genes;  ///< their names
  GeneStatistics all, control, perturbed;  ///< over all cells, controls, and the others
  GeneSummary summary;                     ///< of `all`
  size_t never_in_control = 0;             ///< genes that are 0 in every control
  std::vector<GeneDelta> deltas;           ///< the largest first
  std::string control_label;
  std::vector<std::string> batches;               ///< names; empty: not known
  std::vector<PerturbationCounts> perturbations;  ///< by name, the control among them
  HighlyVariableGenes hvg;                        ///< flavor seurat, of log1p values
  GeneClasses classes;
  VarianceShare perturbation_share;          ///< of the log1p variance of genes
  std::optional<VarianceShare> batch_share;  ///< the same of batches
  /// The same, perturbations and batches, of the principal components of the highly variable genes.
  std::optional<ComponentShares> components;
  std::vector<std::array<size_t, 4>> cells_of_parts;  ///< (perturbations) of a split; or empty
  std::string remark;  ///< how perturbations are matched with their own genes; empty: by name
};

/// Measures a screen from X read in row blocks, three times: for its scale, the totals and what is
/// said of X as it is; for highly variable genes and variances; for principal components. It is
/// read again where sums of groups (variance_shares) or the highly variable genes
/// (component_shares) have no room, and once more where it holds whole numbers of 32 bits or more.
/// @param adata  what is said of X; it has none of its own
/// @param X      (cells, genes)
/// @throws ConfigError if a column or the control is not there, or the scale of X is not known;
///         ShapeError if X does not fit adata; Stopped
template <class S>
requires RowSource<S, float> ScreenStatistics
screen_statistics(const AnnData& adata, const S& X, const ScreenStatisticsOptions& options = {},
                  const Callbacks& callbacks = {}) {
  const Screen labels = make_labels(adata, options.labels);
  std::optional<Factor> guide;
  if (!options.guide_key.empty()) {
    detail::check_column(adata, "guide_key", options.guide_key);
    guide = factor(adata.obs.column(options.guide_key));
  }
  if (!options.parts.empty())
    check_size_match("screen_statistics", "parts", options.parts.size(), "cells", adata.cells());
  const Factor& perturbation = labels.perturbation;
  const auto symbols = gene_symbols(adata.var, perturbation.names, options.gene_names);
  ScreenStatistics out;
  out.genes = adata.var.index;
  out.control_label = options.labels.control;
  out.batches = labels.batch.names;
  out.remark = symbols.remark;

  std::vector<int32_t> own(perturbation.names.size(), -1), side, own_of_cell;
  for (size_t g = adata.genes(); g-- > 0;)
    if (const int32_t code = perturbation.code(symbols(adata.var.index[g]));
        code >= 0 && code != labels.control)
      own[size_t(code)] = int32_t(g);
  for (size_t i = 0; i < adata.cells(); ++i) {
    side.push_back(labels.is_control(i) ? 0 : 1);
    own_of_cell.push_back(own[size_t(perturbation.codes[i])]);
  }
  OwnGene own_gene(std::move(own_of_cell));
  const auto watched = [&](const auto& source, const char* stage) {
    return WatchedRows(BorrowedRows(source), callbacks.progress, stage);
  };
  auto tally = gene_tally(adata.genes(), {side, 2});
  NormalizedToLog1p found;
  with_log1p_rows(
      adata, BorrowedRows(X), {.scale = options.scale, .progress = callbacks.progress}, found,
      [&](const auto& log1p) {
        HighlyVariableGenesOptions hvg;
        hvg.n_top_genes = std::max<size_t>(1, std::min(options.hvgs, adata.genes()));
        const auto cells = detail::hvg_cells(adata.cells(), adata.genes(), hvg);
        auto powers = detail::gene_powers(adata.genes(), cells, hvg);
        std::vector<const Factor*> columns = {&perturbation};
        if (labels.has_batches()) columns.push_back(&labels.batch);
        auto shares = variance_shares(watched(log1p, "variances"), columns, options.bytes, powers);
        out.hvg = detail::dispersion_genes(powers, cells, hvg);
        out.perturbation_share = std::move(shares[0]);
        if (shares.size() > 1) out.batch_share = std::move(shares[1]);
        out.components = component_shares(watched(log1p, "components"), out.hvg.highly_variable,
                                          columns, options.components);
      },
      tally, own_gene);
  out.scale = found.found.scale;
  out.inferred = found.found.inferred;
  out.target_sum = found.target_sum.value_or(0);
  out.classes = gene_classes(out.hvg.means, out.hvg.dispersions_norm, options.classes);

  std::vector<GeneTally> both(tally.of_group(0).begin(), tally.of_group(0).end());
  for (size_t g = 0; g < both.size(); ++g) both[g].merge(tally.of_group(1)[g]);
  out.all = gene_statistics(both, adata.cells());
  out.control = gene_statistics(tally.of_group(0), tally.cells_in(0));
  out.perturbed = gene_statistics(tally.of_group(1), tally.cells_in(1));
  out.summary = summarize_genes(out.all);
  out.never_in_control = summarize_genes(out.control).never_expressed;
  out.deltas = gene_deltas(out.control, out.perturbed);
  out.perturbations =
      perturbation_table({perturbation, labels.has_batches() ? &labels.batch : nullptr,
                          guide ? &*guide : nullptr, own, own_gene.of_cells(), out.control.mean});
  if (!options.parts.empty()) {
    out.cells_of_parts.resize(perturbation.names.size());
    for (size_t i = 0; i < adata.cells(); ++i)
      ++out.cells_of_parts[size_t(perturbation.codes[i])][size_t(options.parts[i])];
  }
  return out;
}

VCELL_END_NAMESPACE
