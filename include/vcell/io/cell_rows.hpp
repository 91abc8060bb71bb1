#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "vcell/data/selected_rows.hpp"
#include "vcell/io/read_cells.hpp"

VCELL_BEGIN_NAMESPACE

/// X of cells in any format, read in blocks of rows (see RowSource): from the open file where it is
/// HDF5, all of it or some rows and columns; from memory otherwise. Copies share the file or the
/// memory.
class CellRows {
 public:
  CellRows(H5adRows file) : CellRows(file.layout, std::move(file)) {}
  CellRows(SelectedRows<H5adRows> file) : CellRows(file.layout, std::move(file)) {
    layout.by_columns = false;  // what is left of columns that were turned is written by rows
  }
  CellRows(Matrix memory)
      : CellRows(memory.layout, std::make_shared<const Matrix>(std::move(memory))) {}

  SparseLayout layout;

  size_t rows() const {
    return visit<size_t>([](const auto& s) { return s.rows(); });
  }
  size_t columns() const {
    return visit<size_t>([](const auto& s) { return s.columns(); });
  }
  DType dtype() const {
    return visit<DType>([](const auto& s) { return s.dtype(); });
  }
  bool is_sparse() const {
    return visit<bool>([](const auto& s) { return s.is_sparse(); });
  }
  /// All of it, where that is in memory; else nullptr.
  const Matrix* whole() const {
    if (const auto* memory = std::get_if<Memory>(&source_)) return memory->get();
    if (const auto* file = std::get_if<H5adRows>(&source_)) return file->whole();
    return nullptr;
  }

  /// Calls f with what the rows come from, a row source of its own, and returns what it returns.
  template <class R, class F>
  R visit(F&& f) const {
    if (const auto* file = std::get_if<H5adRows>(&source_)) return f(*file);
    if (const auto* some = std::get_if<SelectedRows<H5adRows>>(&source_)) return f(*some);
    return f(*std::get<Memory>(source_));
  }

  /// See read_rows.
  template <class T>
  void read(std::span<const size_t> wanted, CsrMatrix<T>& out) const {
    visit<void>([&](const auto& s) { read_rows(s, wanted, out); });
  }

 private:
  using Memory = std::shared_ptr<const Matrix>;

  template <class S>
  CellRows(SparseLayout as, S source) : layout(as), source_(std::move(source)) {}

  std::variant<H5adRows, SelectedRows<H5adRows>, Memory> source_;
};

template <class T>
CsrView<T> row_block(const CellRows& source, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return source.visit<CsrView<T>>(
      [&](const auto& s) { return row_block(s, first, last, scratch); });
}

template <class = void>
size_t block_end(const CellRows& source, size_t first, size_t bytes) {
  return source.visit<size_t>([&](const auto& s) { return block_end(s, first, bytes); });
}

/// Cells whose X stays where it is.
struct OpenCells {
  AnnData cells;  ///< all that was asked for but X
  CellRows X;
};

/// The same as read_cells, with X of h5ad and of 10x .h5 left in the file and read in blocks.
/// @param rows  of h5ad, which matrix and how; budget and warnings are those of options.h5ad
/// @throws as read_cells and H5adRows; FormatError if the file has no X
template <class = void>
OpenCells open_cells(const std::filesystem::path& path, ReadCellsOptions options = {},
                     H5adRowsOptions rows = {}) {
  const CellFormat format = cell_format(path);
  rows.budget = options.h5ad.budget;
  rows.warnings = options.h5ad.warnings;
  if (format == CellFormat::mtx || format == CellFormat::csv_table) {
    options.h5ad.X = true;
    AnnData cells = read_cells(path, options);
    Matrix X = std::move(*cells.X);
    cells.X.reset();
    return {std::move(cells), std::move(X)};
  }
  detail::check_read_cells(path, format, options.input);
  options.h5ad.X = false;
  AnnData cells;
  std::vector<uint8_t> keep_genes;
  const auto open = [&]() -> H5adRows {
    if (format == CellFormat::h5ad) {
      cells = detail::read_cells_of(format, path, options);
      return H5adRows(path, rows);
    }
    return H5adRows(path, rows, [&](const hdf5::Object& root) {
      auto found = detail::annotations_of_10x(
          root, {.genes = options.input.genes, .X = false, .warnings = options.h5ad.warnings});
      cells = std::move(found.cells);
      if (!found.all) keep_genes = std::move(found.keep);
      return std::move(found.rows);
    });
  };
  H5adRows file = open();
  std::vector<uint8_t> keep;
  if (!options.input.metadata.file.empty())
    keep = join_metadata(cells.obs, options.input.metadata, quoted(path.string()),
                         options.h5ad.budget, options.h5ad.warnings);
  const bool all_cells = std::find(keep.begin(), keep.end(), 0) == keep.end();
  if (all_cells && keep_genes.empty()) return {std::move(cells), std::move(file)};
  SelectedRows<H5adRows> some(std::move(file));
  if (!keep_genes.empty()) some.keep_columns(keep_genes);
  if (!all_cells) {
    some.keep_rows(keep);
    keep_cells(cells, keep);
  }
  return {std::move(cells), std::move(some)};
}

VCELL_INSTANTIATE(files, OpenCells open_cells<void>(const std::filesystem::path&, ReadCellsOptions,
                                                    H5adRowsOptions));

VCELL_END_NAMESPACE
