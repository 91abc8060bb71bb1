#include "vcell/sets/row_reader.hpp"

#include <cmath>
#include <thread>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/tensor/tensor.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

CsrMatrix<float> random_rows(size_t rows, size_t columns, uint64_t seed) {
  CsrMatrix<float> m;
  m.columns = columns;
  Rng rng(seed);
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j)
      if (rng.below(2)) {
        m.indices.push_back(int32_t(j));
        m.values.push_back(float(rng.uniform()));
      }
    m.end_row();
  }
  return m;
}

Matrix matrix_of(const CsrMatrix<float>& m) {
  return {m.rows, m.columns, m.indptr, m.indices, Numbers(m.values)};
}

std::vector<float> read(const RowReader& reader, const std::vector<size_t>& rows) {
  std::vector<float> out(rows.size() * reader.columns(), 7);
  reader.read(rows, {out.data(), {rows.size(), reader.columns()}}, ~size_t(0));
  return out;
}

}  // namespace

TEST_CASE("row_reader: the same rows from memory, sources and several of them", "[sets]") {
  const auto m = random_rows(40, 9, 1);
  const auto whole = matrix_of(m);
  const auto dense = to_dense<float>(whole);
  const std::vector<size_t> rows{7, 39, 7, ~size_t(0), 0, 8, 9, 10, 38, 6, 10};
  std::vector<float> expected;
  for (const size_t row : rows)
    for (size_t j = 0; j < 9; ++j) expected.push_back(row == ~size_t(0) ? 0 : dense.row(row)[j]);

  CHECK(read(&m, rows) == expected);
  CHECK(read(&dense, rows) == expected);
  const std::vector<int32_t> all{0, 1, 2, 3, 4, 5, 6, 7, 8};
  for (const size_t bytes : {1, 60, 1 << 20}) {
    CHECK(read(RowReader::of(whole, all, 9, bytes), rows) == expected);
    CHECK(read(RowReader::of(Matrix(40, 9, Numbers(dense.values)), all, 9, bytes), rows) ==
          expected);
  }
  // In three pieces of other kinds, one of them empty.
  const auto piece = [&](size_t first, size_t last) {
    std::vector<size_t> some;
    for (size_t i = first; i < last; ++i) some.push_back(i);
    return select_rows(m, std::span<const size_t>(some));
  };
  const auto head = piece(0, 8);
  const auto reader = RowReader::joined(
      {&head, RowReader::of(matrix_of(piece(8, 8))), RowReader::of(matrix_of(piece(8, 40)))});
  CHECK(reader.rows() == 40);
  CHECK(read(reader, rows) == expected);
  CHECK(read(reader, {}).empty());
  CHECK(reader.csr() == nullptr);
  CHECK(RowReader(&m).csr() == &m);
  CHECK(RowReader(&dense).dense() == &dense);
  CHECK_FALSE(RowReader());

  std::vector<std::thread> threads;
  std::vector<std::vector<float>> found(4);
  for (auto& one : found) threads.emplace_back([&] { one = read(reader, rows); });
  for (auto& thread : threads) thread.join();
  for (const auto& one : found) CHECK(one == expected);
}

TEST_CASE("row_reader: columns are chosen and put in order", "[sets]") {
  const auto m = random_rows(12, 9, 2);
  const auto whole = matrix_of(m);
  const auto dense = to_dense<float>(whole);
  const std::vector<size_t> rows{11, 3, 3}, columns{8, 0, 4};
  std::vector<float> expected;
  for (const size_t row : rows) {
    for (const size_t column : columns) expected.push_back(dense.row(row)[column]);
    expected.push_back(0);  // which no column of the source is
  }
  const std::vector<int32_t> places{1, -1, -1, -1, 2, -1, -1, -1, 0};
  CHECK(read(RowReader::of(whole, places, 4), rows) == expected);
  CHECK(read(RowReader::of(Matrix(12, 9, Numbers(dense.values)), places, 4), rows) == expected);
}

TEST_CASE("row_reader: errors", "[sets]") {
  const auto m = random_rows(12, 9, 2);
  const auto whole = matrix_of(m);
  const std::vector<int32_t> places{0, 1, -1, -1, -1, -1, -1, -1, 1};
  check_error<ShapeError>([&] { RowReader::of(whole, places, 1); }, {"RowReader", "place", "1"});
  check_error<ShapeError>([&] { RowReader::of(whole, {0, 1}, 2); }, {"places", "2", "9"});
  check_error<ConfigError>([&] { RowReader::of(whole, places, 2); }, {"two columns", "place 1"});
  const auto other = random_rows(2, 8, 3);
  check_error<ShapeError>([&] { RowReader::joined({&m, &other}); }, {"columns", "8", "9"});
  for (const RowReader& reader : {RowReader(&m), RowReader::of(whole), RowReader::joined({&m})}) {
    CHECK_THROWS_AS(read(reader, {12}), ShapeError);
    std::vector<float> out(9);
    CHECK_THROWS_AS(reader.read(std::vector<size_t>{1, 2}, {out.data(), {1, 9}}), ShapeError);
  }
}
