#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/keep.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/preprocess/matrix_of.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE

struct KnockdownOptions {
  /// A perturbation stays if its cells' mean of its own gene is below this share of the control's.
  double residual_expression = 0.30;
  /// Of one that stays, a cell does if its own gene is below this share of the control's mean.
  double cell_residual_expression = 0.50;
  size_t min_cells = 30;                  ///< fewer that stay: all cells of the perturbation go
  std::string control = "non-targeting";  ///< the label of control cells, which all stay
  std::string perturbation_key = "target_gene";  ///< of an AnnData: the column of obs with labels
  /// Of an AnnData: the column of var with the names that labels are of. Not given: the index.
  std::optional<std::string> gene_key = {};
  /// Of an AnnData: look at layers[layer] in place of X.
  std::optional<std::string> layer = {};
};

/// What became of a perturbation.
enum class Knockdown {
  kept,
  no_gene,           ///< its label is the name of no gene
  no_expression,     ///< its gene has a mean of at most 1e-8 in the controls
  not_knocked_down,  ///< its cells have too much of its gene
  few_cells          ///< too few cells have little enough of it
};

struct KnockdownFiltered {
  struct Perturbation {
    std::string name;
    Knockdown outcome = Knockdown::kept;
    size_t cells = 0, kept = 0;
    double residual = 0;  ///< mean of its own gene / that of the controls; NaN where there is none
  };
  std::vector<uint8_t> keep;                ///< (cells) 1 where it stays
  std::vector<Perturbation> perturbations;  ///< by name; the control is none of them
  size_t controls = 0;                      ///< cells
  size_t dropped() const { return size_t(std::count(keep.begin(), keep.end(), uint8_t(0))); }
};

namespace detail {

/// The value that each cell has of a gene of its own, from blocks of rows.
struct OwnGene {
  std::span<const int32_t> genes;  // of each cell; -1: none
  std::vector<double> values = {};

  template <class T>
  void add(size_t first_cell, const CsrView<T>& block) {
    values.resize(genes.size());
    for (size_t i = 0; i < block.rows; ++i) {
      const int32_t gene = genes[first_cell + i];
      if (gene < 0) continue;
      const auto row = block.row_indices(i);
      const auto at = std::lower_bound(row.begin(), row.end(), gene);
      if (at != row.end() && *at == gene)
        values[first_cell + i] = double(block.row_values(i)[size_t(at - row.begin())]);
    }
  }
};

/// The gene of each label; -1 where it is none.
template <class = void>
std::vector<int32_t> genes_of_labels(const Factor& labels, const std::vector<std::string>& genes,
                                     const std::string& control) {
  const NamePlaces places(genes);
  std::vector<int32_t> out;
  for (const std::string& name : labels.names) {
    const auto place = name == control ? std::nullopt : places.find(name);
    if (place && places.repeats(name))
      throw ConfigError(message("filter_on_target_knockdown: two genes are called ", quoted(name),
                                ", which is a perturbation; make the names unique"));
    out.push_back(place ? int32_t(*place) : -1);
  }
  return out;
}

template <class = void>
void check_knockdown(const Factor& labels, const KnockdownOptions& options) {
  if (std::find(labels.codes.begin(), labels.codes.end(), -1) != labels.codes.end())
    throw ConfigError("filter_on_target_knockdown: there are cells without a label");
  if (labels.code(options.control) < 0)
    throw ConfigError(message("filter_on_target_knockdown: no cell has the control label ",
                              quoted(options.control), "; the labels are ",
                              list_of(labels.names, 40)));
  for (const double x : {options.residual_expression, options.cell_residual_expression})
    if (!(x >= 0))
      throw ConfigError(message("filter_on_target_knockdown: a residual expression is ", x,
                                ", expected 0 or more"));
}

}  // namespace detail

