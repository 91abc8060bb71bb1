// A source of rows whose blocks are as small as a test wants them.
#pragma once

#include <algorithm>

#include "vcell/data/row_source.hpp"

namespace vcell_test {

/// A matrix that gives no more than so many rows at once.
struct Blocks {
  vcell::Matrix m;
  size_t most;
  size_t* read = nullptr;  // where it is given, gets how many rows were read
  vcell::SparseLayout layout = {};

  size_t rows() const { return m.rows(); }
  size_t columns() const { return m.columns(); }
  vcell::DType dtype() const { return m.dtype(); }
  bool is_sparse() const { return m.is_sparse(); }
};
inline size_t block_end(const Blocks& b, size_t first, size_t) {
  return std::min(first + b.most, b.rows());
}
template <class T>
vcell::CsrView<T> row_block(const Blocks& b, size_t first, size_t last,
                            vcell::CsrMatrix<T>& scratch) {
  if (b.read) *b.read += last - first;
  return row_block(b.m, first, last, scratch);
}

}  // namespace vcell_test
