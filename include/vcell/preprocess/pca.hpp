#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/borrowed_rows.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/kernels/eigen.hpp"
#include "vcell/preprocess/matrix_of.hpp"
#include "vcell/preprocess/orthonormalize.hpp"
#include "vcell/preprocess/over_cells.hpp"
#include "vcell/preprocess/symmetric_eigen.hpp"

VCELL_BEGIN_NAMESPACE

struct PcaOptions {
  size_t components = 50;
  /// Directions that are searched beyond those that are wanted.
  size_t oversample = 10;
  /// Passes over X that sharpen the directions: each weighs them by their variance once more.
  size_t iterations = 5;
  uint64_t seed = 0;  ///< of the directions that the search starts with
  /// Of an AnnData: look at layers[layer] in place of X.
  std::optional<std::string> layer = {};
  /// Of an AnnData: a column of var that is true for the genes that are looked at, such as
  /// highly_variable. Not given: all are.
  std::optional<std::string> gene_mask = {};
};

/// Principal components, by descending variance: as many as were asked for, or fewer where X has
/// no more.
struct Pca {
  DenseMatrix<float> scores;           ///< (cells, components)
  DenseMatrix<double> loadings;        ///< (genes, components), orthonormal columns
  std::vector<double> variance;        ///< (components) of the scores, n - 1
  std::vector<double> variance_ratio;  ///< (components) of the sum of all genes' variances
  std::vector<double> means;           ///< (genes) that were subtracted
};

namespace detail {

/// to += by * from, each of n numbers. Eigen's types depend on R, so that who includes this and
/// does not call it pays little.
template <class R>
void add_scaled(R* to, R by, const R* from, size_t n) {
  using Row = Eigen::Array<R, Eigen::Dynamic, 1>;
  Eigen::Map<Row>(to, Eigen::Index(n)) += by * Eigen::Map<const Row>(from, Eigen::Index(n));
}

/// Directions as one row of `width` numbers for each gene.
struct PcaDirections {
  size_t width = 0;
  std::vector<double> rows;  // (genes, width)

  const double* of(size_t gene) const { return rows.data() + gene * width; }
};

template <class = void>
PcaDirections directions_of(const std::vector<std::vector<double>>& columns, size_t genes) {
  PcaDirections out{columns.size(), std::vector<double>(genes * columns.size())};
  for (size_t j = 0; j < columns.size(); ++j)
    for (size_t gene = 0; gene < genes; ++gene) out.rows[gene * out.width + j] = columns[j][gene];
  return out;
}

/// X Q of a block of cells: (rows, width), each the sum over its genes in their order.
template <class T>
void project(const CsrView<T>& block, const PcaDirections& q, std::vector<double>& out) {
  out.assign(block.rows * q.width, 0.0);
  parallel_for(block.rows, 64, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      const auto genes = block.row_indices(i);
      const auto values = block.row_values(i);
      for (size_t k = 0; k < genes.size(); ++k)
        add_scaled(out.data() + i * q.width, double(values[k]), q.of(size_t(genes[k])), q.width);
    }
  });
}

/// X' (X Q) from blocks of rows: cells in their order, and genes apart, so that neither threads nor
/// blocks change a bit.
template <class T, class S>
PcaDirections gram_product(const S& X, const PcaDirections& q) {
  const size_t genes = X.columns();
  PcaDirections out{q.width, std::vector<double>(genes * q.width)};
  std::vector<double> projected;
  const size_t part = std::max<size_t>(64, genes / (2 * size_t(num_threads())) + 1);
  for_each_row_block<T>(X, [&](size_t, const CsrView<T>& block) {
    project(block, q, projected);
    parallel_for(genes, part, [&](size_t first_gene, size_t last_gene) {
      for (size_t i = 0; i < block.rows; ++i) {
        const auto row = block.row_indices(i);
        const auto values = block.row_values(i);
        size_t k =
            size_t(std::lower_bound(row.begin(), row.end(), int32_t(first_gene)) - row.begin());
        for (; k < row.size() && size_t(row[k]) < last_gene; ++k)
          add_scaled(out.rows.data() + size_t(row[k]) * q.width, double(values[k]),
                     projected.data() + i * q.width, q.width);
      }
    });
  });
  return out;
}

/// means' Q: what X Q has too much of in every row, where X is not centred.
template <class = void>
std::vector<double> projected_means(const std::vector<double>& means, const PcaDirections& q) {
  std::vector<double> out(q.width);
  for (size_t gene = 0; gene < means.size(); ++gene)
    add_scaled(out.data(), means[gene], q.of(gene), q.width);
  return out;
}

