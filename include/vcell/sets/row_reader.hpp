#pragma once

#include <algorithm>
#include <concepts>
#include <functional>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/data/read_rows.hpp"
#include "vcell/sets/gather_rows.hpp"

VCELL_BEGIN_NAMESPACE

namespace detail {

/// A source whose rows can be had as they are stored.
template <class S>
concept ReadsMatrix = requires(const S& s, std::span<const size_t> rows) {
  { s.read(rows) } -> std::same_as<Matrix>;
};

/// How many rows of a source take about so many bytes.
template <class S>
size_t rows_of_bytes(const S& source, size_t bytes) {
  size_t blocks = 0;
  for (size_t row = 0; row < source.rows(); ++blocks) row = block_end(source, row, bytes);
  return std::max<size_t>(1, source.rows() / std::max<size_t>(1, blocks));
}

}  // namespace detail

/// Rows of numbers by their place in any order, wherever they are: in a matrix in memory, in an
/// open file or whatever else is a RowSource, or in several of these, one after the other. Copies
/// share what they read. Safe to use from several threads at once.
class RowReader {
 public:
  /// Reads nothing.
  RowReader() = default;
  /// Rows of a matrix that outlives the reader; null reads nothing.
  RowReader(const CsrMatrix<float>* m) : csr_(m) {}
  RowReader(const DenseMatrix<float>* m) : dense_(m) {}

  /// Rows of a source, which is kept: read in the order of their places (see read_rows), by all
  /// threads, about `block_bytes` at a time. Reading from several threads must be safe.
  /// @param places   for each column of the source the reader's; -1: left out
  /// @param columns  of the reader; those that no place names are zeros
  /// @throws ShapeError if there is not a place for every column, or one is none of the reader's;
  ///         ConfigError if one is there twice
  template <class S>
  requires RowSource<S, float>
  static RowReader of(S source, std::vector<int32_t> places, size_t columns,
                      size_t block_bytes = size_t(4) << 20) {
    check_size_match("RowReader::of", "places", places.size(), "columns of the source",
                     source.columns());
    std::vector<uint8_t> taken(columns, 0);
    for (const int32_t place : places) {
      if (place < 0) continue;
      check_index("RowReader::of", "place", place, columns);
      if (std::exchange(taken[size_t(place)], uint8_t(1)))
        throw ConfigError(message("RowReader::of: two columns have the place ", place));
    }
    const size_t rows = source.rows();
    const size_t at_once = detail::rows_of_bytes(source, block_bytes);
    auto read = [source = std::move(source), places = std::move(places), columns, at_once](
                    std::span<const Wanted> wanted, float* out) {
      CsrMatrix<float> scratch;
      for (size_t i = 0; i < wanted.size(); i += at_once)
        read_source(source, places, wanted.subspan(i, std::min(at_once, wanted.size() - i)),
                    columns, scratch, out);
    };
    RowReader reader;
    reader.far_ = std::make_shared<const Far>(Far{rows, columns, std::move(read)});
    return reader;
  }
  /// The same of all columns.
  template <class S>
  requires RowSource<S, float>
  static RowReader of(S source) {
    std::vector<int32_t> all(source.columns());
    std::iota(all.begin(), all.end(), 0);
    const size_t columns = all.size();
    return of(std::move(source), std::move(all), columns);
  }
  /// The rows of several readers, numbered through.
  /// @throws ShapeError if they have not as many columns
  template <class = void>
  static RowReader joined(std::vector<RowReader> parts);

  explicit operator bool() const { return csr_ || dense_ || far_; }
  size_t rows() const { return csr_ ? csr_->rows : dense_ ? dense_->rows : far_ ? far_->rows : 0; }
  size_t columns() const {
    return csr_ ? csr_->columns : dense_ ? dense_->columns : far_ ? far_->columns : 0;
  }
  /// The matrix in memory that is read, if it is one; else nullptr.
  const CsrMatrix<float>* csr() const { return csr_; }
  const DenseMatrix<float>* dense() const { return dense_; }

  /// Writes rows, zeros included, one after the other.
  /// @param rows  which rows, in order; any may come more than once. no_row gives a row of zeros
  /// @param out   (rows, columns)
  /// @throws ShapeError if out has another shape or there is no such row; what reading throws
  template <class = void>
  void read(std::span<const size_t> rows, View<float, 2> out, size_t no_row = ~size_t(0)) const;

