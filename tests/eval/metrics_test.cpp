#include "support.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"
#include "vcell/eval/discrimination_score_l1.hpp"
#include "vcell/eval/mean_absolute_error.hpp"
#include "vcell/eval/mean_cells.hpp"
#include "vcell/eval/overlap_at_n.hpp"
#include "vcell/eval/pearson.hpp"

using namespace vcell_test;

namespace {

Tensor<double, 2> random_matrix(size_t rows, size_t columns, uint64_t seed) {
  Rng rng(seed);
  Tensor<double, 2> out({rows, columns});
  for (double& x : out.values()) x = rng.normal();
  return out;
}

/// The score by its definition, one distance after the other.
double score_of(const Tensor<double, 2>& predicted, const Tensor<double, 2>& real, size_t p,
                int32_t own) {
  const size_t n = real.shape(0);
  std::vector<double> distances(n, 0);
  for (size_t t = 0; t < n; ++t)
    for (size_t g = 0; g < real.shape(1); ++g)
      if (int32_t(g) != own) distances[t] += std::abs(predicted(p, g) - real(t, g));
  size_t rank = 0;
  for (size_t t = 0; t < n; ++t) rank += distances[t] < distances[p];
  return 1 - double(rank) / double(n);
}

DifferentialExpression table_of(const std::vector<double>& fdr, const std::vector<double>& lfc) {
  DifferentialExpression de;
  de.targets = {"A"};
  de.features = numbered("g", fdr.size());
  de.fdr = Tensor<double, 2>({1, fdr.size()}, fdr);
  de.log2_fold_change = Tensor<double, 2>({1, lfc.size()}, lfc);
  return de;
}

}  // namespace

TEST_CASE("metrics: pearson", "[eval]") {
  const std::vector<double> a = {1, 2, 4, 3}, b = {2, 4, 8, 6}, c = {-1, -2, -4, -3};
  REQUIRE(pearson(a, b) == Approx(1));
  REQUIRE(pearson(a, c) == Approx(-1));
  // r of (1, 2, 4, 3) and (0, 1, 0, 1): covariance 0, by hand.
  REQUIRE(pearson(a, std::vector<double>{0, 1, 0, 1}) == Approx(0).margin(1e-15));
  REQUIRE(pearson(std::vector<double>{0, 0, 3}, std::vector<double>{0, 1, 2}) ==
          Approx(std::sqrt(0.75)));
  for (const std::vector<double>& constant : {std::vector<double>(4, 0.1), {}, {1}})
    REQUIRE(std::isnan(pearson(constant, std::vector<double>(constant.size(), 1))));
  REQUIRE(std::isnan(pearson(a, std::vector<double>(4, 0.1))));
  REQUIRE_THROWS_AS(pearson(a, std::vector<double>{1}), ShapeError);
}

TEST_CASE("metrics: mean_absolute_error", "[eval]") {
  REQUIRE(mean_absolute_error(std::vector<double>{1, 5}, std::vector<double>{2, 3}) == 1.5);
  REQUIRE(std::isnan(mean_absolute_error({}, {})));
  REQUIRE_THROWS_AS(mean_absolute_error(std::vector<double>{1}, {}), ShapeError);
}

TEST_CASE("metrics: discrimination_score_l1 is its definition", "[eval]") {
  for (const auto& [n, genes] : std::vector<std::pair<size_t, size_t>>{
           {1, 1}, {2, 3}, {5, 8}, {7, 33}, {35, 17}, {21, 1040}}) {
    const auto real = random_matrix(n, genes, n), predicted = random_matrix(n, genes, 100 + n);
    std::vector<int32_t> own;  // none, the first columns, several of one, the last
    for (size_t p = 0; p < n; ++p) own.push_back(int32_t(p % 7 ? p % (genes + 1) : genes) - 1);
    if (n > 9) own[9] = own[10] = own[11] = int32_t(std::min<size_t>(genes, 512)) - 1;
    const auto scores = discrimination_score_l1(predicted.view(), real.view(), own);
    for (size_t p = 0; p < n; ++p) REQUIRE(scores[p] == score_of(predicted, real, p, own[p]));
    for (double score : discrimination_score_l1(real.view(), real.view(), own))
      REQUIRE(score == (genes > 1 ? 1. : score));
  }
}

