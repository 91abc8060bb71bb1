// Rows of a source's columns, turned in memory or in a temporary file.
#include "vcell/io/transposed_rows.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/core/rng.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

CsrMatrix<float> random_matrix(size_t rows, size_t columns) {
  CsrMatrix<float> m;
  m.columns = columns;
  Rng rng(5);
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j)
      if (i % 7 != 3 && rng.uniform() < 0.3) {
        m.indices.push_back(int32_t(j));
        m.values.push_back(float(1 + rng.below(50)));
      }
    m.end_row();
  }
  return m;
}

}  // namespace

TEST_CASE("transposed rows: of any shape, in any memory, on one thread and on three", "[io]") {
  const vcell_test::TemporaryFolder folder;
  for (const auto& [rows, columns] :
       {std::pair<size_t, size_t>{211, 97}, {1, 50}, {50, 1}, {0, 3}, {3, 0}, {0, 0}}) {
    const Matrix m(random_matrix(rows, columns));
    const CsrMatrix<float> expected = transposed(m.csr<float>());
    for (const size_t memory : {size_t(0), size_t(20'000), size_t(1) << 20})
      for (const int n : {1, 3}) {
        CAPTURE(rows, columns, memory, n);
        const vcell_test::Threads threads(n);
        const TransposedRows turned(m, {memory, folder.path()});
        CHECK(turned.rows() == columns);
        CHECK(turned.columns() == rows);
        CHECK(turned.indptr() == expected.indptr);
        const bool is_large =
            rows > 1 && columns > 0 && (memory == 0 || (rows == 211 && memory < 1 << 20));
        CHECK((turned.file_bytes() > 0) == is_large);
        CsrMatrix<float> some, all;
        all.columns = rows;
        for_each_row_block<float>(
            turned, [&](size_t, const CsrView<float>& block) { all.append(block); }, {300, 5});
        CHECK(all == expected);
        CHECK(row_block(turned, 0, columns, some).values.size() == expected.values.size());
        // There and back.
        CsrMatrix<float> again;
        const TransposedRows back(turned, {memory / 2, folder.path()});
        const auto rows_again = row_block(back, 0, rows, again);
        CHECK(std::ranges::equal(rows_again.indices, m.indices()));
        CHECK(std::ranges::equal(rows_again.values, m.values().values<float>()));
        CsrMatrix<double> wide;
        const auto view = row_block(turned, 0, columns, wide);
        CHECK(std::equal(view.values.begin(), view.values.end(), expected.values.begin()));
        check_error<ShapeError>([&] { turned.read(0, turned.rows() + 1, some); },
                                {"TransposedRows"});
        CsrMatrix<int32_t> other;
        check_error<FormatError>([&] { turned.read(0, turned.rows(), other); },
                                 {"int32", "float32"});
      }
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("transposed rows: of a dense matrix, and of a row that names a column twice", "[io]") {
  const Matrix m(random_matrix(40, 30));
  const TransposedRows of_dense(Matrix(to_dense<float>(m)), {});
  CHECK(of_dense.whole()->csr<float>().values.size() == m.values().size());
  // 1 and 2 in one place, by rows of one value at most in a run.
  const CsrMatrix<int16_t> twice{2, 2, {0, 3, 4}, {1, 0, 1, 1}, {1, 7, 2, 5}};
  for (const size_t memory : {0, 1 << 20}) {
    const TransposedRows turned(Matrix(twice), {memory});
    CsrMatrix<int16_t> out;
    const auto rows = row_block(turned, 0, 2, out);
    CHECK(std::vector<int16_t>(rows.values.begin(), rows.values.end()) ==
          std::vector<int16_t>{7, 3, 5});
  }
  CsrMatrix<int16_t> too_large = twice;
  too_large.values = {32767, 7, 2, 5};
  check_error<FormatError>([&] { TransposedRows(Matrix(too_large), {}); }, {"sort_rows"});
  check_error<WriteError>([&] { TransposedRows(m, {0, "/none"}); }, {"/none", "TMPDIR"});
}
