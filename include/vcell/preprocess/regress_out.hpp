#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/rounded.hpp"
#include "vcell/data/borrowed_rows.hpp"
#include "vcell/data/collect_rows.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/preprocess/filled_rows.hpp"
#include "vcell/preprocess/matrix_of.hpp"
#include "vcell/preprocess/orthonormalize.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Products of columns with every gene, from blocks of rows.
struct GeneProducts {
  const std::vector<std::vector<double>>& columns;
  std::vector<std::vector<double>> products;  // (columns, genes)

  GeneProducts(const std::vector<std::vector<double>>& by, size_t genes)
      : columns(by), products(by.size(), std::vector<double>(genes)) {}

  template <class T>
  void add(size_t first_cell, const CsrView<T>& block) {
    parallel_for(columns.size(), 1, [&](size_t first, size_t last) {
      for (size_t j = first; j < last; ++j)
        for (size_t i = 0; i < block.rows; ++i) {
          const auto genes = block.row_indices(i);
          const auto values = block.row_values(i);
          const double weight = columns[j][first_cell + i];
          for (size_t k = 0; k < genes.size(); ++k)
            products[j][size_t(genes[k])] += weight * double(values[k]);
        }
    });
  }
};

/// Subtracts from a row what it is expected to be.
struct SubtractExpected {
  std::vector<std::vector<double>> columns;   // (columns, cells); none: expected has a row a group
  std::vector<int32_t> groups;                // (cells)
  std::vector<std::vector<double>> expected;  // (columns or groups, genes)

  template <class T>
  VCELL_NOT_INLINE void operator()(size_t cell, std::span<T> values) const {
    if (columns.empty()) {
      const auto& means = expected[size_t(groups[cell])];
      for (size_t gene = 0; gene < values.size(); ++gene)
        values[gene] = T(double(values[gene]) - means[gene]);
      return;
    }
    std::vector<double> row(values.size());
    for (size_t j = 0; j < columns.size(); ++j)
      for (size_t gene = 0; gene < row.size(); ++gene)
        row[gene] += columns[j][cell] * expected[j][gene];
    for (size_t gene = 0; gene < row.size(); ++gene)
      values[gene] = T(double(values[gene]) - row[gene]);
  }
};

}  // namespace detail

/// A source of rows (see RowSource), read dense as what numbers or groups of its cells do not
/// explain of it: see regress_out.
template <class S>
using ResidualRows = FilledRows<S, detail::SubtractExpected>;

/// Removes from every gene what numbers of the cells explain of it, as `scanpy.pp.regress_out`
/// does: the residuals of least squares on them and a constant, in double, rounded to the type of X
/// (see with_value_type). With Q of orthonormal columns that span these, X - Q (Q' X): X is read
/// once for Q' X, and whenever the result is.
///
/// @param X           (cells, genes), read in row blocks; by value: moved into the result
/// @param covariates  each (cells); with NaN or infinity in one of them everything is NaN
/// @return            (cells, genes)
/// @throws ShapeError if a covariate has not one number per cell; ConfigError if there is none
template <class S>
requires RowSource<S, float> ResidualRows<S> residual_rows(
    S X, std::span<const std::vector<double>> covariates) {
  if (covariates.empty())
    throw ConfigError("regress_out: no covariates are given, expected at least one");
  for (const auto& v : covariates)
    check_size_match("regress_out", "numbers of a covariate", v.size(), "cells", X.rows());
  std::vector<std::vector<double>> spanned{std::vector<double>(X.rows(), 1)};
  spanned.insert(spanned.end(), covariates.begin(), covariates.end());
  auto columns = detail::orthonormalize(std::move(spanned));
  return with_value_type<ResidualRows<S>>(X, [&]<class T>() {
    detail::GeneProducts of(columns, X.columns());
    accumulate<T>(X, of);
    return ResidualRows<S>(std::move(X), {std::move(columns), {}, std::move(of.products)},
                           dtype_of<T>());
  });
}

/// The same for groups of cells: the difference of every value from its gene's mean in its group.
/// A gene with one value in all cells stays as it is.
///
/// @throws ShapeError if there is not one group per cell; ConfigError if a cell is in none
template <class S>
requires RowSource<S, float> ResidualRows<S> residual_rows(S X, const Factor& groups) {
  check_size_match("regress_out", "groups", groups.size(), "cells", X.rows());
  const auto none = std::find(groups.codes.begin(), groups.codes.end(), -1);
  if (none != groups.codes.end())
    throw ConfigError(message("regress_out: cell number ", none - groups.codes.begin(),
                              " (from 0) is in no group, expected one"));
  return with_value_type<ResidualRows<S>>(X, [&]<class T>() {
    struct Gene {
      double sum = 0, least = 0, greatest = 0;
      size_t cells = 0;  // that store a value
    };
    const auto see = [](Gene& g, T x) {
      g.least = g.cells ? std::min(g.least, double(x)) : double(x);
      g.greatest = g.cells ? std::max(g.greatest, double(x)) : double(x);
      g.sum += double(x);
      ++g.cells;
    };
    const size_t n = std::max<size_t>(1, groups.names.size());
    auto of_groups = per_gene<double>(
        X.columns(), each_value([](double& sum, T x) { sum += double(x); }), {groups.codes, n});
    auto of_all = per_gene<Gene>(X.columns(), each_value(see));
    accumulate<T>(X, of_groups, of_all);
    const auto genes = of_all.of_group(0);
    std::vector<std::vector<double>> means(n, std::vector<double>(X.columns()));
    for (size_t gene = 0; gene < X.columns(); ++gene) {
      const Gene& g = genes[gene];
      if (g.least == g.greatest && (g.cells == X.rows() || g.least == 0)) continue;  // constant
      for (size_t group = 0; group < n; ++group)
        means[group][gene] = of_groups.of_group(group)[gene] / double(of_groups.cells_in(group));
    }
    return ResidualRows<S>(std::move(X), {{}, groups.codes, std::move(means)}, dtype_of<T>());
  });
}

/// Either as a matrix in memory, dense.
template <class = void>
Matrix regress_out(const Matrix& X, std::span<const std::vector<double>> covariates) {
  return collect_rows(residual_rows(BorrowedRows(X), covariates));
}
template <class = void>
Matrix regress_out(const Matrix& X, const Factor& groups) {
  return collect_rows(residual_rows(BorrowedRows(X), groups));
}

/// The same for columns of obs: one that is categorical or text, or any that are numbers.
/// @throws ConfigError also if there is no such column, or text is among several
template <class S>
requires RowSource<S, float> ResidualRows<S> residual_rows(const AnnData& adata, S X,
                                                           const std::vector<std::string>& keys) {
  std::vector<std::vector<double>> covariates;
  for (const std::string& key : keys) {
    const Column& column = adata.obs.column(key);
    const bool is_group = column.is_categorical() || column.values().is_text();
    if (is_group && keys.size() > 1)
      throw ConfigError(message("regress_out: obs column ", quoted(key), " is categorical and ",
                                "one of ", keys.size(), ", expected it alone, or numbers only"));
    if (is_group) return residual_rows(std::move(X), factor(column));
    covariates.push_back(column.numbers());
  }
  return residual_rows(std::move(X), covariates);
}

/// The same for X of adata, in memory.
/// @throws ConfigError also if there is no X
template <class = void>
void regress_out(AnnData& adata, const std::vector<std::string>& keys) {
  Matrix& X = detail::matrix_of("regress_out", adata);
  X = collect_rows(residual_rows(adata, BorrowedRows(X), keys));
}

VCELL_END_NAMESPACE
