#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/expression_table.hpp"

VCELL_BEGIN_NAMESPACE

/// The table of differential_expression, of any number of targets: it measures a block of them at a
/// time where all of them are too many to keep, and holds on to the cells for it.
/// @param X       (cells, genes), values as differential_expression wants them
/// @param genes   (genes) names
/// @param groups  which rows of X are compared; others are not looked at
/// @throws ShapeError if sizes do not fit, or a row is none of X
/// @throws ConfigError if there is no reference, a row is there twice, or a value is not finite or
///         a count below 0; Stopped if the progress callback, which is that of what is measured
///         now, asks for it
///
/// Reading all of a table that is not kept reads the cells of the reference once a block.
template <class = void>
ExpressionTable measured_expression(std::shared_ptr<const CsrMatrix<float>> X,
                                    std::vector<std::string> genes, ExpressionGroups groups,
                                    DifferentialExpressionOptions options = {},
                                    const ExpressionMemory& memory = {}) {
  check_size_match("measured_expression", "columns of X", X->columns, "genes", genes.size());
  check_size_match("measured_expression", "sets of rows", groups.rows.size(), "targets",
                   groups.targets.size());
  check_positive("measured_expression", "cells of the reference", groups.reference.size());
  std::vector<uint8_t> is_taken(X->rows, 0);
  const auto check = [&](const std::vector<size_t>& rows) {
    for (const size_t row : rows) {
      check_index("measured_expression", "row", row, X->rows);
      if (is_taken[row]++)
        throw ConfigError(message("measured_expression: row ", row, " is in the groups twice, ",
                                  "expected each cell in one of them"));
    }
    // Now, and not when a block is asked for, far from where the cells came from.
    detail::check_expression(X->view(), genes, rows, options.is_log1p);
  };
  check(groups.reference);
  for (const auto& rows : groups.rows) check(rows);

  auto names = detail::expression_names(groups, detail::places(groups.targets.size()), genes);
  const Progress progress = options.progress;
  options.progress = nullptr;
  return ExpressionTable(
      std::move(names),
      [X = std::move(X), genes = std::move(genes), groups = std::move(groups), options](
          std::span<const size_t> asked, const Progress& watcher) {
        auto watched = options;
        watched.progress = watcher;
        return detail::differential_expression(X->view(), genes, groups, asked, watched);
      },
      memory, progress);
}

VCELL_INSTANTIATE(pipeline,
                  ExpressionTable measured_expression<void>(
                      std::shared_ptr<const CsrMatrix<float>>, std::vector<std::string>,
                      ExpressionGroups, DifferentialExpressionOptions, const ExpressionMemory&));

VCELL_END_NAMESPACE
