#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/eval/expression_maker.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Whether a value of X is none that is expected there.
template <class = void>
bool is_wrong_expression(float x, bool is_log1p) {
  return !std::isfinite(x) || (x < 0 && !is_log1p);
}

template <class = void>
[[noreturn]] void fail_expression(size_t cell, const std::string& gene, float x, bool is_log1p) {
  throw ConfigError(message("differential_expression: X[", cell, ", ", quoted(gene), "] is ", x,
                            ", expected a finite ", is_log1p ? "number" : "count"));
}

/// @param rows  those to look at
template <class = void>
void check_expression(CsrView<float> X, std::span<const std::string> genes,
                      std::span<const size_t> rows, bool is_log1p) {
  for (const size_t cell : rows)
    for (size_t k = 0; k < X.row_size(cell); ++k)
      if (const float x = X.row_values(cell)[k]; is_wrong_expression(x, is_log1p))
        fail_expression(cell, genes[size_t(X.row_indices(cell)[k])], x, is_log1p);
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

/// check_groups of rows of a matrix.
/// @param rows  how many it has
/// @throws ShapeError if a row is none of it; ConfigError also if a row is there twice or there is
///         no reference
template <class = void>
void check_compared(const ExpressionGroups& groups, size_t rows, std::span<const std::string> genes,
                    const DifferentialExpressionOptions& options) {
  check_size_match("measured_expression", "sets of rows", groups.rows.size(), "targets",
                   groups.targets.size());
  if (options.mode != ExpressionMode::all)
    check_positive("measured_expression", "cells of the reference", groups.reference.size());
  check_groups(groups, genes, options);
  std::vector<uint8_t> is_taken(rows, 0);
  const auto check = [&](const std::vector<size_t>& of_group) {
    for (const size_t row : of_group) {
      check_index("measured_expression", "row", row, rows);
      if (is_taken[row]++)
        throw ConfigError(message("measured_expression: row ", row, " is in the groups twice, ",
                                  "expected each cell in one of them"));
    }
  };
  check(groups.reference);
  for (const auto& of_target : groups.rows) check(of_target);
}

}  // namespace detail
VCELL_END_NAMESPACE
