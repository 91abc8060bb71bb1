#pragma once

#include <span>

#include "vcell/data/anndata.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
Array select_rows(const Array& a, std::span<const size_t> rows) {
  Array out = {a.shape, {}};
  out.shape[0] = rows.size();
  const size_t width = a.shape[0] ? a.values.size() / a.shape[0] : 0;
  out.values = a.values.select(rows, width);
  return out;
}

/// Picks rows, and the same columns where entries are square. Elements kept unread cannot be cut.
template <class = void>
Dict select_aligned(const Dict& from, std::span<const size_t> picked, bool square) {
  Dict out;
  for (const auto& [name, entry] : from) {
    if (const Matrix* m = entry.matrix()) {
      Matrix cut = vcell::select_rows(*m, picked);
      out.emplace(name, square ? vcell::select_columns(cut, picked) : std::move(cut));
    } else if (const DataFrame* table = entry.table()) {
      out.emplace(name, table->select_rows(picked));
    } else if (const Array* a = entry.array(); a && !square) {
      out.emplace(name, select_rows(*a, picked));
    }
  }
  return out;
}

}  // namespace detail

/// These cells, in the given order, of everything that has rows for cells. obsm and obsp entries
/// that were kept unread (Opaque) are left out, since they cannot be cut.
/// @throws ShapeError if there is no such cell
template <class = void>
AnnData select_cells(const AnnData& a, std::span<const size_t> cells) {
  AnnData out;
  if (a.X) out.X = select_rows(*a.X, cells);
  out.obs = a.obs.select_rows(cells);
  out.var = a.var;
  for (const auto& [name, layer] : a.layers) out.layers.emplace(name, select_rows(layer, cells));
  out.obsm = detail::select_aligned(a.obsm, cells, false);
  out.varm = a.varm;
  out.obsp = detail::select_aligned(a.obsp, cells, true);
  out.varp = a.varp;
  if (a.raw) {
    out.raw = Raw{std::nullopt, a.raw->var, a.raw->varm};
    if (a.raw->X) out.raw->X = select_rows(*a.raw->X, cells);
  }
  out.uns = a.uns;
  return out;
}

/// These genes, in the given order, of everything that has them; raw keeps all of its own. varm and
/// varp entries that were kept unread (Opaque) are left out.
/// @throws ShapeError if there is no such gene
template <class = void>
AnnData select_genes(const AnnData& a, std::span<const size_t> genes) {
  AnnData out;
  if (a.X) out.X = select_columns(*a.X, genes);
  out.obs = a.obs;
  out.var = a.var.select_rows(genes);
  for (const auto& [name, layer] : a.layers) out.layers.emplace(name, select_columns(layer, genes));
  out.obsm = a.obsm;
  out.varm = detail::select_aligned(a.varm, genes, false);
  out.obsp = a.obsp;
  out.varp = detail::select_aligned(a.varp, genes, true);
  out.raw = a.raw;
  out.uns = a.uns;
  return out;
}

/// These cells and these genes, in the given orders.
/// @throws ShapeError if there is no such cell or gene
template <class = void>
AnnData subset(const AnnData& a, std::span<const size_t> cells, std::span<const size_t> genes) {
  return select_genes(select_cells(a, cells), genes);
}

VCELL_END_NAMESPACE
