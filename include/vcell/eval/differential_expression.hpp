#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/name_places.hpp"
#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/eval/benjamini_hochberg.hpp"
#include "vcell/eval/expression_columns.hpp"
#include "vcell/eval/expression_groups.hpp"
#include "vcell/eval/fdr_steps.hpp"
#include "vcell/eval/fold_change.hpp"
#include "vcell/eval/gene_measure.hpp"
#include "vcell/eval/gene_panel.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// 0 .. n - 1.
template <class = void>
std::vector<size_t> places(size_t n) {
  std::vector<size_t> out(n);
  std::iota(out.begin(), out.end(), size_t(0));
  return out;
}

/// The place of each target's own gene; nothing where it has none.
template <class = void>
std::vector<std::optional<size_t>> own_genes(const ExpressionGroups& groups,
                                             std::span<const std::string> genes) {
  const NamePlaces places(genes);
  std::vector<std::optional<size_t>> out;
  for (size_t t = 0; t < groups.targets.size(); ++t)
    out.push_back(places.find(groups.own_genes.empty() ? groups.targets[t] : groups.own_genes[t]));
  return out;
}

/// Which genes a table is of, ascending: all; in mode on_target those that are a target's own.
template <class = void>
std::vector<size_t> table_genes(const ExpressionGroups& groups, std::span<const std::string> genes,
                                ExpressionMode mode) {
  if (mode != ExpressionMode::on_target) return places(genes.size());
  std::vector<uint8_t> is_own(genes.size(), 0);
  for (const auto& own : own_genes(groups, genes))
    if (own) is_own[*own] = 1;
  std::vector<size_t> out;
  for (size_t g = 0; g < genes.size(); ++g)
    if (is_own[g]) out.push_back(g);
  return out;
}

/// @param targets  places in groups.targets
template <class = void>
ExpressionNames expression_names(const ExpressionGroups& groups, std::span<const size_t> targets,
                                 std::span<const std::string> genes, ExpressionMode mode) {
  ExpressionNames out;
  for (const size_t g : table_genes(groups, genes, mode)) out.features.push_back(genes[g]);
  out.against_others = mode == ExpressionMode::all;
  out.ref_membership = groups.reference.size();
  if (out.against_others)
    for (const auto& rows : groups.rows) out.ref_membership += rows.size();
  for (const size_t target : targets) {
    out.targets.push_back(groups.targets[target]);
    out.target_membership.push_back(groups.rows[target].size());
  }
  return out;
}

/// @param rows  those to look at
template <class = void>
void check_expression(CsrView<float> X, std::span<const std::string> genes,
                      std::span<const size_t> rows, bool is_log1p) {
  for (const size_t cell : rows)
    for (size_t k = 0; k < X.row_size(cell); ++k)
      if (const float x = X.row_values(cell)[k]; !std::isfinite(x) || (x < 0 && !is_log1p))
        throw ConfigError(message("differential_expression: X[", cell, ", ",
                                  quoted(genes[size_t(X.row_indices(cell)[k])]), "] is ", x,
                                  ", expected a finite ", is_log1p ? "number" : "count"));
}

/// @throws ConfigError if the groups cannot be tested as the options say, or these contradict each
///         other
template <class = void>
void check_groups(const ExpressionGroups& groups, std::span<const std::string> genes,
                  const DifferentialExpressionOptions& options) {
  const auto fail = [](const auto&... what) {
    throw ConfigError(message("differential_expression: ", what...));
  };
  if (options.target_sum && options.is_log1p)
    fail("target_sum is ", *options.target_sum,
         " and is_log1p is set, but only counts are scaled; ", "set is_log1p to false");
  if (options.target_sum && !(*options.target_sum > 0 && std::isfinite(*options.target_sum)))
    fail("target_sum is ", *options.target_sum, ", expected a finite number above 0");
  if (!(options.clip_value > 0)) fail("clip_value is ", options.clip_value, ", expected above 0");
  const bool all = options.mode == ExpressionMode::all;
  size_t cells = groups.reference.size();
  if (all)
    for (const auto& rows : groups.rows) cells += rows.size();
  if (all && groups.targets.size() == 1 && groups.reference.empty())
    fail("all cells are ", quoted(groups.targets[0]), ", and mode all compares them with others");
  if (options.test != ExpressionTest::wilcoxon) {
    std::vector<std::string> small;
    for (size_t t = 0; t < groups.targets.size(); ++t)
      if (groups.rows[t].size() < 2 || (all && cells - groups.rows[t].size() < 2))
        small.push_back(groups.targets[t]);
    if (!small.empty())
      fail("a t-test needs two cells on each side, which ", list_of(small),
           " do not have; leave them out, or test by wilcoxon");
    if (!all && groups.reference.size() < 2)
      fail("a t-test needs two cells of the reference, which has ", groups.reference.size());
  }
  if (options.mode == ExpressionMode::on_target && !groups.targets.empty() &&
      table_genes(groups, genes, options.mode).empty())
    fail("mode on_target tests the gene that a target is called after, and none of the targets ",
         list_of(groups.targets), " is a gene of X");
}

