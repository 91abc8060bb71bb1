#include "vcell/data/matrix.hpp"

#include "support/errors.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/dense_matrix.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/data/sort_rows.hpp"
#include "vcell/data/transposed.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

/// About a third of the values are not zero; small whole numbers, exact in every type.
template <class T>
DenseMatrix<T> some_dense(size_t rows, size_t columns) {
  DenseMatrix<T> m{rows, columns, std::vector<T>(rows * columns)};
  Rng rng(5);
  for (T& x : m.values) x = rng.below(3) ? T(0) : T(1 + rng.below(9));
  return m;
}

/// The same values sparse and dense, in several dtypes.
std::vector<Matrix> kinds(size_t rows, size_t columns) {
  const Matrix m = some_dense<double>(rows, columns);
  SparseLayout by_columns;
  by_columns.by_columns = true;
  std::vector<Matrix> out = {to_csr<float>(m),    to_csr<double>(m),  Matrix(to_csr<int64_t>(m)),
                             to_csr<uint8_t>(m),  to_dense<float>(m), m,
                             to_dense<int16_t>(m)};
  out.emplace_back(to_csr<int32_t>(m), by_columns);
  std::vector<half> halves;  // of small whole numbers
  const uint16_t bits[] = {0,      0x3c00, 0x4000, 0x4200, 0x4400,
                           0x4500, 0x4600, 0x4700, 0x4800, 0x4880};
  for (const double x : m.values().values<double>())
    halves.push_back(half::from_bits(bits[size_t(x)]));
  out.emplace_back(rows, columns, std::move(halves));
  return out;
}

}  // namespace

TEST_CASE("matrix: all kinds hold the same values", "[data]") {
  for (const auto& [r, c] : {std::pair<size_t, size_t>{7, 5}, {0, 4}, {3, 0}, {1, 1}}) {
    const auto expected = some_dense<double>(r, c);
    for (const Matrix& m : kinds(r, c)) {
      CAPTURE(name_of(m.dtype()), m.is_sparse());
      CHECK(m.rows() == r);
      CHECK(m.columns() == c);
      CHECK(to_dense<double>(m) == expected);
      CHECK(to_csr<float>(m) == to_csr<float>(Matrix(expected)));
      CHECK(to_csr<double>(Matrix(m)) == to_csr<double>(Matrix(expected)));
      CHECK(m.values().size() == (m.is_sparse() ? to_csr<float>(m).values.size() : r * c));
      for (size_t i = 0; i < r; ++i) {
        std::vector<float> row(c, -1);
        copy_row<float>(m, i, row);
        CHECK(std::equal(row.begin(), row.end(), expected.row(i).begin()));
      }
    }
  }
}

TEST_CASE("matrix: rows and columns are picked in any order, more than once", "[data]") {
  const auto expected = some_dense<double>(6, 5);
  const std::vector<size_t> picked = {4, 0, 4, 2}, none;
  for (const Matrix& m : kinds(6, 5)) {
    const auto by_row = to_dense<double>(select_rows(m, picked));
    const auto by_column = to_dense<double>(select_columns(m, picked));
    for (size_t i = 0; i < picked.size(); ++i) {
      for (size_t j = 0; j < 5; ++j) CHECK(by_row.row(i)[j] == expected.row(picked[i])[j]);
      for (size_t k = 0; k < 6; ++k) CHECK(by_column.row(k)[i] == expected.row(k)[picked[i]]);
    }
    for (const Matrix& kind : {select_rows(m, picked), select_columns(m, picked)}) {
      CHECK(kind.dtype() == m.dtype());
      CHECK(kind.is_sparse() == m.is_sparse());
      CHECK(kind.layout == m.layout);
    }
    CHECK(select_rows(m, none).rows() == 0);
    CHECK(select_columns(m, none).columns() == 0);
    CHECK(select_columns(m, none).rows() == 6);
    const std::vector<size_t> beyond = {6};
    check_error<ShapeError>([&] { select_rows(m, beyond); }, {"select_rows", "6"});
    check_error<ShapeError>([&] { select_columns(m, beyond); }, {"select_columns", "6"});
    std::vector<float> row(4);
    check_error<ShapeError>([&] { copy_row<float>(m, 0, row); }, {"copy_row", "(4)", "(5)"});
    row.resize(5);
    check_error<ShapeError>([&] { copy_row<float>(m, 6, row); }, {"copy_row", "6"});
  }
  // Columns of a sparse matrix stay ascending within a row.
  for (const auto& m : {to_csr<float>(select_columns(kinds(6, 5)[0], picked))})
    for (size_t i = 0; i < m.rows; ++i) {
      const auto c = m.row_indices(i);
      CHECK(std::is_sorted(c.begin(), c.end()));
      CHECK(std::adjacent_find(c.begin(), c.end()) == c.end());
    }
}

