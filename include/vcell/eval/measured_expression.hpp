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

namespace detail {

/// What measures blocks of a table.
struct MeasuredExpression {
  std::shared_ptr<const CsrMatrix<float>> X;
  std::vector<std::string> genes;
  ExpressionGroups groups;
  DifferentialExpressionOptions options;
  std::shared_ptr<const FdrSteps> steps;  // where rates are over all rows and a block has not all

  template <class = void>
  DifferentialExpression operator()(std::span<const size_t> targets,
                                    const Progress& progress) const {
    auto watched = options;
    watched.progress = progress;
    return differential_expression(X->view(), genes, groups, targets, watched, steps.get());
  }

  /// Measures all blocks once for their p-values, which take 8 bytes a row meanwhile.
  template <class = void>
  void find_rates(const ExpressionMemory& memory, const ExpressionNames& names,
                  const Progress& progress) {
    MeasuredExpression of_blocks = *this;
    of_blocks.options.fdr_scope = FdrScope::target;
    std::vector<double> p;
    const auto collect = [&p](size_t, const DifferentialExpression& de) {
      for (size_t t = 0; t < de.targets.size(); ++t)
        for (size_t g = 0; g < de.features.size(); ++g)
          if (de.has_row(t, g)) p.push_back(de.p_value(t, g));
    };
    for_each_expression_block(ExpressionTable(names, std::move(of_blocks), memory), collect,
                              progress);
    steps = std::make_shared<const FdrSteps>(std::move(p));
  }
};

/// measured_expression of groups that check_compared and check_expression passed, or of parts of
/// such groups.
template <class = void>
ExpressionTable measured_expression_of_checked(std::shared_ptr<const CsrMatrix<float>> X,
                                               std::vector<std::string> genes,
                                               ExpressionGroups groups,
                                               DifferentialExpressionOptions options,
                                               const ExpressionMemory& memory) {
  check_groups(groups, genes, options);  // sizes, which parts have others of
  const auto all = places(groups.targets.size());
  auto names = expression_names(groups, all, genes, options.mode);
  const Progress progress = options.progress;
  options.progress = nullptr;
  MeasuredExpression measure{std::move(X), std::move(genes), std::move(groups), options, {}};
  const bool is_global = options.fdr_scope == FdrScope::global;
  if (is_global || options.mode == ExpressionMode::on_target)
    if (!is_kept_in(memory, names)) measure.find_rates(memory, names, progress);
  return ExpressionTable(std::move(names), std::move(measure), memory, progress);
}

}  // namespace detail

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
/// Reading all of a table that is not kept reads the cells of the reference once a block; rates
/// over all rows take one such reading more.
template <class = void>
ExpressionTable measured_expression(std::shared_ptr<const CsrMatrix<float>> X,
                                    std::vector<std::string> genes, ExpressionGroups groups,
                                    DifferentialExpressionOptions options = {},
                                    const ExpressionMemory& memory = {}) {
  check_size_match("measured_expression", "columns of X", X->columns, "genes", genes.size());
  detail::check_compared(groups, X->rows, genes, options);
  // Now, and not when a block is asked for, far from where the cells came from.
  detail::check_expression(X->view(), genes, groups.reference, options.is_log1p);
  for (const auto& rows : groups.rows)
    detail::check_expression(X->view(), genes, rows, options.is_log1p);
  return detail::measured_expression_of_checked(std::move(X), std::move(genes), std::move(groups),
                                                std::move(options), memory);
}

VCELL_INSTANTIATE(pipeline,
                  ExpressionTable measured_expression<void>(
                      std::shared_ptr<const CsrMatrix<float>>, std::vector<std::string>,
                      ExpressionGroups, DifferentialExpressionOptions, const ExpressionMemory&));

VCELL_END_NAMESPACE
