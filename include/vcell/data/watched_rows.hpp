#pragma once

#include <string>
#include <utility>

#include "vcell/core/progress.hpp"
#include "vcell/data/read_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// A source (see RowSource) of which every block that is read is told to a watcher, who may stop
/// the reading: for what reads cells through without a watcher of its own. Of rows by number their
/// count is told.
template <class S>
class WatchedRows {
 public:
  /// @param stage  what the reading is called
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

  /// @throws Stopped if the watcher asks for it
  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
    report(progress_, {stage_, last, rows(), {}});
    return row_block(source_, first, last, scratch);
  }
  /// @throws Stopped if the watcher asks for it
  template <class T>
  void read(std::span<const size_t> wanted, CsrMatrix<T>& out) const {
    report(progress_, {stage_, wanted.size(), 0, {}});
    read_rows(source_, wanted, out);
  }
  size_t end_of_block(size_t first, size_t bytes) const { return block_end(source_, first, bytes); }

 private:
  S source_;
  Progress progress_;
  std::string stage_;
};

template <class T, class S>
CsrView<T> row_block(const WatchedRows<S>& source, size_t first, size_t last,
                     CsrMatrix<T>& scratch) {
  return source.read(first, last, scratch);
}

template <class S>
size_t block_end(const WatchedRows<S>& source, size_t first, size_t bytes) {
  return source.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
