#include "cells.hpp"

#include <fmt/format.h>

#include "vcell/io/h5ad.hpp"

vcell::AnnData read_cells(const std::string& file, Console& console, CellParts parts,
                          double memory) {
  const bool all = parts == CellParts::all,
             X = parts != CellParts::labels && parts != CellParts::annotations;
  std::vector<std::string> remarks;
  auto adata = vcell::read_h5ad(file, {.X = X,
                                       .layers = all,
                                       .obsm = all || parts == CellParts::expression_and_obsm,
                                       .varm = all,
                                       .obsp = all,
                                       .varp = all,
                                       .raw = all,
                                       .uns = X || parts == CellParts::annotations,
                                       .budget = size_t(memory * 1e9),
                                       .warnings = &remarks,
                                       .progress = console.progress()});
  for (const auto& remark : remarks) console.note(remark);
  console.note(fmt::format("{}: {} cells x {} genes", file, adata.cells(), adata.genes()));
  return adata;
}

void write_cells(const std::filesystem::path& file, const vcell::AnnData& adata, Console& console) {
  vcell::write_h5ad(file, adata, {.progress = console.progress()});
}
