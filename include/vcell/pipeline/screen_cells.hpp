#pragma once

#include <utility>

#include "vcell/data/anndata.hpp"
#include "vcell/data/any_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// Cells that a screen is made of, with X in memory or wherever it is.
struct ScreenCells {
  /// With X in memory, by value: move it in where it is not needed any more.
  ScreenCells(AnnData cells) : adata(std::move(cells)) {}
  /// @param cells  without X
  /// @param rows   X, which is read in blocks, several times
  ScreenCells(AnnData cells, AnyRows rows) : adata(std::move(cells)), X(std::move(rows)) {}

  AnnData adata;
  AnyRows X;  ///< null where adata has it
};

VCELL_END_NAMESPACE
