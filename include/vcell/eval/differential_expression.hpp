#pragma once

#include <span>
#include <string>
#include <vector>

#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/eval/check_expression.hpp"
#include "vcell/eval/expression_maker.hpp"
#include "vcell/eval/gene_panel.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

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
  const auto cells = detail::compared_cells(X, groups, targets, options);
  ExpressionMaker maker(genes, groups, targets, options, cells);
  const auto measure = [&](size_t first, size_t last) {
    GenePanel panel;
    GeneMeasure one(cells, options);
    panel.fill(X, cells.rows, maker.labels(), first, last);
    for (size_t gene = first; gene < last; ++gene)
      if (maker.is_wanted(gene)) maker.put(gene, panel.gene(gene - first), one);
  };
  parallel_for_watched(genes.size(), GenePanel::width(genes.size(), cells.stored), measure,
                       options.progress, "differential expression");
  return maker.finish(steps);
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
