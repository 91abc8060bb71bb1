#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "vcell/preprocess/pca.hpp"
#include "vcell/preprocess/variance_shares.hpp"

VCELL_BEGIN_NAMESPACE

/// How much of the variance of cells along their principal components lies between the groups of
/// cells that columns make (see VarianceShare, of which a component is a gene here).
struct ComponentShares {
  std::vector<double> variance_ratio;     ///< (components) of the variance of the genes looked at
  std::vector<VarianceShare> of_columns;  ///< (columns), each (components)

  /// Of all components together, each weighted with its variance; NaN if none varies.
  template <class = void>
  double mean(size_t column) const {
    double sum = 0, all = 0;
    for (size_t j = 0; j < variance_ratio.size(); ++j)
      if (const double share = of_columns[column].of_genes[j]; !std::isnan(share))
        sum += variance_ratio[j] * share, all += variance_ratio[j];
    return all > 0 ? sum / all : std::numeric_limits<double>::quiet_NaN();
  }
};

struct ComponentSharesOptions {
  size_t components = 10;            ///< at most; 0: nothing is found
  PcaOptions pca = {};               ///< its components are not read
  size_t bytes = size_t(512) << 20;  ///< that the genes looked at may take in memory
};

/// Of the principal components of some genes, such as the highly variable ones. Where their values
/// fit into options.bytes they are read once and kept, else once for each pass of pca; to the same
/// bits.
/// @param X       (cells, genes) log1p
/// @param genes   not 0 where a gene is looked at
/// @param labels  (cells) each
/// @return  nothing where there is no component: fewer than 2 cells, or no gene
/// @throws ShapeError if there is not one flag for every gene, or one label for every cell;
///         ConfigError as pca
template <class S>
requires RowSource<S, float> std::optional<ComponentShares> component_shares(
    const S& X, std::span<const uint8_t> genes, const std::vector<const Factor*>& labels,
    const ComponentSharesOptions& options = {}) {
  SelectedRows some{BorrowedRows<S>(X)};
  some.keep_columns(genes);
  PcaOptions of_pca = options.pca;
  of_pca.components =
      std::min({options.components, some.columns(), X.rows() ? X.rows() - 1 : size_t(0)});
  if (of_pca.components == 0) return {};
  const Pca found = with_value_type<Pca>(X, [&]<class T>() {
    CsrMatrix<T> kept;
    kept.columns = some.columns();
    bool fits = true;
    for_each_row_block<T>(some, [&](size_t, const CsrView<T>& block) {
      fits = (kept.values.size() + block.values.size()) * (sizeof(T) + sizeof(int32_t)) <=
             options.bytes;
      if (fits) kept.append(block);
      return fits;
    });
    if (fits) return pca(Matrix(std::move(kept)), of_pca);
    kept = {};
    return pca(some, of_pca);
  });
  return ComponentShares{found.variance_ratio, variance_shares(Matrix(found.scores), labels)};
}

VCELL_END_NAMESPACE
