#pragma once

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
/// @throws ConfigError if there is no reference, or a value is not finite or a count below 0;
///         Stopped if the progress callback, which is that of what is measured now, asks for it
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
  const auto targets = detail::places(groups.targets.size());
  std::vector<size_t> rows = groups.reference;
  for (const auto& of_target : groups.rows)
    rows.insert(rows.end(), of_target.begin(), of_target.end());
  std::sort(rows.begin(), rows.end());
  if (!rows.empty()) check_index("measured_expression", "row", rows.back(), X->rows);
  // Now, and not when a block is asked for, far from where the cells came from.
  detail::check_expression(X->view(), genes, rows, options.is_log1p);

  auto names = detail::expression_names(groups, targets, genes);
  const Progress progress = std::exchange(options.progress, {});
  const auto shared = std::make_shared<const ExpressionGroups>(std::move(groups));
  return ExpressionTable(
      std::move(names),
      [X = std::move(X), genes = std::move(genes), shared, options](std::span<const size_t> asked,
                                                                    const Progress& watcher) {
        auto watched = options;
        watched.progress = watcher;
        return detail::differential_expression(X->view(), genes, *shared, asked, watched);
      },
      memory, progress);
}

VCELL_INSTANTIATE(pipeline,
                  ExpressionTable measured_expression<void>(
                      std::shared_ptr<const CsrMatrix<float>>, std::vector<std::string>,
                      ExpressionGroups, DifferentialExpressionOptions, const ExpressionMemory&));

VCELL_END_NAMESPACE
