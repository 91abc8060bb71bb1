#include "preprocess/small_data.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/preprocess/log1p_rows.hpp"
#include "vcell/preprocess/store_qc_metrics.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {
const Matrix counts = dense(4, {4, 0, 1, 5, 0, 0, 0, 0, 2, 2, 2, 2});
const GeneSet some{"mt", {1, 0, 1, 0}};
}  // namespace

TEST_CASE("qc_metrics: of cells and genes", "[preprocess]") {
  auto with_zero = to_csr<float>(counts);
  with_zero.values[0] = 0;  // stored, and no value
  for (const Matrix& X : {counts, Matrix(to_csr<double>(counts))}) {
    const QcMetrics m = qc_metrics(X, {.sets = {some}, .percent_top = {1, 4}});
    CHECK(m.genes_of_cell == std::vector<int64_t>{3, 0, 4});
    CHECK(m.total_of_cell == std::vector<double>{10, 0, 8});
    CHECK(m.sets[0].total == std::vector<double>{5, 0, 4});
    CHECK(m.sets[0].percent[0] == 50);
    CHECK(std::isnan(m.sets[0].percent[1]));
    CHECK(m.top[0].percent[0] == 50);
    CHECK(m.top[0].percent[2] == 25);
    CHECK(std::isnan(m.top[0].percent[1]));
    CHECK(m.top[1].percent[0] == 100);
    CHECK(m.cells_of_gene == std::vector<int64_t>{2, 1, 2, 2});
    CHECK(m.total_of_gene == std::vector<double>{6, 2, 3, 7});
    CHECK(m.mean_of_gene[0] == 2);
    CHECK(m.dropout[1] == Approx(200 / 3.0));
  }
  CHECK(qc_metrics(Matrix(with_zero), {.percent_top = {}}).genes_of_cell[0] == 2);
}

TEST_CASE("qc_metrics: columns and their types", "[preprocess]") {
  AnnData a = around(Matrix(DenseMatrix<int32_t>{1, 2, {20'000'000, 3}}));
  a.layers.emplace("halves", dense(2, {0.5F, 0}));
  qc_metrics(a, {.percent_top = {1}});
  CHECK(a.obs.names() == std::vector<std::string>{"n_genes_by_counts", "log1p_n_genes_by_counts",
                                                  "total_counts", "log1p_total_counts",
                                                  "pct_counts_in_top_1_genes"});
  CHECK(a.var.names() == std::vector<std::string>{"n_cells_by_counts", "mean_counts",
                                                  "log1p_mean_counts", "pct_dropout_by_counts",
                                                  "total_counts", "log1p_total_counts"});
  CHECK(a.obs.column("total_counts").values().numbers() ==
        Numbers(std::vector<int64_t>{20'000'003}));
  CHECK(a.obs.column("log1p_total_counts").numbers()[0] == std::log1p(20'000'003.0));
  AnnData b = a;
  b.obs = DataFrame(a.obs.index);
  qc_metrics(b, {.percent_top = {},
                 .log1p = false,
                 .layer = "halves",
                 .expr_type = "reads",
                 .var_type = "exons"});
  CHECK(b.obs.names() == std::vector<std::string>{"n_exons_by_reads", "total_reads"});
  CHECK(b.obs.column("total_reads").values().numbers() == Numbers(std::vector<float>{0.5F}));
}

TEST_CASE("qc_metrics: the same from blocks, and of any number of threads", "[preprocess]") {
  const Matrix X = random_counts(700, 30, 3);
  const std::vector<double> factors(X.rows(), 1.5);
  const Log1pRows<Matrix> rows(X, factors, DType::f32);
  CsrMatrix<float> whole;
  whole.columns = X.columns();
  for_each_row_block<float>(rows, [&](size_t, const auto& block) { whole.append(block); });
  const QcMetricsOptions options{.percent_top = {3, 30}};
  const auto expected = qc_metrics(Matrix(whole), options);
  const auto [one, three] = on_one_and_three_threads([&] { return qc_metrics(rows, options); });
  for (const QcMetrics& m : {one, three}) {
    CHECK(m.total_of_cell == expected.total_of_cell);
    CHECK(m.top[0].percent == expected.top[0].percent);
    CHECK(m.total_of_gene == expected.total_of_gene);
    CHECK(m.mean_of_gene == expected.mean_of_gene);
  }
}

TEST_CASE("qc_metrics: empty matrices and errors", "[preprocess]") {
  const QcMetrics none = qc_metrics(Matrix(dense(0, {})), {.percent_top = {}});
  CHECK(none.total_of_cell.empty());
  CHECK_THROWS_WITH(qc_metrics(counts), contains("percent_top has 50") && contains("1 .. 4"));
  CHECK_THROWS_WITH(qc_metrics(counts, {.percent_top = {0}}), contains("percent_top has 0"));
  check_error<ShapeError>(
      [&] {
        qc_metrics(counts, {.sets = {{"mt", {1}}}, .percent_top = {}});
      },
      {"gene set 'mt'", "(1)", "(4)"});
}

TEST_CASE("gene sets: by the beginnings of names, by a column", "[preprocess]") {
  const std::vector<std::string> names{"MT-CO1", "MTOR", "AMT-1", "MT-"};
  CHECK(gene_set_with_prefix("mt", names, "MT-").genes == std::vector<uint8_t>{1, 0, 0, 1});
  CHECK_THROWS_WITH(gene_set_with_prefix("mt", {"ENSG01"}, "MT-"),
                    contains("'MT-'") && contains("ENSG01"));
  AnnData a = around(counts);
  a.var.set("ribo", Numbers::truths({0, 1, 0, 0}));
  CHECK(gene_set_of_column(a, "ribo").genes == std::vector<uint8_t>{0, 1, 0, 0});
  CHECK_THROWS_WITH(gene_set_of_column(a, "mt"), contains("'mt'") && contains("ribo"));
}
