#pragma once

#include <concepts>

#include "vcell/data/matrix.hpp"

VCELL_BEGIN_NAMESPACE

/// Rows first .. last - 1 of a matrix as sparse rows of T: borrowed where they are stored so, else
/// made in `scratch`, which the view then refers to.
/// @throws ShapeError if there are no such rows
template <class T>
CsrView<T> row_block(const Matrix& m, size_t first, size_t last, CsrMatrix<T>& scratch) {
  if (first > last || last > rows(m)) [[unlikely]]
    detail::fail<ShapeError>("row_block: rows ", first, " .. ", last, " of a matrix with ", rows(m),
                             " rows");
  if (const auto* same = std::get_if<CsrMatrix<T>>(&m)) return same->view(first, last);
  scratch = CsrMatrix<T>{};
  scratch.columns = columns(m);
  std::visit<void>(
      [&](const auto& x) {
        if constexpr (detail::is_csr_v<std::decay_t<decltype(x)>>) {
          for (size_t i = first; i < last; ++i) {
            const auto indices = x.row_indices(i);
            const auto values = x.row_values(i);
            scratch.indices.insert(scratch.indices.end(), indices.begin(), indices.end());
            scratch.values.insert(scratch.values.end(), values.begin(), values.end());
            scratch.end_row();
          }
        } else {
          append_rows(scratch, x, first, last);
        }
      },
      m);
  return scratch.view();
}

/// What for_each_row_block reads: anything with rows(m), columns(m) and row_block<T>(m, ...), such
/// as a Matrix, or a matrix that stays in its file and is read a block at a time.
template <class M, class T>
concept RowBlocks = requires(const M& m, size_t i, CsrMatrix<T>& scratch) {
  { rows(m) } -> std::convertible_to<size_t>;
  { columns(m) } -> std::convertible_to<size_t>;
  { row_block(m, i, i, scratch) } -> std::same_as<CsrView<T>>;
};

/// Calls f(first_row, CsrView<T>) for every block of at most rows_per_block rows, in order. What is
/// written over this function runs in the memory of one block.
template <class T, class M, class F>
requires RowBlocks<M, T>
void for_each_row_block(const M& m, size_t rows_per_block, F&& f) {
  check_positive("for_each_row_block", "rows_per_block", rows_per_block);
  CsrMatrix<T> scratch;
  for (size_t first = 0; first < rows(m); first += rows_per_block)
    f(first, row_block(m, first, std::min(rows(m), first + rows_per_block), scratch));
}

VCELL_END_NAMESPACE
