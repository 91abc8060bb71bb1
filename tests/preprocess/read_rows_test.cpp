// Rows by number, through everything that makes rows of another source's.
#include "vcell/data/read_rows.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/borrowed_rows.hpp"
#include "vcell/data/joined_rows.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/preprocess/log1p_rows.hpp"
#include "vcell/preprocess/normalized_rows.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

/// Counts how it is read; without `by_number` it knows blocks alone.
template <bool by_number>
struct CountedRows {
  const Matrix* m;
  size_t* blocks;
  size_t* lists;
  SparseLayout layout = {};

  size_t rows() const { return m->rows(); }
  size_t columns() const { return m->columns(); }
  DType dtype() const { return m->dtype(); }
  bool is_sparse() const { return m->is_sparse(); }

  template <class T>
  void read(std::span<const size_t> wanted, CsrMatrix<T>& out) const requires by_number {
    ++*lists;
    read_rows(*m, wanted, out);
  }
  template <class T>
  friend CsrView<T> row_block(const CountedRows& s, size_t first, size_t last,
                              CsrMatrix<T>& scratch) {
    ++*s.blocks;
    return row_block(*s.m, first, last, scratch);
  }
  friend size_t block_end(const CountedRows& s, size_t first, size_t bytes) {
    return block_end(*s.m, first, bytes);
  }
};

CsrMatrix<float> some_counts(size_t rows, size_t columns) {
  CsrMatrix<float> m;
  m.columns = columns;
  Rng rng(4);
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j)
      if (rng.below(2)) {
        m.indices.push_back(int32_t(j));
        m.values.push_back(float(1 + rng.below(9)));
      }
    m.end_row();
  }
  return m;
}

/// As blocks give them.
template <class T, class S>
CsrMatrix<T> expected_rows(const S& source, std::span<const size_t> rows) {
  CsrMatrix<T> scratch;
  return select_rows(row_block(source, 0, source.rows(), scratch), rows);
}

}  // namespace

TEST_CASE("read_rows: wrappers hand numbers on, and give the rows that blocks give",
          "[preprocess]") {
  const Matrix m(some_counts(301, 17));
  size_t blocks = 0, lists = 0, told = 0;
  const CountedRows<true> counted{&m, &blocks, &lists};
  const std::vector<size_t> shuffled{300, 0, 4, 5, 6, 5, 5, 0, 299, 100}, none, one{150};
  const auto all = [] {
    std::vector<size_t> numbers(301);
    std::iota(numbers.begin(), numbers.end(), size_t(0));
    return numbers;
  }();

  const auto check = [&](const auto& source) {
    for (const std::vector<size_t>* rows : std::array{&shuffled, &none, &one, &all}) {
      std::vector<size_t> in_range;
      for (const size_t row : *rows) in_range.push_back(row % source.rows());
      const auto expected = expected_rows<float>(source, in_range);
      const auto wide = expected_rows<double>(source, in_range);
      blocks = lists = 0;
      for (const int threads : {1, 3}) {
        const vcell_test::Threads use(threads);
        CHECK(read_rows<float>(source, in_range) == expected);
        CHECK(read_rows<double>(source, in_range) == wide);
      }
      CHECK(blocks == 0);
      if (!in_range.empty()) CHECK(lists >= 4);
    }
    const std::vector<size_t> beyond{0, source.rows()};
    check_error<ShapeError>([&] { read_rows<float>(source, beyond); },
                            {"read_rows", "row is " + std::to_string(source.rows())});
  };
  check(counted);
  check(BorrowedRows(counted));
  check(WatchedRows(
      counted, [&](const ProgressUpdate& update) { return told = update.done, true; }, "rows"));
  CHECK(told == 2);  // of the rows that are not there
  check(SelectedRows(counted));
  SelectedRows some(counted);
  std::vector<uint8_t> cells(301, 1), genes(17, 1);
  for (size_t i = 0; i < cells.size(); i += 3) cells[i] = 0;
  for (const size_t g : {0, 5, 16}) genes[g] = 0;
  some.keep_rows(cells);
  check(some);
  some.keep_columns(genes);
  check(some);
  std::vector<double> factors;
  for (size_t i = 0; i < 301; ++i) factors.push_back(double(i % 7));
  for (const DType type : {DType::f32, DType::f64}) {
    check(Log1pRows(BorrowedRows(counted), factors, type));
    check(NormalizedRows(counted, factors, type));
  }
  factors.resize(some.rows());
  check(Log1pRows(some, factors, DType::f32));
  std::vector<int32_t> turned;
  for (int32_t g = 17; g-- > 0;) turned.push_back(g);
  std::vector<int32_t> same(turned.rbegin(), turned.rend());
  check(JoinedRows<CountedRows<true>>({counted, counted}, {turned, same}, 17));
}

TEST_CASE("read_rows: of what is read in blocks alone, and of matrices", "[preprocess]") {
  const Matrix sparse(some_counts(40, 5)), dense(to_dense<float>(sparse));
  const std::vector<size_t> rows{3, 4, 5, 5, 6, 39, 0};
  const auto expected = select_rows(sparse.csr<float>(), std::span<const size_t>(rows));
  CHECK(read_rows<float>(sparse, rows) == expected);
  CHECK(read_rows<float>(dense, rows) == expected);
  CHECK(read_rows<float>(Matrix(3, 0, Numbers(std::vector<float>())), std::array<size_t, 2>{2, 0})
            .rows == 2);
  size_t blocks = 0, lists = 0;
  const CountedRows<false> source{&sparse, &blocks, &lists};
  CHECK(read_rows<float>(source, rows) == expected);
  CHECK(blocks == 4);  // 3 .. 5, 5 .. 6, 39, 0
  const std::vector<size_t> beyond{40};
  for (const Matrix* m : {&sparse, &dense})
    check_error<ShapeError>([&] { read_rows<float>(*m, beyond); }, {"read_rows", "40"});
  check_error<ShapeError>([&] { read_rows<float>(source, beyond); }, {"read_rows", "40"});
}