/// Random orthonormal directions.
template <class = void>
PcaDirections random_directions(size_t genes, size_t width, uint64_t seed) {
  Rng rng(seed, stream_of("pca"));
  std::vector<std::vector<double>> columns(width, std::vector<double>(genes));
  for (auto& column : columns)
    for (double& x : column) x = rng.normal();
  return directions_of(orthonormalize(std::move(columns)), genes);
}

/// The directions after one pass: an orthonormal basis of A' A Q, where A is X less its means.
///
///   A' A Q = X' (X Q) - n means (means' Q)
template <class T, class S>
PcaDirections sharpened(const S& X, const PcaDirections& q, const std::vector<double>& means) {
  const auto product = gram_product<T>(X, q);
  const auto offset = projected_means(means, q);
  std::vector<std::vector<double>> columns(q.width, std::vector<double>(means.size()));
  for (size_t j = 0; j < q.width; ++j)
    for (size_t gene = 0; gene < means.size(); ++gene)
      columns[j][gene] =
          product.rows[gene * q.width + j] - double(X.rows()) * means[gene] * offset[j];
  return directions_of(orthonormalize(std::move(columns)), means.size());
}

/// A Q as floats (cells, width), and its products with itself in double (width, width).
template <class T, class S>
std::vector<double> project_all(const S& X, const PcaDirections& q,
                                const std::vector<double>& means, std::vector<float>& scores) {
  const size_t width = q.width;
  const auto offset = projected_means(means, q);
  std::vector<double> products(width * width), projected;
  scores.resize(X.rows() * width);
  for_each_row_block<T>(X, [&](size_t first_cell, const CsrView<T>& block) {
    project(block, q, projected);
    for (size_t i = 0; i < block.rows; ++i)
      for (size_t j = 0; j < width; ++j) {
        double& y = projected[i * width + j];
        y -= offset[j];
        scores[(first_cell + i) * width + j] = float(y);
      }
    parallel_for(width, 4, [&](size_t first, size_t last) {
      for (size_t i = 0; i < block.rows; ++i) {
        const double* y = projected.data() + i * width;
        for (size_t j = first; j < last; ++j)
          add_scaled(products.data() + j * width, y[j], y, width);
      }
    });
  });
  return products;
}

/// Rotates directions and scores to those of greatest variance, and fixes their signs: the loading
/// of the greatest magnitude is above 0 (the first of several).
template <class = void>
void rotate_to_components(Pca& out, const SymmetricEigen& eigen, const PcaDirections& q,
                          const std::vector<float>& scores, size_t components) {
  const size_t genes = out.means.size(), width = q.width, cells = scores.size() / width;
  std::vector<double> turn(width * components);  // (width, components)
  for (size_t i = 0; i < width; ++i)
    for (size_t j = 0; j < components; ++j) turn[i * components + j] = eigen.vectors[i * width + j];
  const auto turned = [&](const auto* row, size_t j) {
    double sum = 0;
    for (size_t i = 0; i < width; ++i) sum += double(row[i]) * turn[i * components + j];
    return sum;
  };
  out.loadings = {genes, components, std::vector<double>(genes * components)};
  out.scores = {cells, components, std::vector<float>(cells * components)};
  for (size_t j = 0; j < components; ++j) {
    double most = 0;
    for (size_t gene = 0; gene < genes; ++gene) {
      const double x = turned(q.rows.data() + gene * width, j);
      if (std::abs(x) > std::abs(most)) most = x;
    }
    if (most < 0)
      for (size_t i = 0; i < width; ++i) turn[i * components + j] *= -1;
  }
  for (size_t gene = 0; gene < genes; ++gene)
    for (size_t j = 0; j < components; ++j)
      out.loadings.values[gene * components + j] = turned(q.rows.data() + gene * width, j);
  parallel_for(cells, 256, [&](size_t first, size_t last) {
    for (size_t cell = first; cell < last; ++cell)
      for (size_t j = 0; j < components; ++j)
        out.scores.values[cell * components + j] = float(turned(scores.data() + cell * width, j));
  });
}

}  // namespace detail

