#pragma once

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/data/sort_rows.hpp"
#include "vcell/data/transposed.hpp"
#include "vcell/io/scratch_file.hpp"

VCELL_BEGIN_NAMESPACE

struct TransposedRowsOptions {
  /// Bytes that it may take: a matrix whose values and their columns need more than half of it lies
  /// in a temporary file. Beside them there are 8 bytes for each row.
  size_t memory = size_t(512) << 20;
  /// Where that file lies; empty: the system's folder for such files, which TMPDIR names.
  std::filesystem::path folder = {};
};

/// The columns of a source (see RowSource) as rows of a source, sparse, whatever its size. The
/// source is read once: as many of its rows as there is room for are transposed and written to a
/// file without a name, as a run of all new rows. A block of rows is put together of its part of
/// every run, so the same rows come out with any memory and any number of threads. Of columns that
/// a row of the source names more than once the values are added up, as sort_rows does. Copies
/// share the file; several threads may read at once.
class TransposedRows {
 public:
  /// @throws what reading the source throws; FormatError as sort_rows; WriteError if there is no
  ///         room for the file
  template <class S>
  explicit TransposedRows(const S& source, const TransposedRowsOptions& options = {});
  /// The same with values of type T.
  template <class T, class S>
  static TransposedRows as(const S& source, const TransposedRowsOptions& options = {});

  SparseLayout layout;  ///< as the source's

  size_t rows() const { return held_->rows; }
  size_t columns() const { return held_->columns; }
  /// As the source's; numbers of 16 bits are float32.
  DType dtype() const { return held_->dtype; }
  bool is_sparse() const { return true; }
  /// Where the values of each row begin.
  const std::vector<int64_t>& indptr() const {
    return held_->whole ? held_->whole->indptr() : held_->indptr;
  }
  /// All of it, where that is in memory; else nullptr.
  const Matrix* whole() const { return held_->whole ? &*held_->whole : nullptr; }
  /// Bytes of the temporary file; 0: all of it is in memory.
  uint64_t file_bytes() const { return held_->file ? held_->file->size() : 0; }

  /// Rows first .. last - 1.
  /// @throws FormatError if dtype() is not kept as T; ShapeError if there are no such rows
  template <class T>
  void read(size_t first, size_t last, CsrMatrix<T>& out) const;

 private:
  TransposedRows() = default;
  /// Some rows of the source, transposed: where its parts lie in the file.
  struct Run {
    uint64_t indptr, indices, values;
  };
  struct Held {
    size_t rows = 0, columns = 0;
    DType dtype = DType::f32;
    std::vector<int64_t> indptr;
    std::optional<Matrix> whole;
    std::optional<ScratchFile> file;
    std::vector<Run> runs;
  };

  template <class T>
  static CsrMatrix<T> transposed_part(const CsrView<T>& rows, const Held& held);
  template <class T, class S>
  void make(const S& source, const TransposedRowsOptions& options, DType dtype);
  template <class T, class S>
  static void write_runs(const S& source, const TransposedRowsOptions& options, Held& held);

  std::shared_ptr<const Held> held_;
};

template <class S>
TransposedRows::TransposedRows(const S& source, const TransposedRowsOptions& options) {
  DType dtype = source.dtype();
  if (dtype == DType::f16 || dtype == DType::bf16) dtype = DType::f32;
  visit_storage(dtype, [&]<class T>() {
    if constexpr (std::is_arithmetic_v<T>) make<T>(source, options, dtype);
  });
}

template <class T, class S>
TransposedRows TransposedRows::as(const S& source, const TransposedRowsOptions& options) {
  TransposedRows out;
  out.make<T>(source, options, dtype_of<T>());
  return out;
}

template <class T, class S>
void TransposedRows::make(const S& source, const TransposedRowsOptions& options, DType dtype) {
  layout = source.layout;
  const auto held = std::make_shared<Held>();
  held->rows = source.columns();
  held->columns = source.rows();
  held->dtype = dtype;
  // The whole and its transposition.
  if (source.rows() == 0 || block_end(source, 0, options.memory / 2) >= source.rows()) {
    CsrMatrix<T> scratch;
    CsrMatrix<T> all = transposed_part<T>(row_block(source, 0, source.rows(), scratch), *held);
    held->whole.emplace(all.rows, all.columns, std::move(all.indptr), std::move(all.indices),
                        Numbers(std::move(all.values), dtype), layout);
  } else {
    write_runs<T>(source, options, *held);
  }
  held_ = held;
}

/// @param rows  of the source: what a row names twice is in one part
template <class T>
CsrMatrix<T> TransposedRows::transposed_part(const CsrView<T>& rows, const Held& held) {
  CsrMatrix<T> part = transposed(rows);
  sort_rows(part);
  if (held.dtype == DType::boolean)  // true and true is true
    for (T& value : part.values) value = value != T(0);
  return part;
}

