#include "vcell/preprocess/scale_genes.hpp"

#include "preprocess/small_data.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/largest_error.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/preprocess/regress_out.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {
// Means 2, 1, 5; variances 4, 3, 0.
const Matrix few = dense(3, {0, 0, 5, 2, 0, 5, 4, 3, 5});
}  // namespace

TEST_CASE("scale_genes: mean 0 and unit variance, clipped on both sides", "[preprocess]") {
  for (Matrix m : {few, Matrix(to_csr<float>(few))}) {
    const GeneScales out = scale_genes(m, {.max_value = 0.9});
    CHECK(out.means == std::vector<double>{2, 1, 5});
    CHECK(out.sds[0] == 2);
    CHECK(out.sds[1] == Approx(std::sqrt(3)));
    CHECK(out.sds[2] == 1);
    const float a = float(-1 / std::sqrt(3.0));
    CHECK(to_dense<float>(m).values == std::vector<float>{-0.9F, a, 0, 0, a, 0, 0.9F, 0.9F, 0});
  }
}

TEST_CASE("scale_genes: not centred, sparse stays sparse and streams", "[preprocess]") {
  Matrix m = to_csr<float>(few), whole = few;
  const ScaleGenesOptions options{.zero_center = false, .max_value = 1.5};
  const GeneScales out = scale_genes(m, options);
  scale_genes(whole, options);
  CHECK(m.is_sparse());
  CHECK(m.values().values<float>().size() == 6);
  CHECK(to_dense<float>(m).values == std::vector<float>{0, 0, 1.5F, 1, 0, 1.5F, 1.5F, 1.5F, 1.5F});
  CHECK(to_dense<float>(m).values == to_dense<float>(whole).values);
  const ScaledRows<Matrix> rows(few, out.sds, DType::f32, 1.5);
  CsrMatrix<float> read;
  read.columns = 3;
  copy_rows<float>(rows, read);
  CHECK(read == to_csr<float>(m));
  Matrix negative = dense(1, {-9, 9});
  scale_genes(negative, {.zero_center = false, .max_value = 0.1});
  CHECK(to_dense<float>(negative).values[0] < -0.5F);  // clipped from above alone
}

TEST_CASE("scale_genes: of an AnnData, threads, doubles, errors", "[preprocess]") {
  AnnData a = around(few);
  a.layers.emplace("log1p", few);
  scale_genes(a, {.layer = "log1p"});
  CHECK(*a.X == few);
  CHECK(a.var.column("std").numbers()[0] == 2);
  CHECK(a.var.column("mean").numbers()[2] == 5);
  const auto [one, three] = on_one_and_three_threads([] {
    Matrix m = random_counts(900, 40, 2);
    scale_genes(m);
    return m;
  });
  CHECK(one == three);
  Matrix wide = to_csr<double>(few);
  scale_genes(wide);
  CHECK(wide.values().values<double>()[1] == -1 / std::sqrt(3.0));
  Matrix single = dense(1, {1}), infinite = dense(1, {1, float(INFINITY)}), m = few;
  CHECK_THROWS_WITH(scale_genes(single), contains("has 1 cells"));
  CHECK_THROWS_WITH(scale_genes(infinite), contains("gene number 0"));
  CHECK_THROWS_WITH(scale_genes(m, {.max_value = 0.0}), contains("max_value is 0"));
  check_error<ShapeError>([&] { ScaledRows<Matrix>(few, {1.0}, DType::f32); }, {"sds", "(1)"});
  CHECK(m == few);
}

TEST_CASE("regress_out: residuals are orthogonal to what was regressed out", "[preprocess]") {
  const size_t n = 300;
  const Matrix X = random_counts(n, 20, 4);
  Rng rng(1);
  std::vector<std::vector<double>> covariates(3, std::vector<double>(n));
  for (size_t i = 0; i < n; ++i) {
    covariates[0][i] = 1e6 + rng.normal();  // far from 0, and of another size than the next
    covariates[1][i] = 1e-5 * rng.normal();
    covariates[2][i] = 3 * covariates[0][i] - 7;  // explained by the first
  }
  const auto [one, three] = on_one_and_three_threads([&] { return regress_out(X, covariates); });
  CHECK(one == three);
  const auto residual = to_dense<double>(one);
  for (size_t gene = 0; gene < 20; ++gene) {
    double sums[3] = {}, size = 0;
    for (size_t i = 0; i < n; ++i) {
      const double x = residual.row(i)[gene];
      sums[0] += x;
      sums[1] += x * (covariates[0][i] - 1e6);
      sums[2] += x * covariates[1][i] * 1e5;
      size += std::abs(x);
    }
    for (const double sum : sums) CHECK(std::abs(sum) <= 2e-6 * size);
  }
  // Two covariates explain as much as all three.
  CHECK(largest_difference(to_dense<double>(regress_out(X, std::span(covariates).first(2))).values,
                           residual.values) < 1e-6);
  // What covariates explain wholly is gone.
  Matrix line = DenseMatrix<double>{4, 1, {1, 3, 5, 7}};
  const std::vector<std::vector<double>> steps{{0, 1, 2, 3}};
  CHECK(largest_magnitude(to_dense<double>(regress_out(line, steps)).values) < 1e-12);
}

TEST_CASE("regress_out: groups, constant genes, columns of obs", "[preprocess]") {
  AnnData a = around(dense(3, {1, 7, 0, 3, 7, 0, 5, 7, 4, 5, 7, 4}));
  a.obs.set("batch", std::vector<std::string>{"x", "x", "y", "y"});
  a.obs.set("score", std::vector<double>{0, 1, 2, 3});
  AnnData b = a;
  regress_out(b, {"batch"});
  CHECK(to_dense<float>(*b.X).values == std::vector<float>{-1, 7, 0, 1, 7, 0, 0, 7, 0, 0, 7, 0});
  a.obs.set("unknown", std::vector<double>{0, 1, 2, NAN});
  AnnData c = a;
  regress_out(c, {"unknown"});
  for (const float x : to_dense<float>(*c.X).values) CHECK(std::isnan(x));
  CHECK_THROWS_WITH(regress_out(a, {"score", "batch"}), contains("'batch' is categorical"));
  CHECK_THROWS_WITH(regress_out(a, {}), contains("no covariates"));
  CHECK_THROWS_WITH(regress_out(a, {"total"}), contains("score"));
  CHECK_THROWS_WITH(regress_out(*a.X, Factor{{"x"}, {0, 0, -1, 0}}), contains("cell number 2"));
  const std::vector<std::vector<double>> short_of_one{{1, 2, 3}};
  check_error<ShapeError>([&] { regress_out(*a.X, short_of_one); }, {"(3)", "(4)"});
}
