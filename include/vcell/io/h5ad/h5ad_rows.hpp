#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <numeric>
#include <string>

#include "vcell/core/cmath.hpp"
#include "vcell/data/read_rows.hpp"
#include "vcell/io/h5ad/read_h5ad.hpp"
#include "vcell/io/transposed_rows.hpp"

VCELL_BEGIN_NAMESPACE

struct H5adRowsOptions {
  /// The matrix: "X", "raw/X", "layers/NAME" or "obsm/NAME".
  std::string element = "X";
  /// As in H5adReadOptions; of what is read it counts a block at a time.
  size_t budget = 0;
  /// Bytes that it may keep beside the blocks that are read. An eighth is for unpacked chunks that
  /// rows to come may want, sparse ones' values and columns each half of it, and one chunk in any
  /// case. A matrix that is stored by columns, whose rows are spread over all of the file, is
  /// turned into rows when it is opened: in memory where half of these bytes are enough, else in a
  /// temporary file; a warning says so.
  size_t memory = size_t(512) << 20;
  /// The folder of that file; empty: the system's, which TMPDIR names.
  std::filesystem::path temporary_folder = {};
  /// Takes one line for what was read otherwise than it is stored; nullptr drops them.
  std::vector<std::string>* warnings = nullptr;
};

/// Rows that a file of another kind than h5ad keeps as a group of data, indices and indptr.
struct SparseGroup {
  hdf5::Object group;
  std::array<int64_t, 2> shape;  ///< rows, columns
};

namespace detail {

/// The columns of a matrix that is stored by columns, as rows of a source.
struct StoredColumns {
  const MatrixElement& matrix;
  SparseLayout layout = {};

  size_t rows() const { return matrix.columns; }
  size_t columns() const { return matrix.rows; }
  DType dtype() const { return matrix.dtype; }
};

template <class T>
CsrView<T> row_block(const StoredColumns& source, size_t first, size_t last,
                     CsrMatrix<T>& scratch) {
  const hdf5::RowRange columns{first, last};
  source.matrix.read_lines(std::span(&columns, 1), scratch);
  return scratch.view();
}

template <class = void>
size_t block_end(const StoredColumns& source, size_t first, size_t bytes) {
  return block_end(source.matrix.indptr(), source.rows(), source.columns(), source.dtype(), first,
                   bytes);
}

}  // namespace detail

/// A matrix of an h5ad file that stays open, read in blocks of rows (see RowSource), or by number
/// (see read_rows). Beside H5adRowsOptions::memory the offsets of its rows and the places of its
/// chunks are in memory, and no value. Copies share the open file, which lives as long as the last
/// of them. Several threads may read through them at once; they wait for each other, and for others
/// that call HDF5, only where that is needed to read rows: numbers of another byte order, and
/// filters other than gzip, LZF, shuffle and fletcher32.
class H5adRows {
 public:
  /// @throws IoError if the file cannot be opened
  /// @throws FormatError as read_h5ad does; WriteError if there is no room for a temporary file
  template <class = void>
  explicit H5adRows(const std::filesystem::path& path, const H5adRowsOptions& options = {});
  /// The same of a file of another kind.
  /// @param find  finds the matrix from the root, instead of options.element
  template <class = void>
  H5adRows(const std::filesystem::path& path, const H5adRowsOptions& options,
           const std::function<SparseGroup(const hdf5::Object&)>& find);

  SparseLayout layout;

  size_t rows() const { return file_->matrix->rows; }
  size_t columns() const { return file_->matrix->columns; }
  DType dtype() const { return file_->matrix->dtype; }
  bool is_sparse() const { return file_->matrix->is_sparse; }
  /// Where the values of each row begin; none of a dense matrix.
  const std::vector<int64_t>& indptr() const {
    return file_->turned ? file_->turned->indptr() : file_->matrix->indptr();
  }
  /// All of it, where that is in memory; else nullptr.
  const Matrix* whole() const { return file_->turned ? file_->turned->whole() : nullptr; }

  /// Rows first .. last - 1, as they are stored, with ascending columns.
  /// @throws ShapeError if there are no such rows; FormatError if they are damaged; IoError if the
  ///         file was changed since it was opened
  template <class = void>
  Matrix read(size_t first, size_t last) const;
  /// The same into room that is used again; false, and nothing done, where rows are not stored as
  /// sparse ones of T.
  template <class T>
  bool read(size_t first, size_t last, CsrMatrix<T>& out) const;
  /// Rows in the order given, as they are stored: looked up as they lie in the file, each chunk
  /// unpacked once for all of them, by all threads; those that were wanted last are kept for the
  /// next call (H5adRowsOptions::memory).
  /// @throws ShapeError if there is no such row; else as above
  template <class = void>
  Matrix read(std::span<const size_t> rows) const;
  /// The same as sparse rows of T; see read_rows.
  template <class T>
  void read(std::span<const size_t> rows, CsrMatrix<T>& out) const;

 private:
  template <class = void>
  void check_rows(size_t first, size_t last) const;
  /// The lock of HDF5, where it is needed to read rows.
  std::unique_ptr<hdf5::LibraryUse> library() const {
    return file_->matrix->needs_library() ? std::make_unique<hdf5::LibraryUse>() : nullptr;
  }

  struct File {
    hdf5::Reading reading;
    hdf5::Object root, element;
    std::optional<detail::MatrixElement> matrix;
    std::optional<TransposedRows> turned;  // of a matrix by columns
  };
  template <class = void>
  void open(const std::filesystem::path& path, const H5adRowsOptions& options);
  template <class = void>
  void turn(const H5adRowsOptions& options);

  std::shared_ptr<File> file_;
};

