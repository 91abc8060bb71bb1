#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/data/factor.hpp"
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

/// X minus what expected(cell, row) adds to a row of zeros, dense, rounded to T.
template <class T, class F>
Matrix minus_expected(const Matrix& X, F&& expected) {
  DenseMatrix<T> out = to_dense<T>(X);
  parallel_for(out.rows, 64, [&](size_t first, size_t last) {
    std::vector<double> row(out.columns);
    for (size_t cell = first; cell < last; ++cell) {
      std::fill(row.begin(), row.end(), 0.0);
      expected(cell, row);
      const auto values = out.row(cell);
      for (size_t gene = 0; gene < row.size(); ++gene)
        values[gene] = T(double(values[gene]) - row[gene]);
    }
  });
  return out;
}

}  // namespace detail

/// Removes from every gene what numbers of the cells explain of it, as `scanpy.pp.regress_out`
/// does: the residuals of least squares on them and a constant, in double, rounded to the type of X
/// (see with_value_type). With Q of orthonormal columns that span these, X - Q (Q' X).
///
/// @param X           (cells, genes)
/// @param covariates  each (cells); with NaN or infinity in one of them everything is NaN
/// @return            (cells, genes), dense
/// @throws ShapeError if a covariate has not one number per cell; ConfigError if there is none
template <class = void>
Matrix regress_out(const Matrix& X, std::span<const std::vector<double>> covariates) {
  if (covariates.empty())
    throw ConfigError("regress_out: no covariates are given, expected at least one");
  for (const auto& v : covariates)
    check_size_match("regress_out", "numbers of a covariate", v.size(), "cells", X.rows());
  std::vector<std::vector<double>> spanned{std::vector<double>(X.rows(), 1)};
  spanned.insert(spanned.end(), covariates.begin(), covariates.end());
  const auto columns = detail::orthonormalize(std::move(spanned));
  return with_value_type<Matrix>(X, [&]<class T>() {
    detail::GeneProducts of(columns, X.columns());
    accumulate<T>(X, of);
    return detail::minus_expected<T>(X, [&](size_t cell, std::vector<double>& row) {
      for (size_t j = 0; j < columns.size(); ++j)
        for (size_t gene = 0; gene < row.size(); ++gene)
          row[gene] += columns[j][cell] * of.products[j][gene];
    });
  });
}

/// The same for groups of cells: the difference of every value from its gene's mean in its group.
/// A gene with one value in all cells stays as it is.
///
/// @throws ShapeError if there is not one group per cell; ConfigError if a cell is in none
template <class = void>
Matrix regress_out(const Matrix& X, const Factor& groups) {
  check_size_match("regress_out", "groups", groups.size(), "cells", X.rows());
  const auto none = std::find(groups.codes.begin(), groups.codes.end(), -1);
  if (none != groups.codes.end())
    throw ConfigError(message("regress_out: cell number ", none - groups.codes.begin(),
                              " (from 0) is in no group, expected one"));
  return with_value_type<Matrix>(X, [&]<class T>() {
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
    return detail::minus_expected<T>(X, [&](size_t cell, std::vector<double>& row) {
      const auto group = size_t(groups.codes[cell]);
      const auto sums = of_groups.of_group(group);
      for (size_t gene = 0; gene < row.size(); ++gene) {
        const Gene& g = genes[gene];
        const bool constant = g.least == g.greatest && (g.cells == X.rows() || g.least == 0);
        if (!constant) row[gene] = sums[gene] / double(of_groups.cells_in(group));
      }
    });
  });
}

/// The same for X of adata and columns of obs: one that is categorical or text, or any that are
/// numbers.
/// @throws ConfigError also if there is no X or no such column, or text is among several
template <class = void>
void regress_out(AnnData& adata, const std::vector<std::string>& keys) {
  Matrix& X = detail::matrix_of("regress_out", adata);
  std::vector<std::vector<double>> covariates;
  for (const std::string& key : keys) {
    const Column& column = adata.obs.column(key);
    const bool is_group = column.is_categorical() || column.values().is_text();
    if (is_group && keys.size() > 1)
      throw ConfigError(message("regress_out: obs column ", quoted(key), " is categorical and ",
                                "one of ", keys.size(), ", expected it alone, or numbers only"));
    if (is_group) {
      X = regress_out(X, factor(column));
      return;
    }
    covariates.push_back(column.numbers());
  }
  X = regress_out(X, covariates);
}

VCELL_END_NAMESPACE
