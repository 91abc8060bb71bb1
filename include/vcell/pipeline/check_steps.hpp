#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "vcell/pipeline/preprocess_steps.hpp"
#include "vcell/sets/near_names.hpp"
#include "vcell/train/choices.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What is known of cells before any of their values is read: which columns they will have, and
/// what X will be, when a step comes.
struct StepCheck {
  const AnnData& adata;  // all but X
  std::vector<std::string> obs, var;
  bool log1p = false;

  template <class = void>
  explicit StepCheck(const AnnData& a)
      : adata(a), obs(a.obs.names()), var(a.var.names()), log1p(says_log1p("run_steps", a)) {}

  template <class = void>
  static void need(const char* step, const char* table, const std::vector<std::string>& names,
                   const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw ConfigError(message(step, ": there is no ", table, " column ", quoted(name), "; ",
                                names_there({name}, names)));
  }
  void need_obs(const char* step, const std::string& name) const { need(step, "obs", obs, name); }
  void need_var(const char* step, const std::string& name) const { need(step, "var", var, name); }
  template <class = void>
  void need_layer(const char* step, const std::optional<std::string>& layer) const {
    if (layer) layer_of(step, adata, *layer);
  }
  template <class = void>
  void need_counts(const char* step) const {
    if (log1p)
      throw ConfigError(message(step,
                                ": X is log1p by then, expected counts; put this step before ",
                                "the logarithm, or leave one of them out"));
  }
  template <class = void>
  void need_control(const char* step, const std::string& key, const std::string& control) const {
    need_obs(step, key);
    if (!adata.obs.has(key)) return;  // made by a step
    const Factor labels = factor(adata.obs.column(key));
    if (labels.code(control) < 0)
      throw ConfigError(message(step, ": no cell has the control label ", quoted(control),
                                " in obs column ", quoted(key), "; ",
                                names_there({control}, labels.names)));
  }

