#pragma once

#include <memory>
#include <span>
#include <utility>

#include "vcell/data/borrowed_rows.hpp"
#include "vcell/data/read_rows.hpp"

VCELL_BEGIN_NAMESPACE

/// A source of rows (see RowSource) of whatever type, for who would else be compiled for each:
/// read as float, double, or whole numbers of 64 bits. Copies share the source.
class AnyRows {
 public:
  /// Reads nothing.
  AnyRows() = default;
  /// A source that is kept.
  template <class S>
  static AnyRows of(S source) {
    AnyRows out;
    out.layout = source.layout;
    out.rows_ = std::make_shared<const Of<S>>(std::move(source));
    return out;
  }
  /// A source that outlives this.
  template <class S>
  static AnyRows borrowed(const S& source) {
    return of(BorrowedRows<S>(source));
  }

  SparseLayout layout;

  explicit operator bool() const { return rows_ != nullptr; }
  size_t rows() const { return rows_ ? rows_->rows() : 0; }
  size_t columns() const { return rows_ ? rows_->columns() : 0; }
  DType dtype() const { return rows_ ? rows_->dtype() : DType::f32; }
  bool is_sparse() const { return !rows_ || rows_->is_sparse(); }

  template <class T>
  CsrView<T> read(size_t first, size_t last, CsrMatrix<T>& scratch) const {
    return source().read(first, last, scratch);
  }
  /// See read_rows.
  template <class T>
  void read(std::span<const size_t> rows, CsrMatrix<T>& out) const {
    source().read(rows, out);
  }
  size_t end_of_block(size_t first, size_t bytes) const {
    return source().end_of_block(first, bytes);
  }

 private:
  struct Rows {
    virtual ~Rows() = default;
    virtual size_t rows() const = 0;
    virtual size_t columns() const = 0;
    virtual DType dtype() const = 0;
    virtual bool is_sparse() const = 0;
    virtual CsrView<float> read(size_t, size_t, CsrMatrix<float>&) const = 0;
    virtual CsrView<double> read(size_t, size_t, CsrMatrix<double>&) const = 0;
    virtual CsrView<int64_t> read(size_t, size_t, CsrMatrix<int64_t>&) const = 0;
    virtual CsrView<uint64_t> read(size_t, size_t, CsrMatrix<uint64_t>&) const = 0;
    virtual void read(std::span<const size_t>, CsrMatrix<float>&) const = 0;
    virtual void read(std::span<const size_t>, CsrMatrix<double>&) const = 0;
    virtual void read(std::span<const size_t>, CsrMatrix<int64_t>&) const = 0;
    virtual void read(std::span<const size_t>, CsrMatrix<uint64_t>&) const = 0;
    virtual size_t end_of_block(size_t, size_t) const = 0;
  };
  template <class S>
  struct Of final : Rows {
    explicit Of(S s) : source(std::move(s)) {}
    size_t rows() const override { return source.rows(); }
    size_t columns() const override { return source.columns(); }
    DType dtype() const override { return source.dtype(); }
    bool is_sparse() const override { return source.is_sparse(); }
    CsrView<float> read(size_t first, size_t last, CsrMatrix<float>& scratch) const override {
      return row_block(source, first, last, scratch);
    }
    CsrView<double> read(size_t first, size_t last, CsrMatrix<double>& scratch) const override {
      return row_block(source, first, last, scratch);
    }
    CsrView<int64_t> read(size_t first, size_t last, CsrMatrix<int64_t>& scratch) const override {
      return row_block(source, first, last, scratch);
    }
    CsrView<uint64_t> read(size_t first, size_t last, CsrMatrix<uint64_t>& scratch) const override {
      return row_block(source, first, last, scratch);
    }
    void read(std::span<const size_t> rows, CsrMatrix<float>& out) const override {
      read_rows(source, rows, out);
    }
    void read(std::span<const size_t> rows, CsrMatrix<double>& out) const override {
      read_rows(source, rows, out);
    }
    void read(std::span<const size_t> rows, CsrMatrix<int64_t>& out) const override {
      read_rows(source, rows, out);
    }
    void read(std::span<const size_t> rows, CsrMatrix<uint64_t>& out) const override {
      read_rows(source, rows, out);
    }
    size_t end_of_block(size_t first, size_t bytes) const override {
      return block_end(source, first, bytes);
    }
    S source;
  };
  const Rows& source() const {
    if (!rows_) [[unlikely]]
      detail::fail<ShapeError>("row_block: rows of a source that is none");
    return *rows_;
  }

  std::shared_ptr<const Rows> rows_;
};

template <class T>
CsrView<T> row_block(const AnyRows& source, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return source.read(first, last, scratch);
}

inline size_t block_end(const AnyRows& source, size_t first, size_t bytes) {
  return source.end_of_block(first, bytes);
}

VCELL_END_NAMESPACE
