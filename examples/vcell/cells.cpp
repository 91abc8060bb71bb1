#include "cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "vcell/io/h5ad.hpp"
#include "vcell/preprocess/filter_cells.hpp"
#include "vcell/preprocess/filter_genes.hpp"

vcell::AnnData read_cells(const std::string& file, Console& console, CellParts parts) {
  const bool all = parts == CellParts::all, X = parts != CellParts::labels;
  std::vector<std::string> remarks;
  auto adata = vcell::read_h5ad(file, {.X = X,
                                       .layers = all,
                                       .obsm = all,
                                       .varm = all,
                                       .obsp = all,
                                       .varp = all,
                                       .raw = all,
                                       .uns = X,
                                       .warnings = &remarks,
                                       .progress = console.progress()});
  for (const auto& remark : remarks) console.note(remark);
  console.note(fmt::format("{}: {} cells x {} genes", file, adata.cells(), adata.genes()));
  return adata;
}

void write_cells(const std::filesystem::path& file, const vcell::AnnData& adata, Console& console) {
  vcell::write_h5ad(file, adata, {.progress = console.progress()});
}

void filter(vcell::AnnData& adata, size_t min_genes, size_t min_cells, Console& console) {
  const auto say_uncut = [&](const std::vector<std::string>& names) {
    if (!names.empty())
      console.note("left out, since what is kept unread cannot be cut: " + vcell::list_of(names));
  };
  if (min_genes) {
    const auto uncut = vcell::uncut(adata, true, false);
    const auto kept = vcell::filter_cells(adata, {.min_genes = double(min_genes)});
    console.note(fmt::format("dropped {} of {} cells with fewer than {} genes", kept.dropped(),
                             kept.keep.size(), min_genes));
    if (kept.dropped()) say_uncut(uncut);
    if (adata.cells() == 0)
      throw vcell::ConfigError(
          fmt::format("no cell has {} genes, so none is left; lower --min-genes", min_genes));
  }
  if (min_cells) {
    const auto uncut = vcell::uncut(adata, false, true);
    const auto kept = vcell::filter_genes(adata, {.min_cells = double(min_cells)});
    console.note(fmt::format("dropped {} of {} genes in fewer than {} cells", kept.dropped(),
                             kept.keep.size(), min_cells));
    if (kept.dropped()) say_uncut(uncut);
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
  if (normalized.found.scale == vcell::Scale::counts)
    console.note(
        fmt::format("counts were normalised to {} a cell and log1p'd", *normalized.target_sum));
  else
    console.note("X is log1p already and stays as it is" +
                 (normalized.target_sum
                      ? fmt::format("; it was normalised to {} a cell", *normalized.target_sum)
                      : ""));
  if (normalized.empty_cells)
    console.note(
        fmt::format("{} cells have no counts at all and stay zero", normalized.empty_cells));
}

bool same_total(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(a, b); }

vcell::NormalizedToLog1p normalize(vcell::AnnData& adata,
                                   const vcell::NormalizeToLog1pOptions& options,
                                   Console& console) {
  const auto normalized = vcell::normalize_to_log1p(adata, options);
  say(normalized, console);
  return normalized;
}
