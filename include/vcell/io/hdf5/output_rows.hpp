#pragma once

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "vcell/io/hdf5/output.hpp"

VCELL_BEGIN_NAMESPACE
namespace hdf5 {

/// Numbers that are written a few rows at a time, where nobody knows yet how many come. What fits
/// into one chunk is written as OutputGroup::numbers writes it.
class OutputRows {
 public:
  /// @param columns  entries of a row; none: the numbers are a list, and a row is one of them
  /// @param dtype    in the file
  /// @param memory   of what is appended
  /// @param group    of the file; it lives longer
  template <class = void>
  OutputRows(const OutputGroup& group, std::string name, DType dtype, DType memory,
             std::optional<size_t> columns = {});

  /// @param values  of so many rows
  template <class = void>
  void append(size_t rows, std::span<const std::byte> values);
  /// Writes what is left.
  /// @return the dataset, for its attributes
  template <class = void>
  Handle finish();

 private:
  static constexpr size_t most_rows = std::numeric_limits<size_t>::max();

  template <class = void>
  void write(size_t rows);
  std::vector<size_t> shape(size_t rows) const {
    return columns_ ? std::vector<size_t>{rows, *columns_} : std::vector<size_t>{rows};
  }

  const OutputGroup& group_;
  std::string name_;
  DType dtype_, memory_;
  std::optional<size_t> columns_;
  size_t row_bytes_ = 0, chunk_rows_ = 1, rows_ = 0, written_ = 0;
  std::vector<std::byte> pending_;
  Handle dataset_;
};

template <class>
OutputRows::OutputRows(const OutputGroup& group, std::string name, DType dtype, DType memory,
                       std::optional<size_t> columns)
    : group_(group),
      name_(std::move(name)),
      dtype_(dtype),
      memory_(memory),
      columns_(columns),
      row_bytes_(columns.value_or(1) * size_of(memory)) {
  if (row_bytes_)
    chunk_rows_ =
        size_t(detail::chunk_of(shape(most_rows), H5Tget_size(memory_type(dtype))).front());
}

template <class>
void OutputRows::append(size_t rows, std::span<const std::byte> values) {
  rows_ += rows;
  pending_.insert(pending_.end(), values.begin(), values.end());
  const size_t chunk = chunk_rows_ * row_bytes_;
  // A last chunk stays behind: it may be the only one.
  if (chunk && pending_.size() > chunk) write((pending_.size() - 1) / chunk * chunk_rows_);
}

template <class>
Handle OutputRows::finish() {
  if (!dataset_.valid())
    return group_.numbers(name_, dtype_, shape(rows_), pending_.data(), memory_);
  write(pending_.size() / row_bytes_);
  return std::move(dataset_);
}

/// Writes the first rows of those that wait.
template <class>
void OutputRows::write(size_t rows) {
  if (rows == 0) return;
  if (!dataset_.valid()) dataset_ = group_.growing_numbers(name_, dtype_, shape(most_rows));
  const auto extents = shape(written_ + rows), here = shape(rows);
  std::vector<hsize_t> whole(extents.begin(), extents.end()), piece(here.begin(), here.end()),
      start(here.size(), 0);
  start[0] = written_;
  group_.check(H5Dset_extent(dataset_, whole.data()), name_);
  const Handle file(H5Dget_space(dataset_)), memory(detail::space_of(here));
  group_.check(
      H5Sselect_hyperslab(file, H5S_SELECT_SET, start.data(), nullptr, piece.data(), nullptr),
      name_);
  group_.check(
      H5Dwrite(dataset_, Handle(memory_type(memory_)), memory, file, H5P_DEFAULT, pending_.data()),
      name_);
  written_ += rows;
  pending_.erase(pending_.begin(), pending_.begin() + std::ptrdiff_t(rows * row_bytes_));
}

}  // namespace hdf5
VCELL_END_NAMESPACE
