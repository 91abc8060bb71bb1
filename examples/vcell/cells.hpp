#pragma once

#include <filesystem>
#include <string>

#include "console.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/data/cell_input.hpp"
#include "vcell/io/h5ad/h5ad_write_options.hpp"

// Reading and writing cells, with everything said aloud that was assumed or dropped.

/// What of a file is wanted.
enum class CellParts {
  all,
  all_but_x,
  expression,           ///< X, obs, var and uns
  expression_and_obsm,  ///< the same and obsm
  labels,               ///< obs and var
  annotations,          ///< obs, var and uns
};

/// Reads cells of any format.
/// @param memory  GB that its arrays may take; 0: what its size allows
vcell::AnnData read_cells(const std::string& file, Console& console, CellParts parts, double memory,
                          const vcell::CellInput& input = {});

/// Writes an h5ad file.
/// @param storage  its progress is the console's
void write_cells(const std::filesystem::path& file, const vcell::AnnData& adata,
                 vcell::H5adWriteOptions storage, Console& console);
