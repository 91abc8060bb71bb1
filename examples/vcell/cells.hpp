#pragma once

#include <filesystem>
#include <string>

#include "console.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"

// Reading cells and bringing them to log1p, with everything said aloud that was assumed or dropped.

/// What of an h5ad file is wanted.
enum class CellParts {
  all,
  expression,  ///< X, obs, var and uns
  labels,      ///< obs and var
};

/// Reads an h5ad file.
vcell::AnnData read_cells(const std::string& file, Console& console, CellParts parts);

/// Writes an h5ad file.
void write_cells(const std::filesystem::path& file, const vcell::AnnData& adata, Console& console);

/// Drops cells with fewer than `min_genes` genes, then genes in fewer than `min_cells` cells; 0
/// drops none.
/// @throws vcell::ConfigError if nothing is left
void filter(vcell::AnnData& adata, size_t min_genes, size_t min_cells, Console& console);

/// Says how X became log1p.
void say(const vcell::NormalizedToLog1p& normalized, Console& console);

/// Whether two totals that cells were normalised to are one, but for rounding.
bool same_total(double a, double b);

/// Brings X to log1p.
vcell::NormalizedToLog1p normalize(vcell::AnnData& adata,
                                   const vcell::NormalizeToLog1pOptions& options, Console& console);