/// The rates of p-values, over those of each target or over all, of the rows that are kept.
/// @param steps  of the rates over all rows of a larger table; nullptr: this is all of it
template <class = void>
void fill_fdr(DifferentialExpression& de, const DifferentialExpressionOptions& options,
              const FdrSteps* steps) {
  const size_t targets = de.targets.size(), genes = de.features.size();
  FdrSteps own;
  const bool is_global =
      options.fdr_scope == FdrScope::global || options.mode == ExpressionMode::on_target;
  if (is_global && !steps) {
    std::vector<double> p;
    for (size_t t = 0; t < targets; ++t)
      for (size_t g = 0; g < genes; ++g)
        if (de.has_row(t, g)) p.push_back(de.p_value(t, g));
    own = FdrSteps(std::move(p));
    steps = &own;
  }
  parallel_for(targets, 1, [&](size_t first, size_t last) {
    std::vector<double> p, fdr;
    for (size_t t = first; t < last; ++t) {
      p.clear();
      for (size_t g = 0; g < genes; ++g)
        if (de.has_row(t, g)) p.push_back(de.p_value(t, g));
      fdr.resize(p.size());
      if (is_global)
        std::transform(p.begin(), p.end(), fdr.begin(), *steps);
      else
        benjamini_hochberg(p, fdr);
      for (size_t g = 0, k = 0; g < genes; ++g) {
        double& rate = de.fdr(t, g);
        rate = de.has_row(t, g) ? fdr[k++] : std::numeric_limits<double>::quiet_NaN();
        if (options.float_p) rate = double(float(rate));
      }
    }
  });
}

/// Takes out the genes of which neither a target nor what it is compared with has its share.
/// @param counts  mean counts of groups (first, genes) and of what they are compared with
template <class = void>
void filter_by_cpm(DifferentialExpression& de, const Tensor<double, 2>& counts,
                   const Tensor<double, 2>& others, std::span<const size_t> genes, double least) {
  const auto total = [](View<const double, 1> means) {
    double sum = 0;
    for (size_t g = 0; g < means.shape[0]; ++g) sum += means[g];
    return sum;
  };
  parallel_for(de.targets.size(), 1, [&](size_t first, size_t last) {
    for (size_t t = first; t < last; ++t) {
      const size_t other = others.shape(0) == 1 ? 0 : t;
      const double of_target = total(counts[t]), of_others = total(others[other]);
      for (size_t g = 0; g < genes.size(); ++g)
        if (!(counts(t, genes[g]) / of_target * 1e6 > least) &&
            !(others(other, genes[g]) / of_others * 1e6 > least))
          de.is_kept(t, g) = 0;
    }
  });
}

/// Fills one gene's column of the table.
template <class = void>
void write_gene(DifferentialExpression& out, size_t column, const GeneMeasure& gene,
                const DifferentialExpressionOptions& options) {
  const bool filters = out.is_kept.count() != 0;
  if (!out.against_others) out.ref_mean(0, column) = float(gene.reference_mean(0));
  for (size_t t = 0; t < out.targets.size(); ++t) {
    if (!out.has_row(t, column)) continue;
    const double mean = gene.mean(t + 1), reference = gene.reference_mean(t + 1);
    if (out.against_others) out.ref_mean(t, column) = float(reference);
    out.target_mean(t, column) = float(mean);
    out.log2_fold_change(t, column) = log2_fold_change(mean, reference, options);
    out.percent_change(t, column) = percent_change(mean, reference, options);
    const auto test = gene.test(t + 1);
    out.statistic(t, column) = test.statistic;
    out.p_value(t, column) = options.float_p ? double(float(test.p_value)) : test.p_value;
    if (options.has_z_score) out.z_score(t, column) = test.z;
    if (filters && options.least_ref_mean && !(reference > *options.least_ref_mean))
      out.is_kept(t, column) = 0;
  }
}

