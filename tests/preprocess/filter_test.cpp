#include "preprocess/small_data.hpp"
#include "support/catch.hpp"
#include "vcell/preprocess/filter_cells.hpp"
#include "vcell/preprocess/filter_genes.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {
// Genes per cell: 2, 0, 3, 1; cells per gene: 2, 1, 3. Totals: 3, 0, 12, 7 and 6, 4, 12.
const Matrix X = dense(3, {1, 0, 2, 0, 0, 0, 5, 4, 3, 0, 0, 7});
}  // namespace

TEST_CASE("filter: thresholds are inclusive", "[preprocess]") {
  CHECK(filter_cells(X, {.min_genes = 2}).keep == std::vector<uint8_t>{1, 0, 1, 0});
  CHECK(filter_cells(X, {.max_genes = 1}).keep == std::vector<uint8_t>{0, 1, 0, 1});
  CHECK(filter_cells(X, {.min_counts = 7}).keep == std::vector<uint8_t>{0, 0, 1, 1});
  CHECK(filter_cells(X, {.max_counts = 7}).numbers == std::vector<double>{3, 0, 12, 7});
  CHECK(filter_genes(X, {.min_cells = 2}).keep == std::vector<uint8_t>{1, 0, 1});
  CHECK(filter_genes(X, {.max_cells = 2}).numbers == std::vector<double>{2, 1, 3});
  CHECK(filter_genes(X, {.min_counts = 6}).kept() == std::vector<size_t>{0, 2});
  CHECK(filter_genes(X, {.max_counts = 6}).dropped() == 1);
}

TEST_CASE("filter: stored zeros do not count, and every kind of matrix is judged alike",
          "[preprocess]") {
  CsrMatrix<float> with_zero = to_csr<float>(X);
  with_zero.values[0] = 0;
  CHECK(filter_cells(Matrix(with_zero), {.min_genes = 1}).numbers ==
        std::vector<double>{1, 0, 3, 1});
  CHECK(filter_genes(Matrix(with_zero), {.min_cells = 1}).numbers == std::vector<double>{1, 1, 3});
  for (const Matrix& m :
       {Matrix(to_csr<float>(X)), Matrix(to_csr<double>(X)), Matrix(to_dense<double>(X))}) {
    CHECK(filter_cells(m, {.min_counts = 1}).numbers == std::vector<double>{3, 0, 12, 7});
    CHECK(filter_genes(m, {.min_counts = 1}).numbers == std::vector<double>{6, 4, 12});
  }
}

TEST_CASE("filter: doubles are not rounded to float", "[preprocess]") {
  const Matrix large = dense<double>(1, {16777217.0});
  CHECK(filter_cells(large, {.min_counts = 16777217.0}).keep[0] == 1);
  CHECK(filter_genes(large, {.max_counts = 16777216.0}).keep[0] == 0);
}

TEST_CASE("filter: an AnnData loses the rest and keeps the numbers", "[preprocess]") {
  AnnData a = around(X);
  a.layers.emplace("counts", X);
  const Filtered cells = filter_cells(a, {.min_genes = 1});
  CHECK(cells.dropped() == 1);
  CHECK(a.obs.index == std::vector<std::string>{"c0", "c2", "c3"});
  CHECK(a.obs.column("n_genes").numbers() == std::vector<double>{2, 3, 1});
  CHECK(a.layers.at("counts").rows() == 3);
  filter_genes(a, {.min_counts = 5});
  CHECK(a.var.index == std::vector<std::string>{"g0", "g2"});
  CHECK(a.var.column("n_counts").numbers() == std::vector<double>{6, 12});
  CHECK(a.X->columns() == 2);
  CHECK(filter_cells(a, {.min_counts = 1000}).dropped() == 3);
  CHECK(a.cells() == 0);
}

TEST_CASE("filter: edge sizes", "[preprocess]") {
  const Matrix no_cells = DenseMatrix<float>{0, 3, {}}, no_genes = DenseMatrix<float>{2, 0, {}};
  CHECK(filter_cells(no_cells, {.min_genes = 1}).keep.empty());
  CHECK(filter_genes(no_cells, {.min_cells = 1}).keep == std::vector<uint8_t>{0, 0, 0});
  CHECK(filter_cells(no_genes, {.min_genes = 0}).keep == std::vector<uint8_t>{1, 1});
  CHECK(filter_genes(no_genes, {.min_cells = 1}).keep.empty());
}

TEST_CASE("filter: the same for any number of threads, over many blocks", "[preprocess]") {
  const Matrix counts = random_counts(9001, 30, 1);
  const auto [one, three] =
      on_one_and_three_threads([&] { return filter_genes(counts, {.min_counts = 9000}).numbers; });
  CHECK(one == three);
  double sum = 0;
  for (double n : one) sum += n;
  for (double n : filter_cells(counts, {.min_counts = 0}).numbers) sum -= n;
  CHECK(sum == 0);
}

TEST_CASE("filter: errors", "[preprocess]") {
  CHECK_THROWS_WITH(filter_cells(X, {}), contains("filter_cells: 0 thresholds given"));
  CHECK_THROWS_WITH(filter_genes(X, {.min_counts = 1, .max_cells = 3}),
                    contains("2 thresholds given, expected exactly one of min_counts, min_cells"));
  CHECK_THROWS_AS(filter_cells(X, {.min_genes = -1}), ConfigError);
  CHECK_THROWS_AS(filter_cells(X, {.min_genes = NAN}), ConfigError);
  AnnData none = around(X);
  none.X.reset();
  CHECK_THROWS_WITH(filter_cells(none, {.min_genes = 1}), contains("there is no X"));
  AnnData other = around(X);
  other.var.index.pop_back();
  CHECK_THROWS_AS(filter_genes(other, {.min_cells = 1}), ShapeError);
}
