#pragma once

#include <string>

#include "vcell/core/cmath.hpp"
#include "vcell/data/anndata.hpp"

VCELL_BEGIN_NAMESPACE

/// The embedding that data come with, (cells, E).
/// @param key  of obsm
/// @throws ConfigError naming the key, if there is none of it, or its values are not finite
template <class = void>
DenseMatrix<float> embedding_in(const AnnData& adata, const std::string& key) {
  const std::string where = message("obsm[", quoted(key), "]");
  auto out = to_dense<float>(matrix(adata.obsm, key, "obsm"));
  check_size_match("embedding_in", message("rows of ", where).c_str(), out.rows, "cells",
                   adata.cells());
  if (out.columns == 0) throw ConfigError(message("embedding_in: ", where, " has no columns"));
  for (size_t i = 0; i < out.values.size(); ++i)
    if (!std::isfinite(out.values[i]))
      throw ConfigError(message("embedding_in: ", where, " of cell ",
                                quoted(adata.obs.index[i / out.columns]), " is ", out.values[i],
                                " in column ", i % out.columns, ", expected finite numbers"));
  return out;
}

VCELL_END_NAMESPACE