TEST_CASE("matrix: rows and columns are dropped in place", "[data]") {
  for (const auto& flags : {std::vector<uint8_t>{0, 1, 1, 0, 1, 0},
                            {1, 1, 1, 1, 1, 1},
                            {0, 0, 0, 0, 0, 0},
                            {1, 0, 0, 0, 0, 1}}) {
    std::vector<size_t> rows, columns;
    for (size_t i = 0; i < 6; ++i)
      if (flags[i]) rows.push_back(i);
    for (size_t i = 0; i < 5; ++i)
      if (flags[i]) columns.push_back(i);
    for (const Matrix& m : kinds(6, 5)) {
      CAPTURE(name_of(m.dtype()), m.is_sparse());
      Matrix kept = m;
      kept.keep_rows(flags);
      CHECK(kept == select_rows(m, rows));
      kept = m;
      kept.keep_columns(std::span(flags).first(5));
      CHECK(kept == select_columns(m, columns));
      check_error<ShapeError>([&] { kept.keep_rows(std::span(flags).first(5)); },
                              {"keep_rows", "(5)"});
      check_error<ShapeError>([&] { kept.keep_columns(flags); }, {"keep_columns", "(6)"});
    }
  }
}

TEST_CASE("matrix: its parts must fit each other", "[data]") {
  check_error<ShapeError>([] { Matrix(DenseMatrix<float>{2, 2, {1}}); }, {"Matrix", "(1)", "(4)"});
  check_error<ShapeError>([] { Matrix(CsrMatrix<float>{1, 2, {0}, {}, {}}); }, {"indptr", "(2)"});
  check_error<ShapeError>([] { Matrix(CsrMatrix<float>{1, 2, {0, 1}, {0, 1}, {1}}); }, {"indices"});
  check_error<ShapeError>([] { Matrix(CsrMatrix<float>{1, 2, {0, 1}, {0, 1}, {1, 2}}); }, {"(1)"});
  check_error<ShapeError>([] { Matrix().csr<float>(); }, {"Matrix::csr", "dense"});
  check_error<FormatError>([] { Matrix(CsrMatrix<float>{}).csr<double>(); },
                           {"float32", "float64"});
}

TEST_CASE("matrix: taken over without a copy where it is of that type", "[data]") {
  const CsrMatrix<float> expected = to_csr<float>(Matrix(some_dense<float>(6, 5)));
  Matrix m = expected;
  const void* values = m.values().bytes().data();
  const CsrMatrix<float> taken = m.take_csr<float>();
  CHECK(taken == expected);
  CHECK(static_cast<const void*>(taken.values.data()) == values);
  CHECK(m == Matrix());
  CHECK(to_csr<double>(Matrix(expected)) == to_csr<double>(Matrix(some_dense<double>(6, 5))));
}

TEST_CASE("matrix: sort_rows sorts and adds duplicates up", "[data]") {
  CsrMatrix<float> m{4, 4, {0, 4, 4, 5, 8}, {3, 1, 3, 1, 2, 0, 0, 0}, {1, 2, 3, 4, 5, 1, 1, 1}};
  sort_rows(m);
  CHECK(m == CsrMatrix<float>{4, 4, {0, 2, 2, 3, 4}, {1, 3, 2, 0}, {6, 4, 5, 3}});
  const auto sorted = m;
  sort_rows(m);
  CHECK(m == sorted);
  CsrMatrix<int8_t> beyond{2, 1, {0, 0, 2}, {0, 0}, {100, 28}};
  check_error<FormatError>([&] { sort_rows(beyond); }, {"sort_rows", "row 1", "column 0"});
}

TEST_CASE("matrix: transposed twice is the same, once is the transpose", "[data]") {
  for (const auto& [r, c] : {std::pair<size_t, size_t>{7, 5}, {0, 4}, {3, 0}}) {
    const auto m = to_csr<float>(Matrix(some_dense<float>(r, c)));
    const auto t = transposed(m.view());
    CHECK(t.rows == c);
    CHECK(t.columns == r);
    CHECK(transposed(t.view()) == m);
    const auto d = to_dense<float>(Matrix(m)), dt = to_dense<float>(Matrix(t));
    for (size_t i = 0; i < r; ++i)
      for (size_t j = 0; j < c; ++j) CHECK(d.row(i)[j] == dt.row(j)[i]);
  }
}

TEST_CASE("row source: blocks of any size cover all rows in order", "[data]") {
  for (size_t block : {1u, 3u, 7u, 100u})
    for (const Matrix& m : kinds(7, 5)) {
      CsrMatrix<float> all;
      all.columns = 5;
      for_each_row_block<float>(m,
                                [&](size_t first, CsrView<float> view) {
                                  REQUIRE(first == all.rows);
                                  REQUIRE(view.rows <= block);
                                  REQUIRE(view.columns == 5);
                                  all.append(view);
                                },
                                {.rows = block});
      CHECK(all == to_csr<float>(m));
    }
  const Matrix m = CsrMatrix<float>{};
  for_each_row_block<float>(m, [](size_t, CsrView<float>) { FAIL("there are no rows"); });
  check_error<ConfigError>(
      [&] { for_each_row_block<float>(m, [](size_t, CsrView<float>) {}, {.rows = 0}); },
      {"for_each_row_block", "limits.rows"});
  CsrMatrix<float> scratch;
  check_error<ShapeError>([&] { row_block(m, 0, 1, scratch); }, {"row_block", "0 .. 1"});
}