/// Principal components of cells by a randomised singular value decomposition (Halko, Martinsson &
/// Tropp 2011, doi:10.1137/090771806): a random subspace of the genes' space, iterated with A' A,
/// where A is X less the means of its genes, and the components of A within it. Sparse rows stay
/// sparse: means are subtracted from products alone. Components of like variance take more
/// iterations to tell apart.
///
/// Reads X options.iterations + 2 times (means; directions; scores), in O(stored values x
/// (components + oversample)) each; takes (2 cells + 10 genes) x (components + oversample) x 4
/// bytes beside a block of X. The bytes depend on the seed, not on threads or blocks.
///
/// @param X  (cells, genes), a Matrix or anything that is read in row blocks; such as log1p
/// @throws ConfigError if components is 0 or more than cells - 1 or genes, or values are not finite
template <class S>
requires RowSource<S, float> Pca pca(const S& X, const PcaOptions& options = {}) {
  const size_t cells = X.rows(), genes = X.columns();
  const size_t rank = std::min(genes, cells ? cells - 1 : 0);
  if (options.components == 0 || options.components > rank)
    throw ConfigError(message("pca: components is ", options.components, ", expected 1 .. ", rank,
                              ", the least of genes and cells less one"));
  return with_value_type<Pca>(X, [&]<class T>() {
    Pca out;
    const auto sums = sum_over_cells<T, 2>(X, [](T x) {
      return std::array<double, 2>{double(x), double(x) * double(x)};
    });
    double total = 0;
    for (const auto& [sum, squares] : sums) {
      out.means.push_back(sum / double(cells));
      total += squares - sum * out.means.back();
    }
    if (!std::isfinite(total))
      throw ConfigError("pca: X has values that are not finite, or too large to square");
    const size_t width = std::min(genes, options.components + options.oversample);
    auto q = detail::random_directions(genes, width, options.seed);
    for (size_t i = 0; i < options.iterations; ++i) q = detail::sharpened<T>(X, q, out.means);
    std::vector<float> scores;
    const auto products = detail::project_all<T>(X, q, out.means, scores);
    const auto eigen = detail::symmetric_eigen(products, q.width);
    const size_t found = std::min(options.components, q.width);
    for (size_t j = 0; j < found; ++j) {
      const double squares = std::max(0.0, eigen.values[j]);
      out.variance.push_back(squares / double(cells - 1));
      out.variance_ratio.push_back(total > 0 ? squares / total : 0);
    }
    detail::rotate_to_components(out, eigen, q, scores, found);
    return out;
  });
}

/// The same with X apart from adata, stored where scanpy stores it: obsm['X_pca'], varm['PCs'] (0
/// for genes that are not looked at), uns['pca'] with variance and variance_ratio.
/// @param X  (cells, genes), whatever options.layer says
/// @return   of the genes that are looked at
/// @throws ConfigError also if there is no such column, ShapeError if X has another shape
template <class S>
requires RowSource<S, float> Pca pca(AnnData& adata, const S& X, const PcaOptions& options) {
  check_size_match("pca", "rows of X", X.rows(), "cells", adata.cells());
  check_size_match("pca", "columns of X", X.columns(), "genes", adata.genes());
  std::vector<uint8_t> looked_at(adata.genes(), 1);
  Pca out;
  if (options.gene_mask) {
    const auto flags = adata.var.column(*options.gene_mask).numbers();
    for (size_t gene = 0; gene < flags.size(); ++gene) looked_at[gene] = flags[gene] == 1;
    SelectedRows rows{BorrowedRows(X)};
    rows.keep_columns(looked_at);
    out = pca(rows, options);
  } else {
    out = pca(X, options);
  }
  const size_t components = out.variance.size();
  DenseMatrix<double> loadings{adata.genes(), components,
                               std::vector<double>(adata.genes() * components)};
  for (size_t gene = 0, row = 0; gene < adata.genes(); ++gene)
    if (looked_at[gene])
      std::copy_n(out.loadings.values.begin() + std::ptrdiff_t(row++ * components), components,
                  loadings.values.begin() + std::ptrdiff_t(gene * components));
  adata.obsm.insert_or_assign("X_pca", Matrix(out.scores));
  adata.varm.insert_or_assign("PCs", Matrix(std::move(loadings)));
  Dict found;
  const auto array_of = [](const std::vector<double>& x) { return Array{{x.size()}, x}; };
  found.insert_or_assign("variance", array_of(out.variance));
  found.insert_or_assign("variance_ratio", array_of(out.variance_ratio));
  adata.uns.insert_or_assign("pca", std::move(found));
  return out;
}

/// The same of X of adata or a layer.
/// @throws ConfigError also if there is no such matrix
template <class = void>
Pca pca(AnnData& adata, const PcaOptions& options = {}) {
  const Matrix& X = options.layer ? detail::layer_of("pca", adata, *options.layer)
                                  : detail::matrix_of("pca", adata);
  return pca(adata, X, options);
}

VCELL_INSTANTIATE(data, Pca pca<void>(AnnData&, const PcaOptions&));

VCELL_END_NAMESPACE
