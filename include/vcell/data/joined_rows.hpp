#pragma once

#include <algorithm>
#include <utility>

#include "vcell/data/joined_dtype.hpp"
#include "vcell/data/read_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// Rows of several sources (see RowSource), one source after the other, as one. Each has a map from
/// its columns to the joined ones; columns that a source lacks are zeros in its rows. The dtype is
/// the one that holds all (joined_dtype), the layout is the first's, by rows.
template <class S>
class JoinedRows {
 public:
  /// @param sources  at least one
  /// @param places   for each source and each of its columns the joined one; -1: left out. No two
  ///                 of a source are the same
  /// @param columns  how many joined ones there are
  /// @throws ConfigError without a source; ShapeError if there is not one place per column, or a
  ///         place is none of the joined columns or is there twice
  JoinedRows(std::vector<S> sources, std::vector<std::vector<int32_t>> places, size_t columns);

  SparseLayout layout;

  size_t rows() const { return begins_.back(); }
  size_t columns() const { return columns_; }
  DType dtype() const { return dtype_; }
  bool is_sparse() const { return is_sparse_; }

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const;
  template <class T>
  void read(std::span<const size_t> wanted, CsrMatrix<T>& out) const;
  size_t end_of_block(size_t first, size_t bytes) const;

 private:
  struct Columns {
    std::vector<int32_t> places;
    bool is_same = true;       // every column stays where it is
    bool is_ascending = true;  // those that stay keep their order
  };
  /// The source that a row is in.
  size_t source_of(size_t row) const {
    return size_t(std::upper_bound(begins_.begin(), begins_.end() - 1, row) - begins_.begin()) - 1;
  }
  template <class T>
  static void append(CsrMatrix<T>& out, const CsrView<T>& rows, const Columns& columns);

  std::vector<S> sources_;
  std::vector<Columns> maps_;
  std::vector<size_t> begins_{0};  // the first row of each source, then the number of rows
  size_t columns_;
  DType dtype_ = DType::f32;
  bool is_sparse_ = true;
};

template <class S>
JoinedRows<S>::JoinedRows(std::vector<S> sources, std::vector<std::vector<int32_t>> places,
                          size_t columns)
    : sources_(std::move(sources)), columns_(columns) {
  check_positive("JoinedRows", "sources", sources_.size());
  check_size_match("JoinedRows", "maps of columns", places.size(), "sources", sources_.size());
  layout = sources_[0].layout;
  layout.by_columns = false;
  dtype_ = sources_[0].dtype();
  is_sparse_ = sources_[0].is_sparse();
  for (size_t i = 0; i < sources_.size(); ++i) {
    const S& source = sources_[i];
    check_size_match("JoinedRows", "places of columns", places[i].size(), "columns of the source",
                     source.columns());
    dtype_ = joined_dtype(dtype_, source.dtype());
    begins_.push_back(begins_.back() + source.rows());
    Columns map{std::move(places[i]), source.columns() == columns, true};
    std::vector<uint8_t> taken(columns, 0);
    int32_t before = -1;
    for (size_t c = 0; c < map.places.size(); ++c) {
      const int32_t place = map.places[c];
      if (place != int32_t(c)) map.is_same = false;
      if (place < 0) continue;
      check_index("JoinedRows", "column", size_t(place), columns);
      if (std::exchange(taken[size_t(place)], uint8_t(1))) [[unlikely]]
        detail::fail<ShapeError>("JoinedRows: two columns of source ", i, " go to column ", place);
      if (place < before) map.is_ascending = false;
      before = place;
    }
    maps_.push_back(std::move(map));
  }
}

template <class S>
template <class T>
void JoinedRows<S>::append(CsrMatrix<T>& out, const CsrView<T>& rows, const Columns& columns) {
  if (columns.is_same) return out.append(rows);
  std::vector<std::pair<int32_t, T>> entries;
  for (size_t row = 0; row < rows.rows; ++row) {
    const auto indices = rows.row_indices(row);
    const auto values = rows.row_values(row);
    entries.clear();
    for (size_t k = 0; k < indices.size(); ++k)
      if (const int32_t place = columns.places[size_t(indices[k])]; place >= 0)
        entries.emplace_back(place, values[k]);
    if (!columns.is_ascending)
      std::sort(entries.begin(), entries.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& entry : entries) {
      out.indices.push_back(entry.first);
      out.values.push_back(entry.second);
    }
    out.end_row();
  }
}

template <class S>
template <class T>
CsrView<T> JoinedRows<S>::read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
  if (first > last || last > rows()) [[unlikely]]
    detail::fail<ShapeError>("row_block: rows ", first, " .. ", last, " of a matrix with ", rows(),
                             " rows");
  CsrMatrix<T> out, part;
  out.columns = columns_;
  for (size_t row = first; row < last;) {
    const size_t i = source_of(row), end = std::min(last, begins_[i + 1]);
    if (maps_[i].is_same && row == first && end == last)
      return row_block(sources_[i], row - begins_[i], end - begins_[i], scratch);
    append(out, row_block(sources_[i], row - begins_[i], end - begins_[i], part), maps_[i]);
    row = end;
  }
  scratch = std::move(out);
  return scratch.view();
}

template <class S>
template <class T>
void JoinedRows<S>::read(std::span<const size_t> wanted, CsrMatrix<T>& out) const {
  for (const size_t row : wanted) check_index("read_rows", "row", row, rows());
  clear_rows(out, columns_);
  CsrMatrix<T> part;
  std::vector<size_t> own;
  for (size_t k = 0; k < wanted.size();) {
    const size_t i = source_of(wanted[k]);
    own.clear();
    for (; k < wanted.size() && source_of(wanted[k]) == i; ++k)
      own.push_back(wanted[k] - begins_[i]);
    read_rows(sources_[i], own, part);
    append(out, part.view(), maps_[i]);
  }
}

template <class S>
size_t JoinedRows<S>::end_of_block(size_t first, size_t bytes) const {
  if (first >= rows()) return rows();
  const size_t i = source_of(first);  // a block never needs rows of two sources
  return begins_[i] +
         std::min(block_end(sources_[i], first - begins_[i], bytes), sources_[i].rows());
}

template <class T, class S>
CsrView<T> row_block(const JoinedRows<S>& source, size_t first, size_t last,
                     CsrMatrix<T>& scratch) {
  return source.read(first, last, scratch);
}
template <class S>
size_t block_end(const JoinedRows<S>& source, size_t first, size_t bytes) {
  return source.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