TEST_CASE("row source: blocks are cut by the bytes of what is stored", "[data]") {
  // Rows of 2, 0, 3, 1 and 0 values: 8 bytes each.
  const Matrix sparse =
      CsrMatrix<float>{5, 4, {0, 2, 2, 5, 6, 6}, {0, 1, 0, 1, 2, 3}, {1, 2, 3, 4, 5, 6}};
  CHECK(block_end(sparse, 0, 16) == 2);  // a row of none costs nothing
  CHECK(block_end(sparse, 0, 39) == 2);
  CHECK(block_end(sparse, 0, 40) == 3);
  CHECK(block_end(sparse, 2, 1) == 3);  // one row at least
  CHECK(block_end(sparse, 2, 32) == 5);
  CHECK(block_end(sparse, 4, 0) == 5);
  const Matrix dense = some_dense<double>(5, 4);  // 48 bytes a row
  CHECK(block_end(dense, 0, 0) == 1);
  CHECK(block_end(dense, 0, 95) == 1);
  CHECK(block_end(dense, 1, 96) == 3);
  CHECK(block_end(dense, 1, 1 << 20) == 5);
  CHECK(block_end(Matrix(DenseMatrix<float>{3, 0, {}}), 0, 16) == 2);  // without columns

  size_t blocks = 0;
  for_each_row_block<float>(sparse, [&](size_t, CsrView<float>) { ++blocks; }, {.bytes = 24});
  CHECK(blocks == 3);
  blocks = 0;
  for_each_row_block<float>(sparse, [&](size_t, CsrView<float>) { return ++blocks < 2; },
                            {.bytes = 0});
  CHECK(blocks == 2);  // until f has enough
}

TEST_CASE("row source: without some rows and columns, as the matrix without them", "[data]") {
  const std::vector<uint8_t> rows = {1, 0, 0, 1, 1, 0, 1}, columns = {0, 1, 1, 0, 1},
                             fewer = {1, 1, 0, 1}, thinner = {0, 1, 1};
  for (const Matrix& m : kinds(7, 5)) {
    Matrix cut = m;
    SelectedRows<Matrix> selected(m);
    const auto check = [&] {
      REQUIRE(selected.rows() == cut.rows());
      REQUIRE(selected.columns() == cut.columns());
      CHECK(selected.dtype() == m.dtype());
      CHECK(selected.is_sparse() == m.is_sparse());
      for (const size_t block : {1u, 2u, 100u}) {
        CsrMatrix<double> all;
        all.columns = cut.columns();
        copy_rows<double>(selected, all, {.rows = block});
        CHECK(all == to_csr<double>(cut));
      }
      for (size_t first = 0; first < cut.rows(); ++first) {
        CHECK(block_end(selected, first, 0) == first + 1);
        CHECK(block_end(selected, first, 1 << 20) == cut.rows());
      }
    };
    check();
    selected.keep_rows(rows);
    cut.keep_rows(rows);
    check();
    selected.keep_columns(columns);
    cut.keep_columns(columns);
    check();
    selected.keep_rows(fewer);
    cut.keep_rows(fewer);
    selected.keep_columns(thinner);
    cut.keep_columns(thinner);
    check();
    check_error<ShapeError>([&] { selected.keep_rows(rows); }, {"keep_rows", "7", "3"});
    check_error<ShapeError>([&] { selected.keep_columns(columns); }, {"keep_columns", "5", "2"});
    CsrMatrix<float> scratch;
    check_error<ShapeError>([&] { row_block(selected, 2, 4, scratch); }, {"row_block", "2 .. 4"});
    selected.keep_rows(std::vector<uint8_t>(3, 0));
    CHECK(row_block(selected, 0, 0, scratch).rows == 0);
  }
}

TEST_CASE("row source: some columns, dense", "[data]") {
  for (const Matrix& m : kinds(7, 5)) {
    const std::vector<size_t> columns = {3, 0, 3};
    CHECK(Matrix(dense_columns<float>(m, columns)) ==
          Matrix(to_dense<float>(select_columns(m, columns))));
    CHECK(dense_columns<float>(m, {}).values.empty());
    check_error<ShapeError>([&] { dense_columns<float>(m, std::vector<size_t>{5}); },
                            {"dense_columns", "5"});
  }
}

TEST_CASE("row sink: a sparse matrix takes rows of as many columns", "[data]") {
  CsrMatrix<float> out;
  check_error<ShapeError>(
      [&] {
        out.append(CsrMatrix<float>{1, 2, {0, 0}, {}, {}}.view());
      },
      {"CsrMatrix::append", "columns"});
}