template <class T, class S>
void TransposedRows::write_runs(const S& source, const TransposedRowsOptions& options, Held& held) {
  held.indptr.assign(held.rows + 1, 0);
  held.file.emplace(options.folder);
  // A block of the source and its transposition; and no more of offsets than a fourth of the rest.
  const size_t bytes = std::max(options.memory / 4, 32 * held.rows);
  CsrMatrix<T> scratch;
  for (size_t first = 0, last; first < source.rows(); first = last) {
    last = block_end(source, first, bytes);
    CsrMatrix<T> run = transposed_part<T>(row_block(source, first, last, scratch), held);
    for (int32_t& column : run.indices) column += int32_t(first);
    for (size_t row = 0; row < held.rows; ++row)
      held.indptr[row + 1] += run.indptr[row + 1] - run.indptr[row];
    const auto append = [&](const auto& part) {
      return held.file->append(part.data(), part.size() * sizeof(part[0]));
    };
    const uint64_t indptr = append(run.indptr), indices = append(run.indices);
    held.runs.push_back({indptr, indices, append(run.values)});
  }
  for (size_t row = 0; row < held.rows; ++row) held.indptr[row + 1] += held.indptr[row];
}

template <class T>
void TransposedRows::read(size_t first, size_t last, CsrMatrix<T>& out) const {
  const Held& held = *held_;
  if (first > last || last > held.rows) [[unlikely]]
    detail::fail<ShapeError>("TransposedRows::read: rows ", first, " .. ", last,
                             " of a matrix with ", held.rows, " rows");
  if (dtype_of<T>() != held.dtype && !(held.dtype == DType::boolean && sizeof(T) == 1)) [[unlikely]]
    detail::fail<FormatError>("TransposedRows::read: as ", name_of(dtype_of<T>()), ", and it is ",
                              name_of(held.dtype));
  const size_t n = last - first;
  const std::vector<int64_t>& indptr_of_all = indptr();
  const int64_t begin = indptr_of_all[first];
  const auto stored = size_t(indptr_of_all[last] - begin);
  out.rows = n;
  out.columns = held.columns;
  out.indptr.resize(n + 1);
  for (size_t i = 0; i <= n; ++i) out.indptr[i] = indptr_of_all[first + i] - begin;
  out.indices.resize(stored);
  out.values.resize(stored);
  if (held.whole) {
    std::copy_n(held.whole->indices().data() + begin, stored, out.indices.data());
    std::copy_n(held.whole->values().values<T>().data() + begin, stored, out.values.data());
    return;
  }
  std::vector<int64_t> offsets(n + 1), next(out.indptr.begin(), out.indptr.end() - 1);
  std::vector<int32_t> indices;
  std::vector<T> values;
  for (const Run& run : held.runs) {
    held.file->read(run.indptr + first * sizeof(int64_t), (n + 1) * sizeof(int64_t),
                    offsets.data());
    const auto from = uint64_t(offsets[0]);
    const auto count = size_t(offsets[n] - offsets[0]);
    indices.resize(count);
    values.resize(count);
    held.file->read(run.indices + from * sizeof(int32_t), count * sizeof(int32_t), indices.data());
    held.file->read(run.values + from * sizeof(T), count * sizeof(T), values.data());
    parallel_for(n, 512, [&](size_t begin_row, size_t end_row) {
      for (size_t i = begin_row; i < end_row; ++i) {
        const auto at = size_t(offsets[i] - offsets[0]), size = size_t(offsets[i + 1] - offsets[i]);
        std::copy_n(indices.data() + at, size, out.indices.data() + next[i]);
        std::copy_n(values.data() + at, size, out.values.data() + next[i]);
        next[i] += int64_t(size);
      }
    });
  }
}

/// See RowSource. As the type that it is stored as it is read at once, else by way of that.
template <class T>
CsrView<T> row_block(const TransposedRows& source, size_t first, size_t last,
                     CsrMatrix<T>& scratch) {
  if (source.whole()) return row_block(*source.whole(), first, last, scratch);
  visit_storage(source.dtype(), [&]<class Stored>() {
    if constexpr (std::is_same_v<Stored, T>) {
      source.read(first, last, scratch);
    } else if constexpr (std::is_arithmetic_v<Stored>) {
      CsrMatrix<Stored> rows;
      source.read(first, last, rows);
      scratch.rows = rows.rows;
      scratch.columns = rows.columns;
      scratch.indptr = std::move(rows.indptr);
      scratch.indices = std::move(rows.indices);
      scratch.values.assign(rows.values.begin(), rows.values.end());
    }
  });
  return scratch.view();
}

template <class = void>
size_t block_end(const TransposedRows& source, size_t first, size_t bytes) {
  return detail::block_end(source.indptr(), source.rows(), source.columns(), source.dtype(), first,
                           bytes);
}

VCELL_END_NAMESPACE
