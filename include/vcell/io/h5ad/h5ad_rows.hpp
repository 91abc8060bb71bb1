#pragma once

#include <filesystem>
#include <memory>
#include <numeric>
#include <string>

#include "vcell/core/cmath.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/io/h5ad/read_h5ad.hpp"

VCELL_BEGIN_NAMESPACE

struct H5adRowsOptions {
  /// The matrix: "X", "raw/X", "layers/NAME" or "obsm/NAME".
  std::string element = "X";
  /// As in H5adReadOptions; of what is read it counts a block at a time.
  size_t budget = 0;
  /// A matrix that is stored by columns, whose rows are spread over all of the file, is read whole,
  /// turned into rows and kept in memory; else it is an error. A warning says how much that takes.
  bool turn_columns = false;
  /// Takes one line for what was read otherwise than it is stored; nullptr drops them.
  std::vector<std::string>* warnings = nullptr;
};

/// A matrix of an h5ad file that stays open, read in blocks of rows (see RowSource): of a sparse
/// one the offsets of its rows are in memory, and no value, but where turn_columns says so. Copies
/// share the open file, which lives as long as the last of them; threads that read through them
/// wait for each other.
class H5adRows {
 public:
  /// @throws IoError if the file cannot be opened
  /// @throws FormatError as read_h5ad does, or if the matrix is stored by columns and is not to be
  ///         turned (H5adRowsOptions::turn_columns)
  template <class = void>
  explicit H5adRows(const std::filesystem::path& path, const H5adRowsOptions& options = {});

  SparseLayout layout;

  size_t rows() const { return file_->matrix->rows; }
  size_t columns() const { return file_->matrix->columns; }
  DType dtype() const { return file_->matrix->dtype; }
  bool is_sparse() const { return file_->matrix->is_sparse; }
  /// Where the values of each row begin; none of a dense matrix.
  const std::vector<int64_t>& indptr() const {
    return whole() ? whole()->indptr() : file_->matrix->indptr();
  }
  /// All of it, where that is in memory; else nullptr.
  const Matrix* whole() const { return file_->whole ? &*file_->whole : nullptr; }

  /// Rows first .. last - 1, as they are stored, with ascending columns.
  /// @throws ShapeError if there are no such rows; FormatError if they are damaged; IoError if the
  ///         file was changed since it was opened
  template <class = void>
  Matrix read(size_t first, size_t last) const;
  /// The same into room that is used again; false, and nothing done, where rows are not stored as
  /// sparse ones of T.
  template <class T>
  bool read(size_t first, size_t last, CsrMatrix<T>& out) const;

 private:
  template <class = void>
  void check_rows(size_t first, size_t last) const;

  struct File {
    hdf5::Reading reading;
    hdf5::Object root, element;
    std::optional<detail::MatrixElement> matrix;
    std::optional<Matrix> whole;  // of columns that were turned
  };
  std::shared_ptr<File> file_;
};

template <class>
H5adRows::H5adRows(const std::filesystem::path& path, const H5adRowsOptions& options)
    : file_(std::make_shared<File>()) {
  const hdf5::LibraryUse use;
  hdf5::Reading& reading = file_->reading;
  reading.function = "H5adRows";
  reading.warnings = options.warnings;
  reading.budget = options.budget;
  file_->root = hdf5::open_file(path, reading);
  detail::check_is_anndata(file_->root);
  file_->element = file_->root.open(options.element);
  file_->matrix.emplace(file_->element, detail::Extents{});
  layout = file_->matrix->layout;
  if (layout.by_columns) {
    if (!options.turn_columns)
      file_->element.fail("is stored by columns (csc_matrix), expected rows; read all of it with ",
                          "read_h5ad, or write it by rows: in Python, adata.X = adata.X.tocsr()");
    file_->whole = file_->matrix->read_all();
    const double bytes = double(file_->whole->values().size()) *
                         double(size_of(file_->whole->dtype()) + sizeof(int32_t));
    file_->element.warn(
        "is stored by columns (csc_matrix), so all of it is in memory, turned into ",
        "rows: ", std::round(bytes / 1e5) / 10, " MB, and twice that while turning");
  }
  hdf5::check_unchanged(file_->root);
  reading.warnings = nullptr;  // which need not live as long as the file
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
  const hdf5::LibraryUse use;
  file_->matrix->read({first, last}, out);
  hdf5::check_unchanged(file_->root);
  return true;
}

template <class>
Matrix H5adRows::read(size_t first, size_t last) const {
  check_rows(first, last);
  if (whole()) {
    std::vector<size_t> wanted(last - first);
    std::iota(wanted.begin(), wanted.end(), first);
    return select_rows(*whole(), wanted);
  }
  const hdf5::LibraryUse use;
  Matrix out = file_->matrix->read({first, last});
  hdf5::check_unchanged(file_->root);
  return out;
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
