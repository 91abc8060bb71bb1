#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/message.hpp"
#include "vcell/eval/expression_columns.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE

/// A column of numbers of a table as a file has it.
struct ExpressionColumn {
  const char* name;
  /// The field of a row.
  std::string (*text)(const DifferentialExpression& de, size_t target, size_t feature);
};

/// How a package lays out a table of differential expression in a file: which columns it has, and
/// what they are called.
struct ExpressionView {
  const char* target = "target";    ///< the first column's name
  const char* feature = "feature";  ///< that of the second
  std::vector<ExpressionColumn> columns;
  /// Rows of a target are sorted by score, the highest first; else in the order of the features.
  bool is_by_score = false;
  /// The control is a target too, with p 1 and a fold change of 1.
  bool has_reference = false;
};

/// The names of expression_view.
inline constexpr std::array<std::string_view, 4> expression_views = {"pdex-0.3", "pdex-0.1.27",
                                                                     "scanpy", "illico"};

namespace detail {

using De = DifferentialExpression;

/// What scanpy sorts by: z of rank sums, or t.
template <class = void>
double expression_score(const De& de, size_t t, size_t g) {
  return de.z_score.count() ? de.z_score(t, g) : de.statistic(t, g);
}

template <class = void>
std::vector<ExpressionColumn> pdex_columns(bool is_old) {
  const ExpressionColumn target_mean{
      "target_mean",
      [](const De&de, size_t t, size_t g) { return number_text(de.target_mean(t, g)); }},
      ref_mean{
          is_old ? "reference_mean" : "ref_mean",
          [](const De&de, size_t t, size_t g) { return number_text(de.reference_mean(t, g)); }},
      target_cells{"target_membership",
                   [](const De&de, size_t t, size_t) { return message(de.target_membership[t]); }},
      ref_cells{"ref_membership",
                [](const De&de, size_t t, size_t) { return message(de.reference_cells(t)); }},
      log2_change{
          "log2_fold_change",
          [](const De&de, size_t t, size_t g) { return number_text(de.log2_fold_change(t, g)); }},
      ratio{"fold_change",
            [](const De&de, size_t t, size_t g) {
              return number_text(std::exp2(de.log2_fold_change(t, g)));
            }},
      percent{"percent_change",
              [](const De&de, size_t t, size_t g) { return number_text(de.percent_change(t, g)); }},
      p{"p_value", [](const De&de, size_t t, size_t g) { return number_text(de.p_value(t, g)); }},
      u{"statistic",
        [](const De&de, size_t t, size_t g) { return number_text(de.statistic(t, g)); }},
      fdr{"fdr", [](const De&de, size_t t, size_t g) { return number_text(de.fdr(t, g)); }};
  if (is_old) return {target_mean, ref_mean, percent, ratio, p, u, fdr};
  return {target_mean, ref_mean, target_cells, ref_cells, log2_change, percent, p, u, fdr};
}

}  // namespace detail

/// The layout of a package, by its name in expression_views.
///
/// - pdex-0.3, which cell-eval takes too: target, feature, target_mean, ref_mean,
///   target_membership, ref_membership, log2_fold_change, percent_change, p_value, statistic, fdr
/// - pdex-0.1.27: target, feature, target_mean, reference_mean, percent_change, fold_change (a
///   ratio), p_value, statistic, fdr
/// - scanpy, get.rank_genes_groups_df: group, names, scores, pvals, pvals_adj, logfoldchanges
/// - illico: pert, feature, p_value, statistic, z_score, fold_change; the control has rows
///
/// @throws ConfigError if there is no such layout, listing those that are
template <class = void>
ExpressionView expression_view(std::string_view name) {
  using detail::De;
  if (name == "pdex-0.3") return {"target", "feature", detail::pdex_columns(false)};
  if (name == "pdex-0.1.27") return {"target", "feature", detail::pdex_columns(true)};
  if (name == "scanpy")
    return {
        "group",
        "names",
        {{"scores",
          [](const De& de, size_t t, size_t g) {
            return number_text(float(detail::expression_score(de, t, g)));
          }},
         {"pvals", [](const De& de, size_t t, size_t g) { return number_text(de.p_value(t, g)); }},
         {"pvals_adj", [](const De& de, size_t t, size_t g) { return number_text(de.fdr(t, g)); }},
         {"logfoldchanges",
          [](const De& de, size_t t, size_t g) {
            return number_text(float(de.log2_fold_change(t, g)));
          }}},
        true};
  if (name == "illico")
    return {"pert",
            "feature",
            {{"p_value",
              [](const De& de, size_t t, size_t g) { return number_text(de.p_value(t, g)); }},
             {"statistic",
              [](const De& de, size_t t, size_t g) { return number_text(de.statistic(t, g)); }},
             {"z_score",
              [](const De& de, size_t t, size_t g) { return number_text(de.z_score(t, g)); }},
             {"fold_change",
              [](const De& de, size_t t, size_t g) {
                return number_text(std::exp2(de.log2_fold_change(t, g)));
              }}},
            false,
            true};
  throw ConfigError(message("expression_view: there are no columns of ", quoted(std::string(name)),
                            "; there are those of ", list_of(expression_views)));
}

VCELL_END_NAMESPACE
