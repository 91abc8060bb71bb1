#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/eval/benjamini_hochberg.hpp"
#include "vcell/eval/expression_groups.hpp"
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

/// What the rows of a table of differential expression are of: one for each pair of a target and a
/// feature, in that order.
struct ExpressionNames {
  std::vector<std::string> targets;       ///< perturbations, sorted; the control is not one
  std::vector<std::string> features;      ///< genes, in the order of X
  std::vector<size_t> target_membership;  ///< (targets) cells
  size_t ref_membership = 0;              ///< cells of the control
};

/// The names of a table of some of the targets.
/// @param targets  places in names.targets
template <class = void>
ExpressionNames select_names(const ExpressionNames& names, std::span<const size_t> targets) {
  ExpressionNames out{{}, names.features, {}, names.ref_membership};
  for (const size_t target : targets) {
    out.targets.push_back(names.targets[target]);
    out.target_membership.push_back(names.target_membership[target]);
  }
  return out;
}

/// Every gene of every perturbation against the control: a table with a row per (target, feature),
/// in that order, and pdex's columns. Means are in the space of counts and float32, as pdex has
/// them for float32 data.
struct DifferentialExpression : ExpressionNames {
  bool geometric_mean = true;          ///< DifferentialExpressionOptions::geometric_mean
  Tensor<float, 2> target_mean;        ///< (targets, features)
  Tensor<float, 1> ref_mean;           ///< (features)
  Tensor<double, 2> log2_fold_change;  ///< log2((target_mean + e) / (ref_mean + e)); 0/0: 0
  Tensor<double, 2> percent_change;    ///< (target_mean - ref_mean) / (ref_mean + e); 0/0: 0
  Tensor<double, 2> p_value;           ///< of the rank-sum test, see rank_sum_p_value
  Tensor<double, 2> statistic;         ///< U of the target's cells
  Tensor<double, 2> fdr;               ///< Benjamini-Hochberg over the genes of one target
  /// 1 where the table has a row of a target and a feature, 0 where a filter took it out; no
  /// elements: it has all of them.
  Tensor<uint8_t, 2> is_kept;

  bool has_row(size_t target, size_t feature) const {
    return is_kept.count() == 0 || is_kept(target, feature);
  }
};

/// Calls f(tensor...) for every column that has a number for each (target, feature), with that of
/// each of some DifferentialExpressions, const or not.
template <class F, class... Tables>
void for_each_column(F&& f, Tables&... de) {
  f(de.target_mean...);
  f(de.log2_fold_change...);
  f(de.percent_change...);
  f(de.p_value...);
  f(de.statistic...);
  f(de.fdr...);
}

/// A table of these rows whose numbers are 0.
template <class = void>
DifferentialExpression make_expression(ExpressionNames names) {
  DifferentialExpression out;
  static_cast<ExpressionNames&>(out) = std::move(names);
  const Shape<2> shape = {out.targets.size(), out.features.size()};
  out.ref_mean = Tensor<float, 1>({shape[1]});
  for_each_column([&]<class T>(Tensor<T, 2>& column) { column = Tensor<T, 2>(shape); }, out);
  return out;
}

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

/// 0 .. n - 1.
template <class = void>
std::vector<size_t> places(size_t n) {
  std::vector<size_t> out(n);
  std::iota(out.begin(), out.end(), size_t(0));
  return out;
}

