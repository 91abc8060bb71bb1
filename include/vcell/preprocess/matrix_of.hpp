#pragma once

#include "vcell/data/check_anndata.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// X of a whole AnnData, for the functions that work on it.
/// @throws ConfigError if there is none, ShapeError if obs or var has another number of rows
template <class A>
auto& matrix_of(const char* function, A& adata) {
  if (!adata.X)
    throw ConfigError(message(function, ": there is no X (it may be absent in an AnnData), ",
                              "expected a matrix of cells x genes"));
  check_matrix_shape("X", *adata.X, adata.cells(), adata.genes());
  return *adata.X;
}

}  // namespace detail
VCELL_END_NAMESPACE
