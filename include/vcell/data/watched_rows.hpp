#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "vcell/core/progress.hpp"
#include "vcell/data/row_source.hpp"

VCELL_BEGIN_NAMESPACE

/// A source of rows (see RowSource) that tells a watcher which rows are read, who may stop it.
template <class S>
class WatchedRows {
 public:
  /// @param stage  what is being done, for ProgressUpdate
  WatchedRows(S source, Progress progress, std::string stage)
      : layout(source.layout),
        source_(std::move(source)),
        progress_(std::move(progress)),
        stage_(std::move(stage)) {}

  SparseLayout layout;

  size_t rows() const { return source_.rows(); }
  size_t columns() const { return source_.columns(); }
  DType dtype() const { return source_.dtype(); }
  bool is_sparse() const { return source_.is_sparse(); }

  /// @throws Stopped if the watcher asks for it; as the source
  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
    report(progress_, {stage_, first, rows(), {}});
    return row_block(source_, first, last, scratch);
  }
  /// Blocks of at most 16 MiB, so that a watcher who wants to stop is asked often.
  size_t end_of_block(size_t first, size_t bytes) const {
    return block_end(source_, first, std::min(bytes, size_t(16) << 20));
  }

 private:
  S source_;
  Progress progress_;
  std::string stage_;
};

template <class T, class S>
CsrView<T> row_block(const WatchedRows<S>& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return s.template read<T>(first, last, scratch);
}
template <class S>
size_t block_end(const WatchedRows<S>& s, size_t first, size_t bytes) {
  return s.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
