#pragma once

#include "vcell/data/anndata.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
void check_aligned(const char* where, const Dict& entries, size_t expected, bool square) {
  const auto bad = [&](const std::string& name, const char* what, size_t found) {
    throw ShapeError(message("check_anndata: ", where, "[", quoted(name), "] has ", found, " ",
                             what, ", expected ", expected));
  };
  for (const auto& [name, entry] : entries) {
    if (const Matrix* m = entry.matrix()) {
      if (m->rows() != expected) bad(name, "rows", m->rows());
      if (square && m->columns() != expected) bad(name, "columns", m->columns());
    } else if (const Array* a = entry.array()) {
      if (a->shape.empty() || a->shape[0] != expected)
        bad(name, "rows", a->shape.empty() ? 0 : a->shape[0]);
    } else if (const DataFrame* table = entry.table()) {
      if (table->rows() != expected) bad(name, "rows", table->rows());
    } else if (!entry.opaque()) {
      throw ShapeError(message("check_anndata: ", where, "[", quoted(name), "] has no rows, ",
                               "expected a matrix, an array, a table or something kept unread"));
    }
  }
}

template <class = void>
void check_matrix_shape(const std::string& what, const Matrix& m, size_t cells, size_t genes) {
  if (m.rows() != cells || m.columns() != genes)
    throw ShapeError(message("check_anndata: ", what, " has shape (", m.rows(), ", ", m.columns(),
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
