#pragma once

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/eval/benjamini_hochberg.hpp"
#include "vcell/eval/gene_panel.hpp"
#include "vcell/eval/rank_sum.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

struct DifferentialExpressionOptions {
  /// Added to both means in log2_fold_change and to the reference's in percent_change. 1e-9 is
  /// pdex's; with 0, which is cell-eval's, a gene seen on one side only has an infinite fold
  /// change.
  double epsilon = 1e-9;
  /// Whether X holds log1p values; false: counts.
  bool is_log1p = true;
  /// Means are geometric, expm1(mean(log1p(counts))); false: arithmetic means of counts.
  bool geometric_mean = true;
  /// Watches, told of genes, and may stop.
  Progress progress = {};
};

/// Every gene of every perturbation against the control: a table with a row per (target, feature),
/// in that order, and pdex's columns. Means are in the space of counts and float32, as pdex has
/// them for float32 data.
struct DifferentialExpression {
  std::vector<std::string> targets;       ///< perturbations, sorted; the control is not one
  std::vector<std::string> features;      ///< genes, in the order of X
  std::vector<size_t> target_membership;  ///< (targets) cells
  size_t ref_membership = 0;              ///< cells of the control
  Tensor<float, 2> target_mean;           ///< (targets, features)
  Tensor<float, 1> ref_mean;              ///< (features)
  Tensor<double, 2> log2_fold_change;     ///< log2((target_mean + e) / (ref_mean + e)); 0/0: 0
  Tensor<double, 2> percent_change;       ///< (target_mean - ref_mean) / (ref_mean + e); 0/0: 0
  Tensor<double, 2> p_value;              ///< of the rank-sum test, see rank_sum_p_value
  Tensor<double, 2> statistic;            ///< U of the target's cells
  Tensor<double, 2> fdr;                  ///< Benjamini-Hochberg over the genes of one target
};

namespace detail {

template <class = void>
double log2_fold_change(double mean, double reference, double epsilon) {
  const double a = mean + epsilon, b = reference + epsilon;
  return a == 0 && b == 0 ? 0 : std::log2(a / b);
}

template <class = void>
double percent_change(double mean, double reference, double epsilon) {
  const double change = mean - reference, b = reference + epsilon;
  return change == 0 && b == 0 ? 0 : change / b;
}

/// Groups of at least one cell in the order of their names, the reference among them.
struct ExpressionGroups {
  std::vector<int32_t> of_cell;  // -1: no group
  std::vector<std::string> names;
  std::vector<uint32_t> sizes;
  std::vector<float> weights;  // 1 / sizes
  size_t reference = 0;
};

template <class = void>
ExpressionGroups expression_groups(const Factor& groups, const std::string& reference) {
  std::vector<uint32_t> sizes(groups.names.size(), 0);
  for (int32_t code : groups.codes)
    if (code >= 0) ++sizes[size_t(code)];
  const int32_t control = groups.code(reference);
  if (control < 0 || sizes[size_t(control)] == 0)
    throw ConfigError(message("differential_expression: no cell is labelled ", quoted(reference),
                              ", the reference; the labels are ", list_of(groups.names)));
  ExpressionGroups out;
  std::vector<int32_t> place(groups.names.size(), -1);
  for (size_t g = 0; g < groups.names.size(); ++g) {
    if (sizes[g] == 0) continue;
    if (g == size_t(control)) out.reference = out.names.size();
    place[g] = int32_t(out.names.size());
    out.names.push_back(groups.names[g]);
    out.sizes.push_back(sizes[g]);
    out.weights.push_back(float(1.0 / sizes[g]));
  }
  out.of_cell.reserve(groups.size());
  for (int32_t code : groups.codes) out.of_cell.push_back(code < 0 ? -1 : place[size_t(code)]);
  return out;
}

template <class = void>
void check_expression(CsrView<float> X, std::span<const std::string> genes, bool is_log1p) {
  for (size_t cell = 0; cell < X.rows; ++cell)
    for (size_t k = 0; k < X.row_size(cell); ++k)
      if (const float x = X.row_values(cell)[k]; !std::isfinite(x) || (x < 0 && !is_log1p))
        throw ConfigError(message("differential_expression: X[", cell, ", ",
                                  quoted(genes[size_t(X.row_indices(cell)[k])]), "] is ", x,
                                  ", expected a finite ", is_log1p ? "number" : "count"));
}

/// Sums x / n over the n cells of each group, in float32 and in the order of the cells: then means
/// are those of pdex to the last bit.
/// @param values  keys of one gene, as GenePanel has them
/// @param shares  room to work in
template <class Transform>
void mean_values(std::span<const uint64_t> values, const ExpressionGroups& groups,
                 Transform&& transform, std::vector<float>& shares, std::vector<float>& means) {
  // A pass of its own: a compiler that sees x / n beside the sum rounds both at once.
  shares.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    shares[i] =
        transform(value_of_key(uint32_t(values[i] >> 32))) * groups.weights[uint32_t(values[i])];
  means.assign(groups.sizes.size(), 0.0f);
  for (size_t i = 0; i < values.size(); ++i) means[uint32_t(values[i])] += shares[i];
}

/// Fills one gene's column of the table.
template <class = void>
void write_gene(DifferentialExpression& out, size_t gene, const ExpressionGroups& groups,
                const std::vector<float>& means, const RankSweep& sweep, double epsilon) {
  const size_t n_reference = groups.sizes[groups.reference];
  const float reference = means[groups.reference];
  out.ref_mean(gene) = reference;
  for (size_t g = 0, t = 0; g < groups.names.size(); ++g) {
    if (g == groups.reference) continue;
    const auto& group = sweep.group(g);
    const double u = double(group.twice_u) / 2;
    out.target_mean(t, gene) = means[g];
    out.log2_fold_change(t, gene) = log2_fold_change(means[g], reference, epsilon);
    out.percent_change(t, gene) = percent_change(means[g], reference, epsilon);
    out.statistic(t, gene) = u;
    out.p_value(t, gene) = rank_sum_p_value(u, groups.sizes[g], n_reference,
                                            sweep.reference_ties() + group.added_ties);
    ++t;
  }
}

}  // namespace detail