/// Differential expression of some targets. What is found of one does not depend on which others
/// there are: against a reference, their cells are neither ranked nor counted with it, and only its
/// cells and those of the reference are read; against all others, these are one heap. Rates over
/// all rows are those of the whole table.
/// @param X        (cells, genes), checked
/// @param targets  places in groups.targets, in the order of the table
/// @param steps    of the rates over all rows, where `targets` are not all
/// @throws Stopped if the progress callback asks for it
template <class = void>
DifferentialExpression differential_expression(CsrView<float> X, std::span<const std::string> genes,
                                               const ExpressionGroups& groups,
                                               std::span<const size_t> targets,
                                               const DifferentialExpressionOptions& options,
                                               const FdrSteps* steps = nullptr) {
  DifferentialExpression out =
      make_expression(expression_names(groups, targets, genes, options.mode));
  out.geometric_mean = options.geometric_mean;
  const Shape<2> shape = {out.targets.size(), out.features.size()};
  const auto in_table = table_genes(groups, genes, options.mode);
  if (options.has_z_score) out.z_score = Tensor<double, 2>(shape);
  const bool on_target = options.mode == ExpressionMode::on_target;
  if (options.cpm_filter || options.least_ref_mean || on_target) {
    out.is_kept = Tensor<uint8_t, 2>(shape);
    std::fill(out.is_kept.values().begin(), out.is_kept.values().end(), on_target ? 0 : 1);
  }
  if (on_target) {
    const auto own = own_genes(groups, genes);
    for (size_t t = 0; t < targets.size(); ++t)
      if (const auto gene = own[targets[t]])
        out.is_kept(t, size_t(std::lower_bound(in_table.begin(), in_table.end(), *gene) -
                              in_table.begin())) = 1;
  }
  constexpr size_t none = ~size_t(0);
  std::vector<size_t> column_of(genes.size(), none);
  for (size_t c = 0; c < in_table.size(); ++c) column_of[in_table[c]] = c;

  const auto cells = compared_cells(X, groups, targets, options);
  Tensor<double, 2> counts, others;
  if (options.cpm_filter) {
    counts = Tensor<double, 2>({shape[0], genes.size()});
    others = Tensor<double, 2>({out.ref_mean.shape(0), genes.size()});
  }
  std::vector<uint32_t> cell_places;
  if (options.target_sum)
    for (size_t i = 0; i < cells.rows.size(); ++i) cell_places.push_back(uint32_t(i));
  const auto measure = [&](size_t first, size_t last) {
    GenePanel panel;
    GeneMeasure one(cells, options);
    panel.fill(X, cells.rows, one.names_cells() ? cell_places : cells.groups, first, last);
    for (size_t gene = first; gene < last; ++gene) {
      if (column_of[gene] == none && !options.cpm_filter) continue;
      one.run(panel.gene(gene - first));
      if (column_of[gene] != none) write_gene(out, column_of[gene], one, options);
      if (!options.cpm_filter) continue;
      for (size_t t = 0; t < shape[0]; ++t) {
        std::tie(counts(t, gene), others(others.shape(0) == 1 ? 0 : t, gene)) =
            one.mean_counts(t + 1);
      }
    }
  };
  parallel_for_watched(genes.size(), GenePanel::width(genes.size(), cells.stored), measure,
                       options.progress, "differential expression");
  if (options.cpm_filter) filter_by_cpm(out, counts, others, in_table, *options.cpm_filter);
  fill_fdr(out, options, steps);
  return out;
}

}  // namespace detail

/// Differential expression of every group of cells against a reference or against all other cells,
/// gene by gene (the formulas are at rank_sum_z, welch_t_test and DifferentialExpression; what is
/// compared and how: the options, or expression_preset). Cells without a label take no part.
///
/// @param X          (cells, genes), log1p values or counts as the options say; every value finite,
///                   counts not negative
/// @param genes      (genes) names
/// @param groups     the perturbation of each cell
/// @param reference  the control's name; not used in mode all
/// @return           the same bytes for any number of threads; another order of the cells changes
///                   means by rounding, nothing else
/// @throws ShapeError if sizes do not fit
/// @throws ConfigError if no cell is a reference, a value is not finite or a count below 0, the
///         options contradict each other, a group is too small for a t-test, or in mode on_target
///         no target is a gene; Stopped if the progress callback asks for it
template <class = void>
DifferentialExpression differential_expression(CsrView<float> X, std::span<const std::string> genes,
                                               const Factor& groups, const std::string& reference,
                                               const DifferentialExpressionOptions& options = {}) {
  check_size_match("differential_expression", "columns of X", X.columns, "genes", genes.size());
  check_size_match("differential_expression", "rows of X", X.rows, "labels", groups.size());
  const auto cells = detail::places(X.rows);
  const auto grouped = options.mode == ExpressionMode::all
                           ? expression_groups_of_all(groups, cells, options.unlabelled_are_others)
                           : expression_groups(groups, reference, cells);
  detail::check_groups(grouped, genes, options);
  detail::check_expression(X, genes, cells, options.is_log1p);
  return detail::differential_expression(X, genes, grouped, detail::places(grouped.targets.size()),
                                         options);
}

VCELL_END_NAMESPACE
