#pragma once

#include "vcell/data/anndata.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
void check_aligned(const char* where, const std::map<std::string, Aligned>& entries,
                   size_t expected, bool square) {
  const auto bad = [&](const std::string& name, const char* what, size_t found) {
    throw ShapeError(message("check_anndata: ", where, "[", quoted(name), "] has ", found, " ",
                             what, ", expected ", expected));
  };
  for (const auto& [name, entry] : entries) {
    if (const auto* m = std::get_if<Matrix>(&entry)) {
      if (rows(*m) != expected) bad(name, "rows", rows(*m));
      if (square && columns(*m) != expected) bad(name, "columns", columns(*m));
    } else if (const auto* a = std::get_if<Array>(&entry)) {
      if (a->shape.empty() || a->shape[0] != expected)
        bad(name, "rows", a->shape.empty() ? 0 : a->shape[0]);
    } else if (const auto* d = std::get_if<DataFrame>(&entry)) {
      if (d->rows() != expected) bad(name, "rows", d->rows());
    }
  }
}

template <class = void>
void check_matrix_shape(const std::string& what, const Matrix& m, size_t cells, size_t genes) {
  if (rows(m) != cells || columns(m) != genes)
    throw ShapeError(message("check_anndata: ", what, " has shape (", rows(m), ", ", columns(m),
                             "), expected (", cells, ", ", genes, ") as obs and var say"));
}

}  // namespace detail

/// Checks that every part has as many rows and columns as obs and var say.
/// @throws ShapeError naming the part that has not
template <class = void>
void check_anndata(const AnnData& a) {
  if (a.X) detail::check_matrix_shape("X", *a.X, a.cells(), a.genes());
  for (const auto& [name, layer] : a.layers)
    detail::check_matrix_shape(message("layers[", quoted(name), "]"), layer, a.cells(), a.genes());
  detail::check_aligned("obsm", a.obsm, a.cells(), false);
  detail::check_aligned("varm", a.varm, a.genes(), false);
  detail::check_aligned("obsp", a.obsp, a.cells(), true);
  detail::check_aligned("varp", a.varp, a.genes(), true);
  if (!a.raw) return;
  if (a.raw->X) detail::check_matrix_shape("raw.X", *a.raw->X, a.cells(), a.raw->var.rows());
  detail::check_aligned("raw.varm", a.raw->varm, a.raw->var.rows(), false);
}

VCELL_END_NAMESPACE
