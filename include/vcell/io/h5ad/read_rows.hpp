#pragma once

#include <span>

#include "vcell/io/h5ad/h5ad_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// Rows of a matrix in a file, in the order given, sorted or not; a row may be named more than
/// once. They are looked up as they lie in the file, each chunk is unpacked once for all rows of a
/// call, by all threads, and those that were wanted last are kept for the next
/// (H5adRowsOptions::memory); so a few thousand rows at a time are read as fast as blocks are.
/// Several threads may call this at once (see H5adRows).
/// @param out  room that is used again; zeros of a dense matrix are left out
/// @throws ShapeError if there is no such row; FormatError if they are damaged; IoError if the file
///         was changed since it was opened
template <class T>
void read_rows(const H5adRows& source, std::span<const size_t> rows, CsrMatrix<T>& out) {
  source.read(rows, out);
}
/// The same in room of its own.
template <class T>
CsrMatrix<T> read_rows(const H5adRows& source, std::span<const size_t> rows) {
  CsrMatrix<T> out;
  source.read(rows, out);
  return out;
}

VCELL_END_NAMESPACE