TEST_CASE("metrics: discrimination_score_l1 breaks ties by index", "[eval]") {
  const Tensor<double, 2> real({3, 2}, std::vector<double>{1, 1, 1, 1, 1, 1});
  const auto predicted = random_matrix(3, 2, 1);
  const std::vector<int32_t> none(3, -1);
  REQUIRE(discrimination_score_l1(predicted.view(), real.view(), none) ==
          std::vector<double>{1, 1 - 1 / 3., 1 - 2 / 3.});
  // The own column is all that tells them apart: without it they are equal again.
  const Tensor<double, 2> apart({3, 2}, std::vector<double>{9, 1, 5, 1, 2, 1});
  REQUIRE(discrimination_score_l1(predicted.view(), apart.view(), std::vector<int32_t>(3, 0)) ==
          std::vector<double>{1, 1 - 1 / 3., 1 - 2 / 3.});
}

TEST_CASE("metrics: discrimination_score_l1 has the same bytes for any number of threads",
          "[eval]") {
  const auto real = random_matrix(50, 700, 1), predicted = random_matrix(50, 700, 2);
  check_same_on_any_threads([&] {
    return discrimination_score_l1(predicted.view(), real.view(), std::vector<int32_t>(50, 3));
  });
}

TEST_CASE("metrics: discrimination_score_l1 without perturbations or genes", "[eval]") {
  const Tensor<double, 2> none({0, 5}), no_genes({3, 0});
  REQUIRE(discrimination_score_l1(none.view(), none.view(), {}).empty());
  REQUIRE(discrimination_score_l1(no_genes.view(), no_genes.view(),
                                  std::vector<int32_t>(3, -1))[2] == Approx(1 / 3.));
}

TEST_CASE("metrics: discrimination_score_l1 wants equal shapes and columns that are there",
          "[eval]") {
  const auto a = random_matrix(3, 2, 1), b = random_matrix(2, 2, 1);
  REQUIRE_THROWS_AS(discrimination_score_l1(a.view(), b.view(), std::vector<int32_t>(3, -1)),
                    ShapeError);
  REQUIRE_THROWS_AS(discrimination_score_l1(a.view(), a.view(), std::vector<int32_t>(2, -1)),
                    ShapeError);
  REQUIRE_THROWS_AS(discrimination_score_l1(a.view(), a.view(), std::vector<int32_t>{0, 1, 2}),
                    ShapeError);
}

TEST_CASE("metrics: significant_genes are sorted by fold change", "[eval]") {
  const double inf = std::numeric_limits<double>::infinity();
  const auto de = table_of({0.01, 0.2, 0.049, 0.05, 0.001, 0.01, 0.02, 0.01},
                           {1, 9, -3, 8, -inf, inf, 1, std::nan("")});
  REQUIRE(significant_genes(de, 0) == std::vector<uint32_t>{4, 5, 2, 0, 6, 7});
  REQUIRE(significant_genes(de, 0, 0.005) == std::vector<uint32_t>{4});
  REQUIRE(significant_genes(table_of({}, {}), 0).empty());
  REQUIRE_THROWS_AS(significant_genes(de, 1), ShapeError);
}

TEST_CASE("metrics: overlap_at_n", "[eval]") {
  using Genes = std::vector<uint32_t>;
  REQUIRE(overlap_at_n(Genes{1, 2, 3, 4}, Genes{4, 9, 1, 7, 2, 3}) == 0.5);
  REQUIRE(overlap_at_n(Genes{1, 2, 3, 4}, Genes{2}) == 0.25);
  REQUIRE(overlap_at_n(Genes{5, 1}, Genes{1, 5}) == 1);
  REQUIRE(overlap_at_n(Genes{1}, Genes{}) == 0);
  REQUIRE(overlap_at_n(Genes{}, Genes{1}) == 0);
}

TEST_CASE("metrics: mean_cells averages the cells of each set", "[eval]") {
  const auto X = random_cells(23, 5, 0.5, 0, 2);
  const Factor groups = by_turns({"b", "a", "c"}, 23);
  std::vector<std::vector<size_t>> sets(2);  // a and b; the cells of c are in none
  for (size_t i = 0; i < 23; ++i)
    if (groups.codes[i] < 2) sets[size_t(groups.codes[i])].push_back(i);
  const auto means = mean_cells(X.view(), sets);
  REQUIRE(means.shape() == Shape<2>{2, 5});
  for (size_t g = 0; g < 2; ++g)
    for (size_t gene = 0; gene < 5; ++gene) {
      const auto values = values_of(X, groups, groups.names[g], gene);
      double sum = 0;
      for (float v : values) sum += double(v);
      REQUIRE(means(g, gene) == Approx(sum / double(values.size())).margin(1e-12));
    }
  sets[1].push_back(23);
  REQUIRE_THROWS_AS(mean_cells(X.view(), sets), ShapeError);
}