template <class>
void H5adRows::open(const std::filesystem::path& path, const H5adRowsOptions& options) {
  file_ = std::make_shared<File>();
  hdf5::Reading& reading = file_->reading;
  reading.function = "H5adRows";
  reading.warnings = options.warnings;
  reading.budget = options.budget;
  file_->root = hdf5::open_file(path, reading);
}

template <class>
H5adRows::H5adRows(const std::filesystem::path& path, const H5adRowsOptions& options,
                   const std::function<SparseGroup(const hdf5::Object&)>& find) {
  const hdf5::LibraryUse use;
  open(path, options);
  SparseGroup found = find(file_->root);
  file_->element = std::move(found.group);
  file_->matrix.emplace(file_->element, found.shape, detail::Extents{}, options.memory / 8);
  layout = file_->matrix->layout;
  hdf5::check_unchanged(file_->root);
  file_->reading.warnings = nullptr;
}

template <class>
H5adRows::H5adRows(const std::filesystem::path& path, const H5adRowsOptions& options) {
  {
    const hdf5::LibraryUse use;
    open(path, options);
    detail::check_is_anndata(file_->root);
    file_->element = file_->root.open(detail::stored_path(file_->root, options.element));
    file_->matrix.emplace(file_->element, detail::Extents{}, options.memory / 8);
  }
  layout = file_->matrix->layout;
  if (layout.by_columns) turn(options);
  hdf5::check_unchanged(file_->root);
  file_->reading.warnings = nullptr;  // which need not live as long as the file
}

template <class>
void H5adRows::turn(const H5adRowsOptions& options) {
  const auto use = library();
  try {
    file_->turned.emplace(detail::StoredColumns{*file_->matrix, layout},
                          TransposedRowsOptions{options.memory, options.temporary_folder});
  } catch (const FormatError& e) {
    const std::string_view what = e.what();
    if (what.starts_with("sort_rows")) file_->element.fail(what);  // it does not know the file
    throw;
  }
  const auto megabytes = [](double bytes) { return std::round(bytes / 1e5) / 10; };
  const char* const columns = "is stored by columns (csc_matrix), so all of it ";
  if (whole())
    file_->element.warn(
        columns, "is in memory, turned into rows: ",
        megabytes(double(whole()->values().size()) * double(size_of(dtype()) + sizeof(int32_t))),
        " MB, and twice that while turning");
  else
    file_->element.warn(columns, "lies in a temporary file, turned into rows: ",
                        megabytes(double(file_->turned->file_bytes())), " MB");
}

template <class>
void H5adRows::check_rows(size_t first, size_t last) const {
  if (first > last || last > rows()) [[unlikely]]
    detail::fail<ShapeError>("H5adRows::read: rows ", first, " .. ", last, " of a matrix with ",
                             rows(), " rows");
}

template <class T>
bool H5adRows::read(size_t first, size_t last, CsrMatrix<T>& out) const {
  if (whole() || !is_sparse() || dtype() != dtype_of<T>()) return false;
  check_rows(first, last);
  if (file_->turned) {
    file_->turned->read(first, last, out);
    return true;
  }
  const auto use = library();
  file_->matrix->read(hdf5::RowRange{first, last}, out);
  hdf5::check_unchanged(file_->root);
  return true;
}

template <class>
Matrix H5adRows::read(size_t first, size_t last) const {
  check_rows(first, last);
  if (file_->turned) {
    std::vector<size_t> wanted(last - first);
    std::iota(wanted.begin(), wanted.end(), first);
    return read(wanted);
  }
  const auto use = library();
  Matrix out = file_->matrix->read(hdf5::RowRange{first, last});
  hdf5::check_unchanged(file_->root);
  return out;
}

template <class>
Matrix H5adRows::read(std::span<const size_t> wanted) const {
  for (const size_t row : wanted) check_index("read_rows", "row", row, rows());
  if (whole()) return select_rows(*whole(), wanted);
  if (file_->turned)
    return visit_storage<Matrix>(dtype(), [&]<class T>() -> Matrix {
      CsrMatrix<T> m;
      if constexpr (std::is_arithmetic_v<T>) read_rows(*file_->turned, wanted, m);
      return {m.rows,
              m.columns,
              std::move(m.indptr),
              std::move(m.indices),
              Numbers(std::move(m.values), dtype()),
              layout};
    });
  const auto use = library();
  Matrix out = file_->matrix->read(wanted);
  hdf5::check_unchanged(file_->root);
  return out;
}

template <class T>
void H5adRows::read(std::span<const size_t> wanted, CsrMatrix<T>& out) const {
  if (whole()) return read_rows(*whole(), wanted, out);
  if (file_->turned) return read_rows(*file_->turned, wanted, out);
  if (!is_sparse() || dtype() != dtype_of<T>()) {
    out = read(wanted).template take_csr<T>();
    return;
  }
  for (const size_t row : wanted) check_index("read_rows", "row", row, rows());
  const auto use = library();
  file_->matrix->read(wanted, out);
  hdf5::check_unchanged(file_->root);
}

template <class T>
CsrView<T> row_block(const H5adRows& source, size_t first, size_t last, CsrMatrix<T>& scratch) {
  if (source.whole()) return row_block(*source.whole(), first, last, scratch);
  if (!source.read(first, last, scratch)) scratch = source.read(first, last).template take_csr<T>();
  return scratch.view();
}

template <class = void>
size_t block_end(const H5adRows& source, size_t first, size_t bytes) {
  return detail::block_end(source.indptr(), source.rows(), source.columns(), source.dtype(), first,
                           bytes);
}

VCELL_END_NAMESPACE