/// Differential expression of every group of cells against a reference, gene by gene, with the
/// Wilcoxon rank-sum test (pdex's mode "ref"; the formulas are at rank_sum_p_value and
/// DifferentialExpression). Cells without a label take no part.
///
/// @param X          (cells, genes), log1p values or counts as the options say; every value finite,
///                   counts not negative
/// @param genes      (genes) names
/// @param groups     the perturbation of each cell
/// @param reference  the control's name
/// @return           the same bytes for any number of threads; another order of the cells changes
///                   means by float32 rounding, nothing else
/// @throws ShapeError if sizes do not fit
/// @throws ConfigError if no cell is a reference, or a value is not finite or a count below 0;
///         Stopped if the progress callback asks for it
template <class = void>
DifferentialExpression differential_expression(CsrView<float> X, std::span<const std::string> genes,
                                               const Factor& groups, const std::string& reference,
                                               const DifferentialExpressionOptions& options = {}) {
  check_size_match("differential_expression", "columns of X", X.columns, "genes", genes.size());
  check_size_match("differential_expression", "rows of X", X.rows, "labels", groups.size());
  const auto grouped = detail::expression_groups(groups, reference);
  detail::check_expression(X, genes, options.is_log1p);

  DifferentialExpression out;
  out.features.assign(genes.begin(), genes.end());
  out.ref_membership = grouped.sizes[grouped.reference];
  for (size_t g = 0; g < grouped.names.size(); ++g) {
    if (g == grouped.reference) continue;
    out.targets.push_back(grouped.names[g]);
    out.target_membership.push_back(grouped.sizes[g]);
  }
  const Shape<2> shape = {out.targets.size(), genes.size()};
  out.ref_mean = Tensor<float, 1>({genes.size()});
  out.target_mean = Tensor<float, 2>(shape);
  for (auto* column :
       {&out.log2_fold_change, &out.percent_change, &out.p_value, &out.statistic, &out.fdr})
    *column = Tensor<double, 2>(shape);

  // What is averaged: log1p of counts for geometric means, counts for arithmetic ones.
  const auto transform = [&options](float x) {
    if (options.is_log1p == options.geometric_mean) return x;
    return options.is_log1p ? std::expm1(x) : std::log1p(x);
  };
  const auto measure = [&](size_t first, size_t last) {
    GenePanel panel;
    panel.fill(X, grouped.of_cell, first, last);
    RankSweep sweep(grouped.sizes, grouped.reference);
    std::vector<uint64_t> keys, scratch;
    std::vector<float> shares, means;
    for (size_t gene = first; gene < last; ++gene) {
      const auto values = panel.gene(gene - first);
      keys.assign(values.begin(), values.end());
      sort_keys(keys, scratch);
      sweep.run(keys);
      detail::mean_values(values, grouped, transform, shares, means);
      if (options.geometric_mean)
        for (float& mean : means) mean = std::expm1(mean);
      detail::write_gene(out, gene, grouped, means, sweep, options.epsilon);
    }
  };
  parallel_for_watched(genes.size(), GenePanel::width(genes.size(), X.values.size()), measure,
                       options.progress, "differential expression");
  parallel_for(out.targets.size(), 1, [&](size_t first, size_t last) {
    for (size_t t = first; t < last; ++t)
      benjamini_hochberg({out.p_value[t].data, genes.size()}, {out.fdr[t].data, genes.size()});
  });
  return out;
}

VCELL_END_NAMESPACE
