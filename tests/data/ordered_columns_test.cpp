#include "vcell/data/ordered_columns.hpp"

#include "support/catch.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/borrowed_rows.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/data/watched_rows.hpp"

using namespace vcell;

namespace {

CsrMatrix<float> scattered(size_t rows, size_t columns) {
  Rng rng(5);
  CsrMatrix<float> out;
  out.columns = columns;
  for (size_t row = 0; row < rows; ++row) {
    for (size_t c = 0; c < columns; ++c)
      if (rng.below(3) == 0) {
        out.indices.push_back(int32_t(c));
        out.values.push_back(float(rng.below(4)));  // explicit zeros among them
      }
    out.end_row();
  }
  return out;
}

}  // namespace

TEST_CASE("ordered_columns: columns come in the order asked for, block by block", "[data]") {
  const auto X = scattered(300, 37);
  Rng rng(7);
  const auto order = permutation(37, rng);
  const OrderedColumns<Matrix> rows(Matrix(X), order, DType::f32);
  CHECK(rows.rows() == 300);
  CHECK(rows.columns() == 37);
  CHECK(rows.dtype() == DType::f32);
  const auto expected = select_columns(X, order);
  for (const size_t bytes : {size_t(64), size_t(1000), size_t(1) << 20}) {
    CsrMatrix<float> found;
    found.columns = 37;
    copy_rows<float>(rows, found, {.bytes = bytes});
    CHECK(found == expected);
  }
}

TEST_CASE("ordered_columns: the same order reads the source as it is", "[data]") {
  const auto X = scattered(10, 4);
  const std::vector<size_t> same = {0, 1, 2, 3};
  const OrderedColumns<Matrix> rows(Matrix(X), same, DType::f32);
  CsrMatrix<float> found;
  found.columns = 4;
  copy_rows<float>(rows, found);
  CHECK(found == X);
}

TEST_CASE("ordered_columns: what is no order of the columns is refused", "[data]") {
  const Matrix X(scattered(2, 3));
  const auto make = [&](std::vector<size_t> order) {
    OrderedColumns<Matrix>(X, order, DType::f32);
  };
  CHECK_THROWS_AS(make({0, 1}), ShapeError);
  CHECK_THROWS_AS(make({0, 1, 3}), ShapeError);
  CHECK_THROWS_AS(make({0, 1, 1}), ConfigError);
}

TEST_CASE("borrowed_rows: another source, which is not copied", "[data]") {
  const auto X = scattered(40, 3);
  const Matrix source(X);
  const BorrowedRows<Matrix> rows(source);
  CHECK(rows.rows() == 40);
  CHECK(rows.columns() == 3);
  CHECK(rows.dtype() == DType::f32);
  CHECK(rows.is_sparse());
  CHECK(block_end(rows, 2, 40) == block_end(source, 2, 40));
  CsrMatrix<float> scratch;
  CHECK(row_block(rows, 5, 9, scratch).values.data() ==
        row_block(source, 5, 9, scratch).values.data());
  CsrMatrix<float> found;
  found.columns = 3;
  copy_rows<float>(rows, found, {.rows = 16});
  CHECK(found == X);
}

TEST_CASE("watched_rows: a watcher is told of rows and stops them", "[data]") {
  const auto X = scattered(40, 3);
  std::vector<size_t> told;
  size_t most = 100;
  const WatchedRows<Matrix> rows(
      Matrix(X),
      [&](const ProgressUpdate& update) {
        told.push_back(update.done);
        CHECK(update.stage == "write");
        CHECK(update.total == 40);
        return told.size() < most;
      },
      "write");
  CsrMatrix<float> found;
  found.columns = 3;
  copy_rows<float>(rows, found, {.rows = 16});
  CHECK(found == X);
  CHECK(told == std::vector<size_t>{16, 32, 40});
  most = 5;
  found = {};
  found.columns = 3;
  CHECK_THROWS_AS(copy_rows<float>(rows, found, {.rows = 16}), Stopped);
  CHECK(found.rows == 16);
}
