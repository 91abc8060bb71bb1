#include "preprocess/blocks.hpp"
#include "preprocess/small_data.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/preprocess/downsample_cells.hpp"
#include "vcell/preprocess/downsample_counts.hpp"

using namespace vcell;
using namespace vcell_test;

TEST_CASE("downsample_counts: the moments of binomial draws", "[preprocess]") {
  for (const double count : {1.0, 7.0, 40.0, 5000.0, 3e6})
    for (const double p : {0.03, 0.5, 0.9}) {
      CAPTURE(count, p);
      constexpr size_t n = 4000;
      Matrix m = DenseMatrix<float>{n, 1, std::vector<float>(n, float(count))};
      downsample_counts(m, {.fraction = p, .seed = 5});
      double sum = 0, squares = 0;
      for (const double x : to_dense<double>(m).values) {
        REQUIRE((x >= 0 && x <= count));
        sum += x - p * count;
        squares += (x - p * count) * (x - p * count);
      }
      const double variance = count * p * (1 - p);
      CHECK(std::abs(sum / n) < 4 * std::sqrt(variance / n));
      // The variance of a squared deviation is that of the square plus the fourth moment's rest.
      const double fourth = variance * (1 + 3 * (count - 2) * p * (1 - p));
      CHECK(std::abs(squares / n - variance) <
            4 * std::sqrt((fourth - variance * variance) / n) + 1e-9);
    }
  Matrix all = dense(2, {3, 4}), none = all;
  downsample_counts(all, {.fraction = 1});
  downsample_counts(none, {.fraction = 0});
  CHECK(to_dense<float>(all).values == std::vector<float>{3, 4});
  CHECK(to_dense<float>(none).values == std::vector<float>{0, 0});
}

TEST_CASE("downsample_counts: so many of each cell", "[preprocess]") {
  constexpr size_t n = 3000;
  std::vector<float> values;
  for (size_t i = 0; i < n; ++i) values.insert(values.end(), {6, 3, 0, 1});
  Matrix m = DenseMatrix<float>{n, 4, values};
  downsample_counts(m, {.counts_per_cell = 5, .seed = 1});
  std::vector<double> sums(4);
  const auto drawn = to_dense<double>(m);
  for (size_t i = 0; i < n; ++i) {
    double total = 0;
    for (size_t j = 0; j < 4; ++j) {
      REQUIRE(drawn.row(i)[j] <= double(values[j]));
      total += drawn.row(i)[j];
      sums[j] += drawn.row(i)[j] / n;
    }
    REQUIRE(total == 5);
  }
  CHECK(sums[0] == Approx(3).margin(0.06));  // sd 0.82 of one is 0.015 of the mean
  CHECK(sums[1] == Approx(1.5).margin(0.06));
  CHECK(sums[3] == Approx(0.5).margin(0.04));
  Matrix few = dense(2, {2, 3});
  downsample_counts(few, {.counts_per_cell = 5});
  CHECK(to_dense<float>(few).values == std::vector<float>{2, 3});
}

TEST_CASE("downsample_counts: the same for any threads, blocks and storage", "[preprocess]") {
  const Matrix X = random_counts(700, 30, 3);
  for (const DownsampleCountsOptions& options :
       {DownsampleCountsOptions{.fraction = 0.4, .seed = 2},
        DownsampleCountsOptions{.counts_per_cell = 20, .seed = 2}}) {
    const auto [one, three] = on_one_and_three_threads([&] {
      Matrix m = X;
      downsample_counts(m, options);
      return m;
    });
    CHECK(one == three);
    CHECK_FALSE(one == X);
    const DownsampledRows<Blocks> rows(Blocks{X, 97}, options, DType::f32);
    CsrMatrix<float> read;
    read.columns = X.columns();
    copy_rows<float>(rows, read);
    CHECK(read == to_csr<float>(one));
    auto other = options;
    other.seed = 3;
    Matrix m = X;
    downsample_counts(m, other);
    CHECK_FALSE(m == one);
  }
}

TEST_CASE("downsample_counts: errors", "[preprocess]") {
  Matrix m = dense(1, {1, 2});
  CHECK_THROWS_WITH(downsample_counts(m, {}), contains("0 of fraction and counts_per_cell"));
  CHECK_THROWS_WITH(downsample_counts(m, {.fraction = 1, .counts_per_cell = 1}), contains("2 of"));
  CHECK_THROWS_WITH(downsample_counts(m, {.fraction = 1.5}), contains("fraction is 1.5"));
  CHECK_THROWS_AS(DownsampledRows<Matrix>(m, {}, DType::f32), ConfigError);
  AnnData half = around(dense(1, {0.5F})), log = around(m);
  CHECK_THROWS_WITH(downsample_counts(half, {.fraction = 1}),
                    contains("cell 'c0', gene 'g0' holds 0.5"));
  declare_scale(log, Scale::log1p);
  CHECK_THROWS_WITH(downsample_counts(log, {.fraction = 1}), contains("expected counts"));
}

TEST_CASE("downsample_cells: so many of each group", "[preprocess]") {
  AnnData a = around(random_counts(60, 3, 1));
  std::vector<std::string> groups;
  for (size_t i = 0; i < 60; ++i) groups.push_back(i < 50 ? "x" : i < 57 ? "y" : "z");
  a.obs.set("target_gene", groups);
  AnnData all = a, some = a;
  const auto keep = downsample_cells(some, {.cells = 5, .group_keys = {"target_gene"}, .seed = 1});
  CHECK(some.cells() == 13);
  CHECK(some.X->rows() == 13);
  CHECK(std::count(keep.begin(), keep.begin() + 50, uint8_t(1)) == 5);
  CHECK(std::count(keep.begin() + 57, keep.end(), uint8_t(1)) == 3);
  downsample_cells(all, {.cells = 30});
  CHECK(all.cells() == 30);
  CHECK(downsampled_cells(a.obs, {.cells = 30, .seed = 1}) !=
        downsampled_cells(a.obs, {.cells = 30, .seed = 2}));
  // Every cell is as likely.
  std::vector<size_t> times(60);
  for (uint64_t seed = 0; seed < 600; ++seed) {
    const auto flags = downsampled_cells(a.obs, {.cells = 20, .seed = seed});
    for (size_t i = 0; i < 60; ++i) times[i] += flags[i];
  }
  for (const size_t t : times) CHECK(std::abs(double(t) - 200) < 5 * std::sqrt(600 * 2 / 9.0));
  CHECK_THROWS_WITH(downsample_cells(a, {.cells = 0}), contains("cells"));
  CHECK_THROWS_WITH(downsample_cells(a, {.cells = 1, .group_keys = {"b"}}), contains("'b'"));
}
