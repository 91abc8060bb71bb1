#include "vcell/sets/screen_statistics.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

/// Counts the rows that are read of a matrix, in blocks of 7.
struct ReadRows {
  const Matrix* m;
  size_t* read;
  SparseLayout layout = {};

  size_t rows() const { return m->rows(); }
  size_t columns() const { return m->columns(); }
  DType dtype() const { return m->dtype(); }
  bool is_sparse() const { return m->is_sparse(); }

  template <class T>
  friend CsrView<T> row_block(const ReadRows& s, size_t first, size_t last, CsrMatrix<T>& scratch) {
    *s.read += last - first;
    return row_block(*s.m, first, last, scratch);
  }
  friend size_t block_end(const ReadRows& s, size_t first, size_t) {
    return std::min(s.m->rows(), first + 7);
  }
};

/// 60 cells x 30 genes; perturbation P1 raises the first ten genes.
struct StatisticsScreen {
  AnnData adata;
  Matrix X;
  Factor perturbation, batch;
};

StatisticsScreen statistics_screen() {
  StatisticsScreen out;
  CsrMatrix<float> m;
  m.columns = 30;
  Rng rng(5);
  std::vector<std::string> perturbation, batch;
  for (size_t i = 0; i < 60; ++i) {
    out.adata.obs.index.push_back(message("c", i));
    perturbation.push_back(i % 3 == 0 ? "ctrl" : i % 3 == 1 ? "P1" : "P2");
    batch.push_back(i < 30 ? "a" : "b");
    for (int32_t g = 0; g < 30; ++g) {
      const auto count = rng.below(5) + (i % 3 == 1 && g < 10 ? 40 : 0);
      if (count == 0) continue;
      m.indices.push_back(g);
      m.values.push_back(float(count));
    }
    m.end_row();
  }
  for (size_t g = 0; g < 30; ++g) out.adata.var.index.push_back(message("g", g));
  out.adata.obs.set("perturbation", perturbation);
  out.adata.obs.set("batch", batch);
  out.perturbation = factor(out.adata.obs.column("perturbation"));
  out.batch = factor(out.adata.obs.column("batch"));
  out.X = Matrix(std::move(m));
  return out;
}

std::vector<double> shares_of(const ComponentShares& s) {
  auto out = s.variance_ratio;
  for (const auto& column : s.of_columns)
    out.insert(out.end(), column.of_genes.begin(), column.of_genes.end());
  return out;
}

}  // namespace

TEST_CASE("screen_statistics: X is read three times, and its parts are those found alone",
          "[sets]") {
  const StatisticsScreen screen = statistics_screen();
  size_t read = 0;
  const ScreenStatisticsOptions options{
      .labels = {.control = "ctrl", .batch_key = "batch"}, .hvgs = 12, .components = {4}};
  const auto s = screen_statistics(screen.adata, ReadRows{&screen.X, &read}, options);
  CHECK(read == 3 * 60);

  AnnData log1p = screen.adata;
  log1p.X = screen.X;
  normalize_to_log1p(log1p);
  const auto hvg = highly_variable_genes(*log1p.X, {.n_top_genes = 12});
  CHECK(s.hvg.highly_variable == hvg.highly_variable);
  CHECK(s.hvg.means == hvg.means);
  CHECK(s.hvg.dispersions == hvg.dispersions);
  const std::vector<const Factor*> columns{&screen.perturbation, &screen.batch};
  const auto shares = variance_shares(*log1p.X, columns);
  CHECK(s.perturbation_share.of_genes == shares[0].of_genes);
  CHECK(s.batch_share->of_genes == shares[1].of_genes);
  REQUIRE(s.components);
  CHECK(shares_of(*s.components) ==
        shares_of(*component_shares(*log1p.X, hvg.highly_variable, columns, {.components = 4})));
  // P1 is what cells differ in most, batches are nothing.
  CHECK(s.components->variance_ratio.size() == 4);
  CHECK(s.components->of_columns[0].of_genes[0] > 0.8);
  CHECK(s.components->of_columns[1].of_genes[0] < 0.1);
  CHECK(s.components->mean(0) > s.components->mean(1));

  // The same where nothing has room, for more passes; and less work where it is not wanted.
  auto small = options;
  small.bytes = 8 * 6 * 13;  // of the sums of 13 genes
  small.components.bytes = 1000;
  size_t read_small = 0;
  const auto again = screen_statistics(screen.adata, ReadRows{&screen.X, &read_small}, small);
  CHECK(read_small > 3 * 60);
  CHECK(again.hvg.dispersions == s.hvg.dispersions);
  CHECK(again.perturbation_share.of_genes == s.perturbation_share.of_genes);
  CHECK(shares_of(*again.components) == shares_of(*s.components));
  auto none = options;
  none.components.components = 0;
  read = 0;
  CHECK_FALSE(screen_statistics(screen.adata, ReadRows{&screen.X, &read}, none).components);
  CHECK(read == 2 * 60);
}

TEST_CASE("screen_statistics: what is no count is named, and where", "[sets]") {
  StatisticsScreen screen = statistics_screen();
  const auto measure = [&](std::optional<Scale> scale) {
    screen_statistics(screen.adata, screen.X, {.labels = {.control = "ctrl"}, .scale = scale});
  };
  check_error<ConfigError>([&] { measure(Scale::log1p); }, {"log1p", "30"});
  screen.X.values().values<float>()[4] = 0.5F;
  check_error<ConfigError>([&] { measure({}); }, {"cell 'c0'", "0.5"});
  check_error<ConfigError>([&] { measure(Scale::counts); }, {"cell 'c0'", "0.5", "whole numbers"});
}

TEST_CASE("component_shares: the share is that of the scores' variance between groups", "[sets]") {
  const StatisticsScreen screen = statistics_screen();
  AnnData log1p = screen.adata;
  log1p.X = screen.X;
  normalize_to_log1p(log1p);
  std::vector<uint8_t> genes(30, 1);
  genes[3] = 0;
  const std::vector<const Factor*> columns{&screen.perturbation};
  const auto found = *component_shares(*log1p.X, genes, columns, {.components = 3});
  SelectedRows some{BorrowedRows<Matrix>(*log1p.X)};
  some.keep_columns(genes);
  const Pca components = pca(some, {.components = 3});
  CHECK(found.variance_ratio == components.variance_ratio);
  for (size_t j = 0; j < 3; ++j) {
    double mean = 0, all = 0, between = 0;
    std::array<double, 3> sums{};
    for (size_t i = 0; i < 60; ++i) {
      mean += components.scores.row(i)[j] / 60;
      sums[size_t(screen.perturbation.codes[i])] += components.scores.row(i)[j];
    }
    for (size_t i = 0; i < 60; ++i) all += std::pow(components.scores.row(i)[j] - mean, 2);
    for (const double sum : sums) between += 20 * std::pow(sum / 20 - mean, 2);
    CHECK(found.of_columns[0].of_genes[j] == Approx(between / all).margin(1e-6));
  }
  vcell_test::check_same_on_any_threads(
      [&] { return shares_of(*component_shares(*log1p.X, genes, columns, {.components = 3})); });
  const std::vector<uint8_t> nothing(30, 0);
  CHECK_FALSE(component_shares(*log1p.X, nothing, columns));
  const std::vector<uint8_t> one_gene{1};
  CHECK_THROWS_AS(component_shares(*log1p.X, one_gene, columns), ShapeError);
}
