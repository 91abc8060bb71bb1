#pragma once

#include "vcell/data/subset.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
std::vector<size_t> places_of(std::span<const uint8_t> keep) {
  std::vector<size_t> places;
  for (size_t i = 0; i < keep.size(); ++i)
    if (keep[i]) places.push_back(i);
  return places;
}

}  // namespace detail

/// Drops the cells whose flag is 0 from everything that has rows for cells. X, layers and raw.X
/// change in place, so that none is in memory twice. obsm and obsp entries that were kept unread
/// (see uncut) go, since they cannot be cut.
/// @throws ShapeError if there is not one flag per cell
template <class = void>
void keep_cells(AnnData& a, std::span<const uint8_t> keep) {
  check_size_match("keep_cells", "flags", keep.size(), "cells", a.cells());
  const auto cells = detail::places_of(keep);
  if (a.X) a.X->keep_rows(keep);
  for (auto& entry : a.layers) entry.second.keep_rows(keep);
  if (a.raw && a.raw->X) a.raw->X->keep_rows(keep);
  a.obs = a.obs.select_rows(cells);
  a.obsm = detail::select_aligned(a.obsm, cells, false);
  a.obsp = detail::select_aligned(a.obsp, cells, true);
}

/// Drops the genes whose flag is 0 from everything that has them, X and layers in place; raw keeps
/// all of its own. varm and varp entries that were kept unread go.
/// @throws ShapeError if there is not one flag per gene
template <class = void>
void keep_genes(AnnData& a, std::span<const uint8_t> keep) {
  check_size_match("keep_genes", "flags", keep.size(), "genes", a.genes());
  const auto genes = detail::places_of(keep);
  if (a.X) a.X->keep_columns(keep);
  for (auto& entry : a.layers) entry.second.keep_columns(keep);
  a.var = a.var.select_rows(genes);
  a.varm = detail::select_aligned(a.varm, genes, false);
  a.varp = detail::select_aligned(a.varp, genes, true);
}

/// What is lost when cells or genes are dropped: the names, such as "obsm['records']", of aligned
/// entries that were kept unread.
template <class = void>
std::vector<std::string> uncut(const AnnData& a, bool cells, bool genes) {
  std::vector<std::string> out;
  const auto add = [&](const char* where, const Dict& entries) {
    for (const auto& [name, entry] : entries)
      if (entry.opaque()) out.push_back(message(where, "[", quoted(name), "]"));
  };
  if (cells) add("obsm", a.obsm), add("obsp", a.obsp);
  if (genes) add("varm", a.varm), add("varp", a.varp);
  return out;
}

VCELL_END_NAMESPACE
