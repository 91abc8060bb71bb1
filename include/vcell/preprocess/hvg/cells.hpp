#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vcell/preprocess/hvg/options.hpp"
#include "vcell/preprocess/over_cells.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The cells that genes are scored from.
struct HvgCells {
  std::vector<int32_t> chosen;     ///< (cells) 0, or -1 where it is not looked at; empty: all are
  std::vector<int32_t> batches;    ///< (cells) its batch or -1; empty without batches
  std::vector<std::string> names;  ///< of the batches in which there is a cell that is looked at

  bool has_batches() const { return !names.empty(); }
  CellGroups all() const { return {chosen, 1}; }
  CellGroups by_batch() const { return has_batches() ? CellGroups{batches, names.size()} : all(); }
  /// For messages: "batch 'b1': " or nothing.
  std::string prefix(size_t batch) const {
    return has_batches() ? message("batch ", quoted(names[batch]), ": ") : std::string();
  }
};

/// @throws ConfigError and ShapeError as highly_variable_genes does for options and cells
template <class = void>
HvgCells hvg_cells(size_t cells, size_t genes, const HighlyVariableGenesOptions& options) {
  const char* name = "highly_variable_genes";
  check_positive(name, "n_top_genes", options.n_top_genes);
  check_positive(name, "n_bins", options.n_bins);
  const size_t chosen = count_chosen(name, options.cells, cells);
  if (genes == 0 || cells < 2)
    throw ConfigError(message(name, ": X has ", cells, " cells and ", genes,
                              " genes, expected at least 2 and 1"));
  if (chosen < 2)
    throw ConfigError(message(name, ": options.cells chooses ", chosen, " of the ", cells,
                              " cells, expected at least 2"));
  if (options.cut_offs && options.flavor == HvgFlavor::seurat_v3)
    throw ConfigError(message(name, ": flavor seurat_v3 ranks genes and has no cut-offs; give ",
                              "n_top_genes alone, or take another flavor"));
  if (options.layer || options.batch_key)
    throw ConfigError(message(name, ": options.", options.layer ? "layer" : "batch_key",
                              " names a ",
                              "part of an AnnData, and X alone is given; hand in the AnnData, or ",
                              "the layer as X and options.batches"));
  if (!options.gene_names.empty())
    check_size_match(name, "options.gene_names", options.gene_names.size(), "genes", genes);
  HvgCells out;
  out.chosen = groups_of_choice(options.cells);
  if (!options.batches) return out;

  const Factor& batches = *options.batches;
  check_size_match(name, "entries of options.batches", batches.size(), "cells", cells);
  std::vector<size_t> sizes(batches.names.size());
  for (size_t cell = 0; cell < cells; ++cell) {
    if (!is_chosen(options.cells, cell)) continue;
    const int32_t code = batches.codes[cell];
    if (code < 0)
      throw ConfigError(message(name, ": cell number ", cell, " (from 0) has no batch; leave such ",
                                "cells out (options.cells), or name their batch"));
    check_index(name, "code of a batch", code, sizes.size());
    ++sizes[size_t(code)];
  }
  std::vector<int32_t> places(sizes.size(), -1);
  for (size_t batch = 0; batch < sizes.size(); ++batch) {
    if (sizes[batch] == 0) continue;
    if (sizes[batch] == 1)
      throw ConfigError(message(name, ": batch ", quoted(batches.names[batch]), " has 1 cell",
                                options.cells.empty() ? "" : " that is looked at",
                                ", and a variance takes 2; leave the cell out, or give it the ",
                                "name of another batch"));
    places[batch] = int32_t(out.names.size());
    out.names.push_back(batches.names[batch]);
  }
  out.batches.assign(cells, -1);
  for (size_t cell = 0; cell < cells; ++cell)
    if (is_chosen(options.cells, cell)) out.batches[cell] = places[size_t(batches.codes[cell])];
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
