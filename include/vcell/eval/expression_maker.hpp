#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/eval/benjamini_hochberg.hpp"
#include "vcell/eval/expression_columns.hpp"
#include "vcell/eval/expression_groups.hpp"
#include "vcell/eval/fdr_steps.hpp"
#include "vcell/eval/fold_change.hpp"
#include "vcell/eval/gene_measure.hpp"

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

/// A table that is made gene by gene, in any order and by several threads.
class ExpressionMaker {
 public:
  /// @param all_genes         of X
  /// @param targets           places in groups.targets
  /// @param options, cells    borrowed; cells are those of the targets
  template <class = void>
  ExpressionMaker(std::span<const std::string> all_genes, const ExpressionGroups& groups,
                  std::span<const size_t> targets, const DifferentialExpressionOptions& options,
                  const ComparedCells& cells);

  /// Whether the table needs to know of a gene of X.
  bool is_wanted(size_t gene) const {
    return column_of_[gene] != none || options_.cpm_filter.has_value();
  }
  /// Measures a gene and writes what is found.
  /// @param keys  the gene's values, see GeneMeasure::run
  template <class = void>
  void put(size_t gene, std::span<const uint64_t> keys, GeneMeasure& one);
  /// The table, when all genes that are wanted were put.
  /// @param steps  of the rates over all rows of a larger table; nullptr: this is all of it
  template <class = void>
  DifferentialExpression finish(const FdrSteps* steps = nullptr);

  /// What a panel is filled with beside values: groups of the cells, or their places.
  std::span<const uint32_t> labels() const {
    return options_.target_sum ? cell_places_ : cells_.groups;
  }

 private:
  static constexpr size_t none = ~size_t(0);

  const DifferentialExpressionOptions& options_;
  const ComparedCells& cells_;
  DifferentialExpression out_;
  std::vector<size_t> in_table_, column_of_;  // genes of X by column, and the other way
  std::vector<uint32_t> cell_places_;
  Tensor<double, 2> counts_, others_;  // mean counts, for the CPM filter
};

template <class>
ExpressionMaker::ExpressionMaker(std::span<const std::string> all_genes,
                                 const ExpressionGroups& groups, std::span<const size_t> targets,
                                 const DifferentialExpressionOptions& options,
                                 const ComparedCells& cells)
    : options_(options),
      cells_(cells),
      out_(make_expression(expression_names(groups, targets, all_genes, options.mode))),
      in_table_(table_genes(groups, all_genes, options.mode)),
      column_of_(all_genes.size(), none) {
  out_.geometric_mean = options.geometric_mean;
  const Shape<2> shape = {out_.targets.size(), out_.features.size()};
  if (options.has_z_score) out_.z_score = Tensor<double, 2>(shape);
  for (size_t c = 0; c < in_table_.size(); ++c) column_of_[in_table_[c]] = c;
  const bool on_target = options.mode == ExpressionMode::on_target;
  if (options.cpm_filter || options.least_ref_mean || on_target) {
    out_.is_kept = Tensor<uint8_t, 2>(shape);
    std::fill(out_.is_kept.values().begin(), out_.is_kept.values().end(), on_target ? 0 : 1);
  }
  if (on_target) {
    const auto own = own_genes(groups, all_genes);
    for (size_t t = 0; t < targets.size(); ++t)
      if (const auto gene = own[targets[t]]) out_.is_kept(t, column_of_[*gene]) = 1;
  }
  if (options.cpm_filter) {
    counts_ = Tensor<double, 2>({shape[0], all_genes.size()});
    others_ = Tensor<double, 2>({out_.ref_mean.shape(0), all_genes.size()});
  }
  if (options.target_sum)
    for (size_t i = 0; i < cells.rows.size(); ++i) cell_places_.push_back(uint32_t(i));
}

template <class>
void ExpressionMaker::put(size_t gene, std::span<const uint64_t> keys, GeneMeasure& one) {
  one.run(keys);
  if (column_of_[gene] != none) write_gene(out_, column_of_[gene], one, options_);
  if (!options_.cpm_filter) return;
  for (size_t t = 0; t < out_.targets.size(); ++t) {
    const auto counts = one.mean_counts(t + 1);
    counts_(t, gene) = counts.first;
    others_(others_.shape(0) == 1 ? 0 : t, gene) = counts.second;
  }
}

template <class>
DifferentialExpression ExpressionMaker::finish(const FdrSteps* steps) {
  if (options_.cpm_filter) filter_by_cpm(out_, counts_, others_, in_table_, *options_.cpm_filter);
  fill_fdr(out_, options_, steps);
  return std::move(out_);
}

}  // namespace detail
VCELL_END_NAMESPACE
