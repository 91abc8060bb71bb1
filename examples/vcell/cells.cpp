#include "cells.hpp"

#include <fmt/format.h>

#include "vcell/io/h5ad.hpp"
#include "vcell/preprocess/filter_cells.hpp"
#include "vcell/preprocess/filter_genes.hpp"

vcell::AnnData read_cells(const std::string& file, Console& console) {
  std::vector<std::string> remarks;
  auto adata = vcell::read_h5ad(file, {.warnings = &remarks, .progress = console.progress()});
  for (const auto& remark : remarks) console.note(remark);
  console.note(fmt::format("{}: {} cells x {} genes", file, adata.cells(), adata.genes()));
  return adata;
}

void filter(vcell::AnnData& adata, size_t min_genes, size_t min_cells, Console& console) {
  if (min_genes) {
    const auto kept = vcell::filter_cells(adata, {.min_genes = double(min_genes)});
    console.note(fmt::format("dropped {} of {} cells with fewer than {} genes", kept.dropped(),
                             kept.keep.size(), min_genes));
    if (adata.cells() == 0)
      throw vcell::ConfigError(
          fmt::format("no cell has {} genes, so none is left; lower --min-genes", min_genes));
  }
  if (min_cells) {
    const auto kept = vcell::filter_genes(adata, {.min_cells = double(min_cells)});
    console.note(fmt::format("dropped {} of {} genes in fewer than {} cells", kept.dropped(),
                             kept.keep.size(), min_cells));
    if (adata.genes() == 0)
      throw vcell::ConfigError(
          fmt::format("no gene is in {} cells, so none is left; lower --min-cells", min_cells));
  }
}

void say(const vcell::NormalizedToLog1p& normalized, Console& console) {
  if (normalized.found.inferred)
    console.note(
        "X holds whole numbers only and nothing says what they are: taken as counts "
        "(say --scale to be sure)");
  if (normalized.target_sum)
    console.note(
        fmt::format("counts were normalised to {} a cell and log1p'd", *normalized.target_sum));
  else
    console.note("X is log1p already and stays as it is");
  if (normalized.empty_cells)
    console.note(
        fmt::format("{} cells have no counts at all and stay zero", normalized.empty_cells));
}

vcell::NormalizedToLog1p normalize(vcell::AnnData& adata,
                                   const vcell::NormalizeToLog1pOptions& options,
                                   Console& console) {
  const auto normalized = vcell::normalize_to_log1p(adata, options);
  say(normalized, console);
  return normalized;
}