/// @param targets  places in groups.targets
template <class = void>
ExpressionNames expression_names(const ExpressionGroups& groups, std::span<const size_t> targets,
                                 std::span<const std::string> genes) {
  ExpressionNames out;
  out.features.assign(genes.begin(), genes.end());
  out.ref_membership = groups.reference.size();
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

/// The cells of some targets, group t + 1 those of the t-th of them, and of the reference, group 0:
/// rows of X in their order, so that reading them walks through memory.
struct ComparedCells {
  std::vector<size_t> rows;
  std::vector<uint32_t> groups;  // beside rows
  std::vector<uint32_t> sizes;   // of the groups
  std::vector<float> weights;    // 1 / sizes
  size_t stored = 0;             // values of the rows
};

template <class = void>
ComparedCells compared_cells(CsrView<float> X, const ExpressionGroups& groups,
                             std::span<const size_t> targets) {
  ComparedCells out;
  std::vector<int32_t> of_row(X.rows, -1);
  const auto add = [&](const std::vector<size_t>& rows) {
    for (const size_t row : rows) of_row[row] = int32_t(out.sizes.size());
    out.sizes.push_back(uint32_t(rows.size()));
    out.weights.push_back(float(1.0 / double(rows.size())));
  };
  add(groups.reference);
  for (const size_t target : targets) add(groups.rows[target]);
  for (size_t row = 0; row < X.rows; ++row) {
    if (of_row[row] < 0) continue;
    out.rows.push_back(row);
    out.groups.push_back(uint32_t(of_row[row]));
    out.stored += X.row_size(row);
  }
  return out;
}

/// Sums x / n over the n cells of each group, in float32 and in the order of the cells: then means
/// are those of pdex to the last bit.
/// @param values  keys of one gene, as GenePanel has them
/// @param shares  room to work in
template <class Transform>
void mean_values(std::span<const uint64_t> values, const ComparedCells& cells,
                 Transform&& transform, std::vector<float>& shares, std::vector<float>& means) {
  // A pass of its own: a compiler that sees x / n beside the sum rounds both at once.
  shares.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    shares[i] =
        transform(value_of_key(uint32_t(values[i] >> 32))) * cells.weights[uint32_t(values[i])];
  means.assign(cells.sizes.size(), 0.0f);
  for (size_t i = 0; i < values.size(); ++i) means[uint32_t(values[i])] += shares[i];
}

/// Fills one gene's column of the table.
template <class = void>
void write_gene(DifferentialExpression& out, size_t gene, const ComparedCells& cells,
                const std::vector<float>& means, const RankSweep& sweep, double epsilon) {
  const float reference = means[0];
  out.ref_mean(gene) = reference;
  for (size_t t = 0; t + 1 < cells.sizes.size(); ++t) {
    const auto& group = sweep.group(t + 1);
    const float mean = means[t + 1];
    const double u = double(group.twice_u) / 2;
    out.target_mean(t, gene) = mean;
    out.log2_fold_change(t, gene) = log2_fold_change(mean, reference, epsilon);
    out.percent_change(t, gene) = percent_change(mean, reference, epsilon);
    out.statistic(t, gene) = u;
    out.p_value(t, gene) = rank_sum_p_value(u, cells.sizes[t + 1], cells.sizes[0],
                                            sweep.reference_ties() + group.added_ties);
  }
}

/// Differential expression of some targets. What is found of one does not depend on which others
/// there are: their cells are neither ranked nor counted with it. Only its cells and those of the
/// reference are read.
/// @param X        (cells, genes), checked
/// @param targets  places in groups.targets, in the order of the table
/// @throws Stopped if the progress callback asks for it
template <class = void>
DifferentialExpression differential_expression(CsrView<float> X, std::span<const std::string> genes,
                                               const ExpressionGroups& groups,
                                               std::span<const size_t> targets,
                                               const DifferentialExpressionOptions& options) {
  DifferentialExpression out = make_expression(expression_names(groups, targets, genes));
  out.geometric_mean = options.geometric_mean;
  const auto cells = detail::compared_cells(X, groups, targets);
  // What is averaged: log1p of counts for geometric means, counts for arithmetic ones.
  const auto transform = [&options](float x) {
    if (options.is_log1p == options.geometric_mean) return x;
    return options.is_log1p ? std::expm1(x) : std::log1p(x);
  };
  const auto measure = [&](size_t first, size_t last) {
    GenePanel panel;
    panel.fill(X, cells.rows, cells.groups, first, last);
    RankSweep sweep(cells.sizes, 0);
    std::vector<uint64_t> keys, scratch;
    std::vector<float> shares, means;
    for (size_t gene = first; gene < last; ++gene) {
      const auto values = panel.gene(gene - first);
      keys.assign(values.begin(), values.end());
      sort_keys(keys, scratch);
      sweep.run(keys);
      detail::mean_values(values, cells, transform, shares, means);
      if (options.geometric_mean)
        for (float& mean : means) mean = std::expm1(mean);
      detail::write_gene(out, gene, cells, means, sweep, options.epsilon);
    }
  };
  parallel_for_watched(genes.size(), GenePanel::width(genes.size(), cells.stored), measure,
                       options.progress, "differential expression");
  parallel_for(out.targets.size(), 1, [&](size_t first, size_t last) {
    for (size_t t = first; t < last; ++t)
      benjamini_hochberg({out.p_value[t].data, genes.size()}, {out.fdr[t].data, genes.size()});
  });
  return out;
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
  const auto cells = detail::places(X.rows);
  const auto grouped = expression_groups(groups, reference, cells);
  detail::check_expression(X, genes, cells, options.is_log1p);
  return detail::differential_expression(X, genes, grouped, detail::places(grouped.targets.size()),
                                         options);
}

VCELL_END_NAMESPACE
