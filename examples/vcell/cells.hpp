#pragma once

#include <filesystem>
#include <string>

#include "console.hpp"
#include "vcell/data/anndata.hpp"

// Reading and writing cells, with everything said aloud that was assumed or dropped.

/// What of an h5ad file is wanted.
enum class CellParts {
  all,
  expression,           ///< X, obs, var and uns
  expression_and_obsm,  ///< the same and obsm
  labels,               ///< obs and var
  annotations,          ///< obs, var and uns
};

/// Reads an h5ad file.
/// @param memory  GB that its arrays may take; 0: what its size allows
vcell::AnnData read_cells(const std::string& file, Console& console, CellParts parts,
                          double memory);

/// Writes an h5ad file.
void write_cells(const std::filesystem::path& file, const vcell::AnnData& adata, Console& console);