 private:
  struct Wanted {
    size_t row, place;  // of out
  };
  struct Far {
    size_t rows, columns;
    std::function<void(std::span<const Wanted>, float* out)> read;  // by rows, ascending
  };
  template <class S>
  static void read_source(const S& source, std::span<const int32_t> places,
                          std::span<const Wanted> wanted, size_t columns, CsrMatrix<float>& scratch,
                          float* out);
  template <class = void>
  void read_wanted(std::span<const Wanted> wanted, float* out) const;

  const CsrMatrix<float>* csr_ = nullptr;
  const DenseMatrix<float>* dense_ = nullptr;
  std::shared_ptr<const Far> far_;
};

template <class S>
void RowReader::read_source(const S& source, std::span<const int32_t> places,
                            std::span<const Wanted> wanted, size_t columns, CsrMatrix<float>& found,
                            float* out) {
  std::vector<size_t> rows;  // each once
  std::vector<size_t> place_of(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (rows.empty() || rows.back() != wanted[i].row) rows.push_back(wanted[i].row);
    place_of[i] = rows.size() - 1;
  }
  const auto write = [&](const auto& write_row) {
    parallel_for(wanted.size(), 16, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) {
        float* const to = out + wanted[i].place * columns;
        std::fill_n(to, columns, 0.0F);  // a row at a time: its values find it in cache
        write_row(place_of[i], to);
      }
    });
  };
  // Rows of a dense matrix keep the sign of their zeros.
  if constexpr (detail::ReadsMatrix<S>) {
    if (!source.is_sparse()) {
      const Matrix stored = source.read(rows);
      write([&](size_t row, float* to) {
        std::vector<float> dense(stored.columns());
        copy_row<float>(stored, row, dense);
        for (size_t j = 0; j < dense.size(); ++j)
          if (places[j] >= 0) to[places[j]] = dense[j];
      });
      return;
    }
  }
  read_rows(source, rows, found);
  write([&](size_t row, float* to) {
    const auto indices = found.row_indices(row);
    const auto values = found.row_values(row);
    for (size_t k = 0; k < indices.size(); ++k)
      if (const int32_t place = places[size_t(indices[k])]; place >= 0) to[place] = values[k];
  });
}

template <class>
RowReader RowReader::joined(std::vector<RowReader> parts) {
  std::vector<size_t> begin{0};
  for (const RowReader& part : parts) {
    check_size_match("RowReader::joined", "columns", part.columns(), "columns of the first",
                     parts[0].columns());
    begin.push_back(begin.back() + part.rows());
  }
  const size_t rows = begin.back(), columns = parts.empty() ? 0 : parts[0].columns();
  auto read = [parts = std::move(parts), begin = std::move(begin)](std::span<const Wanted> wanted,
                                                                   float* out) {
    std::vector<Wanted> own;
    for (size_t i = 0; i < wanted.size();) {
      const auto after = std::upper_bound(begin.begin(), begin.end(), wanted[i].row);
      const auto part = size_t(after - begin.begin()) - 1;
      own.clear();
      for (; i < wanted.size() && wanted[i].row < *after; ++i)
        own.push_back({wanted[i].row - begin[part], wanted[i].place});
      parts[part].read_wanted(own, out);
    }
  };
  RowReader reader;
  reader.far_ = std::make_shared<const Far>(Far{rows, columns, std::move(read)});
  return reader;
}

template <class>
void RowReader::read_wanted(std::span<const Wanted> wanted, float* out) const {
  if (far_) return far_->read(wanted, out);
  for (const Wanted& one : wanted) {
    const View<float, 2> to{out + one.place * columns(), {1, columns()}};
    if (csr_)
      gather_rows(*csr_, std::span(&one.row, 1), to);
    else if (dense_)
      gather_rows(*dense_, std::span(&one.row, 1), to);
  }
}

template <class>
void RowReader::read(std::span<const size_t> rows, View<float, 2> out, size_t no_row) const {
  if (csr_) return gather_rows(*csr_, rows, out, no_row);
  if (dense_) return gather_rows(*dense_, rows, out, no_row);
  check_shape_match("RowReader::read", "out", out.shape, "rows and columns",
                    Shape<2>{rows.size(), columns()});
  std::vector<Wanted> wanted;
  wanted.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] == no_row) {
      std::fill_n(out.data + i * columns(), columns(), 0.0F);
      continue;
    }
    check_index("RowReader::read", "row", rows[i], this->rows());
    wanted.push_back({rows[i], i});
  }
  std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) {
    return a.row == b.row ? a.place < b.place : a.row < b.row;
  });
  if (far_) far_->read(wanted, out.data);
}

VCELL_END_NAMESPACE
