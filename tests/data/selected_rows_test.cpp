#include "vcell/data/selected_rows.hpp"

#include "support/errors.hpp"
#include "vcell/data/borrowed_rows.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

/// A source that makes its rows in the scratch it is given, as files do.
struct MadeRows {
  const CsrMatrix<float>& m;
  SparseLayout layout = {};

  size_t rows() const { return m.rows; }
  size_t columns() const { return m.columns; }
  DType dtype() const { return DType::f32; }
  bool is_sparse() const { return true; }
};
CsrView<float> row_block(const MadeRows& s, size_t first, size_t last, CsrMatrix<float>& scratch) {
  scratch = CsrMatrix<float>{};
  scratch.columns = s.m.columns;
  for (size_t row = first; row < last; ++row) {
    const auto indices = s.m.row_indices(row);
    const auto values = s.m.row_values(row);
    scratch.indices.insert(scratch.indices.end(), indices.begin(), indices.end());
    scratch.values.insert(scratch.values.end(), values.begin(), values.end());
    scratch.end_row();
  }
  return scratch.view();
}

CsrMatrix<float> some_cells(size_t rows, size_t columns) {
  CsrMatrix<float> m;
  m.columns = columns;
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns && row % 7 != 3; ++column)
      if ((row * 31 + column * 17) % 5 < 2) {
        m.indices.push_back(int32_t(column));
        m.values.push_back(float(1 + row * columns + column));
      }
    m.end_row();
  }
  return m;
}

/// Reads rows first .. last - 1 of what stays and compares them with what stays by definition.
template <class S>
void check_rows(const S& some, const CsrMatrix<float>& m, const std::vector<uint8_t>& keep_rows,
                const std::vector<uint8_t>& keep_columns, size_t first, size_t last) {
  CsrMatrix<float> expected, scratch;
  for (size_t row = 0, at = 0; row < m.rows; ++row) {
    if (!keep_rows[row]) continue;
    if (at >= first && at < last) {
      int32_t to = 0;
      std::vector<int32_t> places(m.columns, -1);
      for (size_t c = 0; c < m.columns; ++c)
        if (keep_columns[c]) places[c] = to++;
      for (size_t k = 0; k < m.row_size(row); ++k)
        if (const int32_t c = places[size_t(m.row_indices(row)[k])]; c >= 0) {
          expected.indices.push_back(c);
          expected.values.push_back(m.row_values(row)[k]);
        }
      expected.end_row();
    }
    ++at;
  }
  const CsrView<float> block = row_block(some, first, last, scratch);
  REQUIRE(block.rows == last - first);
  CHECK(block.columns == some.columns());
  for (size_t i = 0; i < block.rows; ++i) {
    const auto indices = block.row_indices(i);
    const auto values = block.row_values(i);
    CHECK(std::vector(indices.begin(), indices.end()) ==
          std::vector(expected.row_indices(i).begin(), expected.row_indices(i).end()));
    CHECK(std::vector(values.begin(), values.end()) ==
          std::vector(expected.row_values(i).begin(), expected.row_values(i).end()));
  }
}

}  // namespace

TEST_CASE("selected rows: what stays of rows and columns, borrowed or made", "[data]") {
  const CsrMatrix<float> m = some_cells(40, 23);
  const Matrix whole(m);
  for (const size_t dropped_columns : {size_t(0), size_t(3), size_t(23)})
    for (const bool drop_rows : {false, true}) {
      std::vector<uint8_t> rows(m.rows, 1), columns(m.columns, 1);
      for (size_t c = 0; c < dropped_columns; ++c) columns[c * 7 % m.columns] = 0;
      for (size_t i = 0; drop_rows && i < m.rows; ++i) rows[i] = i % 3 != 1;
      SelectedRows made(MadeRows{m});
      SelectedRows borrowed{BorrowedRows<Matrix>(whole)};
      made.keep_rows(rows);
      made.keep_columns(columns);
      borrowed.keep_rows(rows);
      borrowed.keep_columns(columns);
      const size_t n = made.rows();
      const std::vector<std::pair<size_t, size_t>> pieces{{0, n},  {0, 0},     {2, 3},
                                                          {5, 20}, {n - 1, n}, {n, n}};
      for (const auto& [first, last] : pieces) {
        check_rows(made, m, rows, columns, first, last);
        check_rows(borrowed, m, rows, columns, first, last);
      }
      CsrMatrix<float> scratch;
      check_error<ShapeError>([&] { row_block(made, 0, n + 1, scratch); }, {"row_block"});
    }
}

TEST_CASE("selected rows: all of them are handed on as they are", "[data]") {
  const Matrix whole(some_cells(6, 5));
  const SelectedRows all{BorrowedRows<Matrix>(whole)};
  CsrMatrix<float> scratch;
  const auto block = row_block(all, 1, 4, scratch);
  CHECK(block.indices.data() == whole.indices().data() + whole.indptr()[1]);
  CHECK(block.values.data() == whole.values().values<float>().data() + whole.indptr()[1]);
}