  void operator()(const FilterCellsOptions& o) {
    threshold_of(o);
    obs.push_back(o.min_counts || o.max_counts ? "n_counts" : "n_genes");
  }
  void operator()(const FilterGenesOptions& o) {
    threshold_of(o);
    var.push_back(o.min_counts || o.max_counts ? "n_counts" : "n_cells");
  }
  void operator()(const QcStep& o) {
    const char* step = "qc_metrics";
    need_layer(step, o.layer);
    if (o.gene_key) need_var(step, *o.gene_key);
    for (const std::string& column : o.gene_columns) need_var(step, column);
    if (o.mt_prefix && (!o.gene_key || adata.var.has(*o.gene_key)))
      gene_set_with_prefix(
          "mt", o.gene_key ? adata.var.column(*o.gene_key).text() : adata.var.index, *o.mt_prefix);
    check_qc_options({.percent_top = o.percent_top}, adata.genes());
    // The very columns: of a table of as many sets and numbers, without cells and genes.
    AnnData none;
    QcMetrics found;
    for (const size_t n : o.percent_top) found.top.push_back({n, {}});
    if (o.mt_prefix) found.sets.push_back({"mt", {}, {}});
    for (const std::string& column : o.gene_columns) found.sets.push_back({column, {}, {}});
    store_qc_metrics(none, found, {.log1p = o.log1p});
    for (const std::string& name : none.obs.names()) obs.push_back(name);
    for (const std::string& name : none.var.names()) var.push_back(name);
  }
  void operator()(const KnockdownOptions& o) {
    const char* step = "filter_on_target_knockdown";
    need_layer(step, o.layer);
    need_control(step, o.perturbation_key, o.control);
    if (o.gene_key) need_var(step, *o.gene_key);
    if (adata.obs.has(o.perturbation_key))
      check_knockdown(factor(adata.obs.column(o.perturbation_key)), o);
  }
  void operator()(const DownsampleCellsOptions& o) {
    check_positive("downsample_cells", "cells", o.cells);
    for (const std::string& key : o.group_keys) need_obs("downsample_cells", key);
  }
  void operator()(const DownsampleCountsOptions& o) {
    check_downsample(o);
    need_counts("downsample_counts");
  }
  void operator()(const NormalizeTotalOptions& o) {
    const char* step = "normalize_total";
    check_total_options(o);
    need_layer(step, o.layer);
    if (!o.layer) need_counts(step);
    if (o.key_added) obs.push_back(*o.key_added);
  }
  void operator()(const Log1pStep&) {
    need_counts("log1p");
    log1p = true;
  }
  void operator()(const HighlyVariableGenesOptions& o) {
    const char* step = "highly_variable_genes";
    check_hvg(step, o);
    const bool of_counts = o.flavor == HvgFlavor::seurat_v3;
    if (!o.layer && of_counts) need_counts(step);
    if (!o.layer && !of_counts && !log1p)
      throw ConfigError(message(step, ": flavor ", name_of_choice(o.flavor), " works on log1p ",
                                "data, and X is not log1p by then; put it after log1p"));
  }
  void operator()(const StoreHvgStep&) { need_var("store_hvg", "highly_variable"); }
  void operator()(const PreprocessTrainOptions& o) {
    const char* step = "preprocess_train";
    if (!o.scale || *o.scale == Scale::log1p) {
      log1p |= o.scale.has_value();
      need_counts(step);
    }
    check_total_options(total_options(o));
    check_hvg(step, o.hvg);
    log1p = true;
  }
  void operator()(const RegressOutStep& o) {
    const char* step = "regress_out";
    if (o.keys.empty())
      throw ConfigError("regress_out: keys is empty, expected one obs column at least");
    for (const std::string& key : o.keys) {
      need_obs(step, key);
      if (!adata.obs.has(key)) continue;
      const Column& column = adata.obs.column(key);
      if (o.keys.size() > 1 && (column.is_categorical() || column.values().is_text()))
        throw ConfigError(message(step, ": obs column ", quoted(key), " is categorical and one of ",
                                  o.keys.size(), ", expected it alone, or numbers only"));
    }
  }
  void operator()(const ScaleGenesOptions& o) {
    check_max_value(o);
    need_layer("scale_genes", o.layer);
    var.insert(var.end(), {"mean", "std"});
  }
  void operator()(const PcaOptions& o) {
    need_layer("pca", o.layer);
    if (o.gene_mask) need_var("pca", *o.gene_mask);
    const size_t rank = std::min(adata.genes(), adata.cells() ? adata.cells() - 1 : 0);
    if (o.components == 0 || o.components > rank)
      throw ConfigError(message("pca: components is ", o.components, ", expected 1 .. ", rank,
                                ", the least of genes and cells less one"));
  }
  void operator()(const PreprocessInferOptions& o) {
    const char* step = "preprocess_infer";
    need_control(step, o.perturbation_key, o.control);
    for (const std::string& key : o.context_keys) need_obs(step, key);
    obs.push_back("template_cell");
  }

  template <class = void>
  void check_hvg(const char* step, const HighlyVariableGenesOptions& o) {
    check_positive(step, "n_top_genes", o.n_top_genes);
    check_positive(step, "n_bins", o.n_bins);
    need_layer(step, o.layer);
    if (o.batch_key) need_obs(step, *o.batch_key);
    if (o.cut_offs && o.flavor == HvgFlavor::seurat_v3)
      throw ConfigError(message(step, ": flavor seurat_v3 ranks genes and has no cut-offs; give ",
                                "n_top_genes alone, or take another flavor"));
    var.push_back("highly_variable");
  }
};

/// Calls f, and says in an error which step it is of.
/// @param from  what the list is called, as its file; empty: errors stay as they are
template <class F>
void in_step(const std::string& from, size_t step, F&& f) {
  try {
    f();
  } catch (const ConfigError& error) {
    if (from.empty()) throw;
    throw ConfigError(message(from, ", step ", step + 1, ": ", error.what()));
  }
}

}  // namespace detail

/// Checks all that can be known of a list of steps before a value of X is read: columns and layers
/// that they name (also those that steps before them make), options, and that X is counts or log1p
/// where it has to be.
/// @param adata  whether it has X does not matter
/// @param from   what the list is called, as its file; errors then say which step they are of
/// @throws ConfigError naming the first step that cannot be done
template <class = void>
void check_steps(const AnnData& adata, const PreprocessSteps& steps, const std::string& from = {}) {
  if (steps.empty()) throw ConfigError("run_steps: there are no steps, expected one at least");
  detail::StepCheck check(adata);
  for (size_t i = 0; i < steps.size(); ++i)
    detail::in_step(from, i, [&] { std::visit(check, steps[i]); });
}

VCELL_END_NAMESPACE
