#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// What the rows of a table of differential expression are of: one for each pair of a target and a
/// feature, in that order.
struct ExpressionNames {
  std::vector<std::string> targets;       ///< perturbations, sorted; the control is not one
  std::vector<std::string> features;      ///< genes, in the order of X
  std::vector<size_t> target_membership;  ///< (targets) cells
  size_t ref_membership = 0;              ///< cells of the control; of mode all: all cells
  /// Each target is compared with all other cells (ExpressionMode::all).
  bool against_others = false;

  /// How many cells a target is compared with.
  size_t reference_cells(size_t target) const {
    return against_others ? ref_membership - target_membership[target] : ref_membership;
  }
};

/// The names of a table of some of the targets.
/// @param targets  places in names.targets
template <class = void>
ExpressionNames select_names(const ExpressionNames& names, std::span<const size_t> targets) {
  ExpressionNames out{{}, names.features, {}, names.ref_membership, names.against_others};
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
  bool geometric_mean = true;    ///< DifferentialExpressionOptions::geometric_mean
  Tensor<float, 2> target_mean;  ///< (targets, features)
  /// (1, features), or where targets are compared with all other cells (targets, features).
  Tensor<float, 2> ref_mean;
  Tensor<double, 2> log2_fold_change;  ///< log2((target_mean + e) / (ref_mean + e)); 0/0: 0
  Tensor<double, 2> percent_change;    ///< (target_mean - ref_mean) / (ref_mean + e); 0/0: 0
  Tensor<double, 2> p_value;           ///< of the test
  Tensor<double, 2> statistic;         ///< U of the target's cells, or t
  Tensor<double, 2> fdr;               ///< Benjamini-Hochberg over the genes of one target
  /// 1 where the table has a row of a target and a feature, 0 where a filter took it out; no
  /// elements: it has all of them.
  Tensor<uint8_t, 2> is_kept;
  /// Of U, with what is corrected for in the p-value (rank_sum_z); no elements unless it was asked
  /// for.
  Tensor<double, 2> z_score;

  bool has_row(size_t target, size_t feature) const {
    return is_kept.count() == 0 || is_kept(target, feature);
  }
  float reference_mean(size_t target, size_t feature) const {
    return ref_mean(ref_mean.shape(0) == 1 ? 0 : target, feature);
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

/// The same for those that a table need not have.
template <class F, class... Tables>
void for_each_optional_column(F&& f, Tables&... de) {
  f(de.is_kept...);
  f(de.z_score...);
}

/// A table of these rows whose numbers are 0.
template <class = void>
DifferentialExpression make_expression(ExpressionNames names) {
  DifferentialExpression out;
  static_cast<ExpressionNames&>(out) = std::move(names);
  const Shape<2> shape = {out.targets.size(), out.features.size()};
  out.ref_mean = Tensor<float, 2>({out.against_others ? shape[0] : 1, shape[1]});
  // By all threads: touching so much memory for the first time takes longer than zeros do.
  for_each_column(
      [&]<class T>(Tensor<T, 2>& column) {
        column = Tensor<T, 2>::uninitialized(shape);
        parallel_for(shape[0], 8, [&](size_t first, size_t last) {
          for (size_t t = first; t < last; ++t) std::fill_n(column[t].data, shape[1], T(0));
        });
      },
      out);
  return out;
}

VCELL_END_NAMESPACE