/// Keeps the cells in which a knock-down worked: perturbations whose cells have little of their own
/// gene, and of these the cells that do, as cell-load's function of this name does. With x_c the
/// value that a cell c has of the gene that it is labelled with, and m the mean of the control
/// cells, a perturbation stays if mean_c x_c / m < residual_expression; its cells stay if
/// x_c / m < cell_residual_expression, and if they are at least min_cells. X is looked at as it is,
/// in one pass: counts or normalised counts, no logarithms.
///
/// @param X       (cells, genes), a Matrix or anything that is read in row blocks
/// @param genes   the names of X's columns
/// @param labels  the perturbation of every cell
/// @throws ConfigError if no cell is a control, a cell has no label, a threshold is below 0, or two
///         genes have the name of a perturbation; ShapeError if names or labels do not fit X
template <class S>
requires RowSource<S, float> KnockdownFiltered
filter_on_target_knockdown(const S& X, const std::vector<std::string>& genes, const Factor& labels,
                           const KnockdownOptions& options = {}) {
  check_size_match("filter_on_target_knockdown", "labels", labels.size(), "cells", X.rows());
  check_size_match("filter_on_target_knockdown", "names", genes.size(), "genes", X.columns());
  detail::check_knockdown(labels, options);
  const int32_t control = labels.code(options.control);
  const auto gene_of = detail::genes_of_labels(labels, genes, options.control);
  std::vector<int32_t> own_gene, group;  // of the cells; 0: control, -1: none
  for (const int32_t code : labels.codes) {
    own_gene.push_back(gene_of[size_t(code)]);
    group.push_back(code == control ? 0 : -1);
  }
  detail::OwnGene own{own_gene, std::vector<double>(X.rows())};
  const auto control_sums = with_value_type<std::vector<double>>(X, [&]<class T>() {
    auto sums = per_gene<double>(X.columns(),
                                 each_value([](double& sum, T x) { sum += double(x); }), {group});
    accumulate<T>(X, own, sums);
    return std::vector<double>(sums.of_group(0).begin(), sums.of_group(0).end());
  });

  const size_t n = labels.names.size();
  std::vector<size_t> cells(n), low(n);
  std::vector<double> sums(n), means(n);  // of the own gene; of the controls
  for (size_t cell = 0; cell < own.values.size(); ++cell) {
    ++cells[size_t(labels.codes[cell])];
    sums[size_t(labels.codes[cell])] += own.values[cell];
  }
  const size_t controls = cells[size_t(control)];
  for (size_t p = 0; p < n; ++p)
    if (gene_of[p] >= 0) means[p] = control_sums[size_t(gene_of[p])] / double(controls);
  const auto is_low = [&](size_t cell) {
    const double mean = means[size_t(labels.codes[cell])];
    return own.values[cell] / mean < options.cell_residual_expression;
  };
  for (size_t cell = 0; cell < own.values.size(); ++cell)
    low[size_t(labels.codes[cell])] += is_low(cell);

  KnockdownFiltered out;
  out.controls = controls;
  std::vector<uint8_t> stays(n, 0);
  for (size_t p = 0; p < n; ++p) {
    if (p == size_t(control)) continue;
    KnockdownFiltered::Perturbation found{labels.names[p], Knockdown::kept, cells[p], 0,
                                          std::numeric_limits<double>::quiet_NaN()};
    const bool has_mean = std::abs(means[p]) > 1e-8;
    if (has_mean) found.residual = sums[p] / double(cells[p]) / means[p];
    found.outcome = gene_of[p] < 0                                    ? Knockdown::no_gene
                    : !has_mean                                       ? Knockdown::no_expression
                    : !(found.residual < options.residual_expression) ? Knockdown::not_knocked_down
                    : low[p] < options.min_cells                      ? Knockdown::few_cells
                                                                      : Knockdown::kept;
    stays[p] = found.outcome == Knockdown::kept;
    if (stays[p]) found.kept = low[p];
    out.perturbations.push_back(std::move(found));
  }
  for (size_t cell = 0; cell < own.values.size(); ++cell) {
    const int32_t code = labels.codes[cell];
    out.keep.push_back(code == control || (stays[size_t(code)] && is_low(cell)));
  }
  return out;
}

namespace detail {

template <class S>
KnockdownFiltered filter_on_target_knockdown(const AnnData& adata, const S& X,
                                             const KnockdownOptions& options) {
  const auto labels = factor(adata.obs.column(options.perturbation_key));
  if (!options.gene_key)
    return vcell::filter_on_target_knockdown(X, adata.var.index, labels, options);
  return vcell::filter_on_target_knockdown(X, adata.var.column(*options.gene_key).text(), labels,
                                           options);
}

}  // namespace detail

/// The same, and drops the cells that do not stay from every part of adata.
/// @throws ConfigError also if a column or the matrix is not there
template <class = void>
KnockdownFiltered filter_on_target_knockdown(AnnData& adata, const KnockdownOptions& options = {}) {
  const char* function = "filter_on_target_knockdown";
  const Matrix& X = options.layer ? detail::layer_of(function, adata, *options.layer)
                                  : detail::matrix_of(function, adata);
  auto out = detail::filter_on_target_knockdown(adata, X, options);
  if (out.dropped()) keep_cells(adata, out.keep);
  return out;
}

/// The same with X apart from adata, which has none.
/// @throws ConfigError as above
template <class S>
KnockdownFiltered filter_on_target_knockdown(AnnData& adata, SelectedRows<S>& X,
                                             const KnockdownOptions& options = {}) {
  auto out = detail::filter_on_target_knockdown(adata, X, options);
  if (out.dropped()) keep_cells(adata, out.keep);
  X.keep_rows(out.keep);
  return out;
}

VCELL_END_NAMESPACE
