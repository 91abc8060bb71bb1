#include "cells.hpp"

#include <fmt/format.h>

#include "vcell/io/h5ad.hpp"
#include "vcell/io/read_cells.hpp"

vcell::AnnData read_cells(const std::string& file, Console& console, CellParts parts, double memory,
                          const vcell::CellInput& input) {
  const bool all = parts == CellParts::all || parts == CellParts::all_but_x,
             X = parts == CellParts::all || parts == CellParts::expression ||
                 parts == CellParts::expression_and_obsm;
  std::vector<std::string> remarks;
  auto adata =
      vcell::read_cells(file, {.h5ad = {.X = X,
                                        .layers = all,
                                        .obsm = all || parts == CellParts::expression_and_obsm,
                                        .varm = all,
                                        .obsp = all,
                                        .varp = all,
                                        .raw = all,
                                        .uns = X || all || parts == CellParts::annotations,
                                        .budget = size_t(memory * 1e9),
                                        .warnings = &remarks,
                                        .progress = console.progress()},
                               .input = input});
  for (const auto& remark : remarks) console.note(remark);
  console.note(fmt::format("{}: {} cells x {} genes", file, adata.cells(), adata.genes()));
  return adata;
}

void write_cells(const std::filesystem::path& file, const vcell::AnnData& adata,
                 vcell::H5adWriteOptions storage, Console& console) {
  storage.progress = console.progress();
  vcell::write_h5ad(file, adata, storage);
}
