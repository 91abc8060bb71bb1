#pragma once

#include <string>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/data/keep.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/pipeline/preprocess_steps.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

// What steps say of what they did, wherever X is.

/// "with fewer than 200 genes"
/// @param name  of what is counted beside counts: "genes" or "cells"
template <class = void>
std::string text_of(const Threshold& t, const char* name) {
  return message("with ", t.upper ? "more" : "fewer", " than ", t.value, " ",
                 t.counts ? "counts" : name);
}

/// @param not_cut  see uncut
/// @throws ConfigError if nothing is left
template <class = void>
void note_filtered(const Callbacks& callbacks, const Filtered& judged, const Threshold& threshold,
                   bool cells, const std::vector<std::string>& not_cut) {
  const std::string what = cells ? "cells" : "genes",
                    text = text_of(threshold, cells ? "genes" : "cells");
  note(callbacks, "dropped ", judged.dropped(), " of ", judged.keep.size(), " ", what, " ", text);
  if (judged.dropped() && !not_cut.empty())
    note(callbacks, "left out, since what is kept unread cannot be cut: ", list_of(not_cut));
  if (judged.dropped() == judged.keep.size())
    throw ConfigError(message(cells ? "filter_cells" : "filter_genes", ": all ", judged.keep.size(),
                              " ", what, " are ", text, ", so none is left; ",
                              threshold.upper ? "raise" : "lower", " the threshold"));
}

template <class = void>
void note_knockdown(const Callbacks& callbacks, const KnockdownFiltered& found) {
  std::vector<std::string> dropped[5];
  for (const auto& p : found.perturbations) dropped[size_t(p.outcome)].push_back(p.name);
  note(callbacks, "knock-down: dropped ", found.dropped(), " of ", found.keep.size(), " cells; of ",
       found.perturbations.size(), " perturbations ", dropped[0].size(), " stay");
  const auto say = [&](Knockdown outcome, const char* why) {
    const auto& names = dropped[size_t(outcome)];
    if (!names.empty()) note(callbacks, "knock-down: ", why, ": ", list_of(names, 10));
  };
  say(Knockdown::no_gene, "the label is no gene");
  say(Knockdown::no_expression, "the controls do not express the gene");
  say(Knockdown::not_knocked_down, "not knocked down");
  say(Knockdown::few_cells, "too few cells with little of the gene");
}

template <class = void>
void note_total(const Callbacks& callbacks, const AnnData& adata, const NormalizedTotal& done) {
  note(callbacks, "normalised to ", done.target_sum, " a cell");
  std::vector<std::string> names;
  for (const size_t gene : done.excluded_genes) names.push_back(adata.var.index[gene]);
  if (!names.empty())
    note(callbacks, "highly expressed genes that totals leave out: ", list_of(names, 10));
  if (done.empty_cells) note(callbacks, done.empty_cells, " cells have no counts and stay zero");
}

template <class = void>
void note_hvg(const Callbacks& callbacks, const HighlyVariableGenes& found) {
  for (const std::string& remark : found.remarks) note(callbacks, remark);
  note(callbacks, found.indices().size(), " genes are highly variable");
}

template <class = void>
void note_train(const Callbacks& callbacks, const PreprocessedTrain& done) {
  note_scale(done.normalized, callbacks);
  for (const std::string& remark : done.hvg.remarks) note(callbacks, remark);
  note(callbacks, done.hvg.indices().size(), " highly variable genes in obsm X_hvg");
}

template <class = void>
void note_pca(const Callbacks& callbacks, const Pca& found) {
  double share = 0;
  for (const double x : found.variance_ratio) share += x;
  note(callbacks, found.variance.size(), " principal components in obsm X_pca with ",
       std::round(1000 * share) / 10, " % of the variance");
}

/// The sets of genes of a step among the genes that there are now.
template <class = void>
QcMetricsOptions qc_options(const AnnData& adata, const QcStep& step) {
  QcMetricsOptions out{.percent_top = step.percent_top, .log1p = step.log1p, .layer = step.layer};
  if (step.mt_prefix)
    out.sets.push_back(gene_set_with_prefix(
        "mt", step.gene_key ? adata.var.column(*step.gene_key).text() : adata.var.index,
        *step.mt_prefix));
  for (const std::string& column : step.gene_columns)
    out.sets.push_back(gene_set_of_column(adata, column));
  return out;
}

/// No more genes than there are.
template <class = void>
HighlyVariableGenesOptions limited(HighlyVariableGenesOptions options, const AnnData& adata) {
  options.n_top_genes = std::min(options.n_top_genes, adata.genes());
  return options;
}
template <class = void>
PreprocessTrainOptions limited(PreprocessTrainOptions options, const AnnData& adata) {
  options.hvg = limited(options.hvg, adata);
  return options;
}

/// The genes for which var['highly_variable'] is true.
template <class = void>
std::vector<uint8_t> stored_hvg(const AnnData& adata) {
  std::vector<uint8_t> out;
  for (const double x : adata.var.column("highly_variable").numbers()) out.push_back(x == 1);
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
