#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "vcell/eval/evaluation_side.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class T>
Tensor<T, 2> columns_of(const Tensor<T, 2>& table, std::span<const size_t> columns) {
  Tensor<T, 2> out({table.shape(0), columns.size()});
  for (size_t row = 0; row < table.shape(0); ++row)
    for (size_t c = 0; c < columns.size(); ++c) out(row, c) = table(row, columns[c]);
  return out;
}

}  // namespace detail

/// A table of differential expression with some of its genes alone. False discovery rates are those
/// that were found among all genes.
/// @param genes  places in features()
/// @throws ShapeError if one is no place; of the table, which measures as the first does, as
///         ExpressionTable::block
template <class = void>
ExpressionTable select_genes(const ExpressionTable& table, std::span<const size_t> genes) {
  ExpressionNames names{table.targets(),
                        {},
                        table.target_membership(),
                        table.ref_membership(),
                        table.against_others()};
  for (const size_t gene : genes) {
    check_index("select_genes", "gene", gene, table.features().size());
    names.features.push_back(table.features()[gene]);
  }
  const auto measure = [table, genes = std::vector<size_t>(genes.begin(), genes.end()), names](
                           std::span<const size_t> targets, const Progress& progress) {
    const ExpressionTable some = table.select(targets, progress);
    DifferentialExpression out = make_expression(select_names(names, targets));
    const auto all = some.whole(progress);
    out.geometric_mean = all->geometric_mean;
    const auto copy = [&](auto& to, const auto& from) { to = detail::columns_of(from, genes); };
    for_each_column(copy, out, *all);
    copy(out.ref_mean, all->ref_mean);
    const auto copy_optional = [&](auto& to, const auto& from) {
      if (from.count()) copy(to, from);
    };
    for_each_optional_column(copy_optional, out, *all);
    return out;
  };
  return ExpressionTable(std::move(names), measure, {.kept_bytes = 0});
}

/// A side with some of its genes alone, for metrics that read means or tables of differential
/// expression; `cells` stays as it is, with all genes, and an embedding is left out.
/// @param genes  places in genes(), in the order that they get
/// @throws ShapeError if one is no place
template <class = void>
EvaluationSide select_genes(const EvaluationSide& side, std::span<const size_t> genes) {
  EvaluationSide out;
  out.context = side.context;
  out.expression = select_genes(side.expression, genes);
  out.cells = side.cells;
  out.rows = side.rows;
  out.control_rows = side.control_rows;
  out.scale = side.scale;
  out.mean = detail::columns_of(side.mean, genes);
  out.shift = detail::columns_of(side.shift, genes);
  out.control = Tensor<double, 1>({genes.size()});
  for (size_t g = 0; g < genes.size(); ++g) out.control(g) = side.control(genes[g]);
  return out;
}

VCELL_END_NAMESPACE
