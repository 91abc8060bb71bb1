#include "vcell/preprocess/pca.hpp"

#include <Eigen/SVD>

#include "preprocess/blocks.hpp"
#include "preprocess/small_data.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/data/keep.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// log1p of counts in which three programs of genes vary, far apart in strength.
CsrMatrix<float> programs(size_t cells, size_t genes) {
  auto out = random_counts(cells, genes, 7);
  Rng rng(8);
  for (size_t i = 0; i < cells; ++i) {
    const double a = rng.normal(), b = rng.normal(), c = rng.normal();
    const auto columns = out.row_indices(i);
    const auto values = out.row_values(i);
    for (size_t k = 0; k < values.size(); ++k) {
      const auto gene = size_t(columns[k]);
      const double by = gene % 3 == 0 ? 0.9 * a : gene % 3 == 1 ? 0.6 * b : 0.4 * c;
      values[k] = float(std::log1p(double(values[k]) * std::exp(by)));
    }
  }
  return out;
}

Eigen::MatrixXd centred(const CsrMatrix<float>& X) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(Eigen::Index(X.rows), Eigen::Index(X.columns));
  for (size_t i = 0; i < X.rows; ++i)
    for (size_t k = 0; k < X.row_size(i); ++k)
      out(Eigen::Index(i), X.row_indices(i)[k]) = double(X.row_values(i)[k]);
  out.rowwise() -= out.colwise().mean().eval();
  return out;
}

}  // namespace

TEST_CASE("pca: the components of an exact decomposition", "[preprocess]") {
  const auto X = programs(200, 40);
  const Eigen::MatrixXd A = centred(X);
  const Eigen::JacobiSVD<Eigen::MatrixXd> exact(A, Eigen::ComputeThinU | Eigen::ComputeThinV);
  const double total = A.squaredNorm();
  // Of all directions in one pass; of some, in several.
  for (const bool all : {true, false}) {
    CAPTURE(all);
    const Pca out = pca(Matrix(X), {.components = 3,
                                    .oversample = all ? size_t(37) : size_t(10),
                                    .iterations = all ? size_t(0) : size_t(40)});
    REQUIRE(out.scores.columns == 3);
    for (Eigen::Index j = 0; j < 3; ++j) {
      const double sigma = exact.singularValues()[j];
      CHECK(out.variance[size_t(j)] == Approx(sigma * sigma / 199).epsilon(1e-9));
      CHECK(out.variance_ratio[size_t(j)] == Approx(sigma * sigma / total).epsilon(1e-9));
      Eigen::VectorXd v = exact.matrixV().col(j), u = exact.matrixU().col(j) * sigma;
      Eigen::Index most = 0;
      v.cwiseAbs().maxCoeff(&most);
      const double sign = v[most] < 0 ? -1 : 1;
      double worst = 0;
      for (Eigen::Index g = 0; g < 40; ++g)
        worst = std::max(worst, std::abs(out.loadings.values[size_t(g * 3 + j)] - sign * v[g]));
      for (Eigen::Index c = 0; c < 200; ++c)
        worst = std::max(
            worst, std::abs(double(out.scores.values[size_t(c * 3 + j)]) - sign * u[c]) / sigma);
      CHECK(worst < 1e-6);
    }
  }
}

TEST_CASE("pca: the same bytes for any blocks, threads and storage; the seed decides",
          "[preprocess]") {
  const Matrix X = programs(600, 150);
  const PcaOptions options{.components = 5, .oversample = 4, .iterations = 2, .seed = 3};
  const auto [one, three] = on_one_and_three_threads([&] { return pca(X, options); });
  const Pca blocks = pca(Blocks{X, 97}, options), dense = pca(Matrix(to_dense<float>(X)), options);
  for (const Pca* other : std::array{&std::as_const(three), &blocks, &dense}) {
    CHECK(one.scores.values == other->scores.values);
    CHECK(one.loadings.values == other->loadings.values);
    CHECK(one.variance == other->variance);
  }
  auto another = options;
  another.seed = 4;
  CHECK(pca(X, another).loadings.values != one.loadings.values);
}

TEST_CASE("pca: of an AnnData, of some genes", "[preprocess]") {
  AnnData a = around(programs(100, 30));
  std::vector<uint8_t> flags(30);
  for (size_t gene = 0; gene < 30; gene += 2) flags[gene] = 1;
  a.var.set("highly_variable", Numbers::truths(flags));
  AnnData some = a;
  keep_genes(some, flags);
  const Pca expected = pca(*some.X, {.components = 4});
  const Pca out = pca(a, {.components = 4, .gene_mask = "highly_variable"});
  CHECK(out.scores.values == expected.scores.values);
  CHECK(to_dense<float>(matrix(a.obsm, "X_pca", "obsm")).values == expected.scores.values);
  const auto loadings = to_dense<double>(matrix(a.varm, "PCs", "varm"));
  CHECK(loadings.rows == 30);
  CHECK(loadings.row(1)[0] == 0);
  CHECK(loadings.row(2)[3] == Approx(expected.loadings.row(1)[3]).epsilon(1e-12));
  const auto ratio = find(a.uns, "pca/variance_ratio")->array()->values.as<double>();
  REQUIRE(ratio.size() == expected.variance_ratio.size());
  for (size_t i = 0; i < ratio.size(); ++i)
    CHECK(ratio[i] == Approx(expected.variance_ratio[i]).epsilon(1e-12));
}

TEST_CASE("pca: fewer components than asked for, and errors", "[preprocess]") {
  const Pca line = pca(Matrix(dense(2, {1, 2, 2, 4, 3, 6, 5, 10})), {.components = 2});
  CHECK(line.variance[0] == Approx(5 * 35 / 12.0));
  CHECK((line.variance.size() == 1 || line.variance[1] < 1e-12));
  CHECK(line.loadings.row(1)[0] == Approx(2 / std::sqrt(5)));
  const Matrix X = programs(10, 4);
  CHECK_THROWS_WITH(pca(X, {.components = 5}), contains("components is 5") && contains("1 .. 4"));
  CHECK_THROWS_WITH(pca(X, {.components = 0}), contains("components is 0"));
  CHECK_THROWS_WITH(pca(Matrix(dense(1, {1, float(INFINITY), 2})), {.components = 1}),
                    contains("not finite"));
  AnnData a = around(X);
  CHECK_THROWS_WITH(pca(a, {.gene_mask = "hv"}), contains("'hv'"));
  CHECK_THROWS_WITH(pca(a, {.layer = "log1p"}), contains("'log1p'"));
}
