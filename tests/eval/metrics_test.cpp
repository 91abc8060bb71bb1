#include <tuple>

#include "support.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"
#include "vcell/eval/distance_ranks.hpp"
#include "vcell/eval/mean_cells.hpp"
#include "vcell/eval/mean_error.hpp"
#include "vcell/eval/overlap_at.hpp"
#include "vcell/eval/pearson.hpp"
#include "vcell/eval/profiles.hpp"
#include "vcell/eval/ranking_areas.hpp"
#include "vcell/eval/significant_genes.hpp"
#include "vcell/eval/spearman.hpp"

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
  REQUIRE(mean_absolute_error(std::vector<float>{1, 5}, std::vector<float>{2, 3}) == 1.5);
  REQUIRE(std::isnan(mean_absolute_error({}, {})));
  REQUIRE_THROWS_AS(mean_absolute_error(std::vector<float>{1}, {}), ShapeError);
}

TEST_CASE("metrics: discrimination_scores is its definition", "[eval]") {
  for (const auto& [n, genes] : std::vector<std::pair<size_t, size_t>>{
           {1, 1}, {2, 3}, {5, 8}, {7, 33}, {35, 17}, {21, 1040}}) {
    const auto real = random_matrix(n, genes, n), predicted = random_matrix(n, genes, 100 + n);
    std::vector<int32_t> own;  // none, the first columns, several of one, the last
    for (size_t p = 0; p < n; ++p) own.push_back(int32_t(p % 7 ? p % (genes + 1) : genes) - 1);
    if (n > 9) own[9] = own[10] = own[11] = int32_t(std::min<size_t>(genes, 512)) - 1;
    const auto scores = discrimination_scores<L1Distance>(predicted.view(), real.view(), own);
    for (size_t p = 0; p < n; ++p) REQUIRE(scores[p] == score_of(predicted, real, p, own[p]));
    for (double score : discrimination_scores<L1Distance>(real.view(), real.view(), own))
      REQUIRE(score == (genes > 1 ? 1. : score));
  }
}

TEST_CASE("metrics: discrimination_scores breaks ties by index", "[eval]") {
  const Tensor<double, 2> real({3, 2}, std::vector<double>{1, 1, 1, 1, 1, 1});
  const auto predicted = random_matrix(3, 2, 1);
  const std::vector<int32_t> none(3, -1);
  REQUIRE(discrimination_scores<L1Distance>(predicted.view(), real.view(), none) ==
          std::vector<double>{1, 1 - 1 / 3., 1 - 2 / 3.});
  // The own column is all that tells them apart: without it they are equal again.
  const Tensor<double, 2> apart({3, 2}, std::vector<double>{9, 1, 5, 1, 2, 1});
  REQUIRE(discrimination_scores<L1Distance>(predicted.view(), apart.view(),
                                            std::vector<int32_t>(3, 0)) ==
          std::vector<double>{1, 1 - 1 / 3., 1 - 2 / 3.});
}

TEST_CASE("metrics: discrimination_scores has the same bytes for any number of threads", "[eval]") {
  const auto real = random_matrix(50, 700, 1), predicted = random_matrix(50, 700, 2);
  check_same_on_any_threads([&] {
    return discrimination_scores<L1Distance>(predicted.view(), real.view(),
                                             std::vector<int32_t>(50, 3));
  });
}

TEST_CASE("metrics: discrimination_scores without perturbations or genes", "[eval]") {
  const Tensor<double, 2> none({0, 5}), no_genes({3, 0});
  REQUIRE(discrimination_scores<L1Distance>(none.view(), none.view(), {}).empty());
  REQUIRE(discrimination_scores<L1Distance>(no_genes.view(), no_genes.view(),
                                            std::vector<int32_t>(3, -1))[2] == Approx(1 / 3.));
}

TEST_CASE("metrics: discrimination_scores wants equal shapes and columns that are there",
          "[eval]") {
  const auto a = random_matrix(3, 2, 1), b = random_matrix(2, 2, 1);
  REQUIRE_THROWS_AS(
      discrimination_scores<L1Distance>(a.view(), b.view(), std::vector<int32_t>(3, -1)),
      ShapeError);
  REQUIRE_THROWS_AS(
      discrimination_scores<L1Distance>(a.view(), a.view(), std::vector<int32_t>(2, -1)),
      ShapeError);
  REQUIRE_THROWS_AS(
      discrimination_scores<L1Distance>(a.view(), a.view(), std::vector<int32_t>{0, 1, 2}),
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

TEST_CASE("metrics: significant_genes by p, and without rows that a filter took out", "[eval]") {
  auto de = table_of({0.01, 0.01, 0.02, 0.2}, {1, 3, 2, 9});
  de.p_value = Tensor<double, 2>({1, 4}, std::vector<double>{0.004, 0.004, 0.001, 0});
  REQUIRE(significant_genes(de, 0, 0.05, SignificanceOrder::p_value) ==
          std::vector<uint32_t>{2, 0, 1});
  de.is_kept = Tensor<uint8_t, 2>({1, 4}, std::vector<uint8_t>{1, 0, 1, 1});
  REQUIRE(significant_genes(de, 0) == std::vector<uint32_t>{2, 0});
}

TEST_CASE("metrics: overlap_at and precision_at", "[eval]") {
  using Genes = std::vector<uint32_t>;
  REQUIRE(overlap_at(Genes{1, 2, 3, 4}, Genes{4, 9, 1, 7, 2, 3}) == 0.5);
  REQUIRE(overlap_at(Genes{1, 2, 3, 4}, Genes{2}) == 0.25);
  REQUIRE(overlap_at(Genes{5, 1}, Genes{1, 5}) == 1);
  REQUIRE(overlap_at(Genes{1}, Genes{}) == 0);
  REQUIRE(overlap_at(Genes{}, Genes{1}) == 0);
  REQUIRE(overlap_at(Genes{1, 2, 3, 4}, Genes{2, 4, 3}, 2) == 0.5);
  REQUIRE(overlap_at(Genes{1, 2}, Genes{7, 2}, 50) == 0.5);
  REQUIRE(precision_at(Genes{1, 2, 3, 4}, Genes{4, 9, 1, 7, 2, 3}) == 4. / 6);
  REQUIRE(precision_at(Genes{1, 2, 3, 4}, Genes{4, 9, 1, 7, 2, 3}, 3) == 1. / 3);
  REQUIRE(precision_at(Genes{1}, Genes{}) == 0);
  REQUIRE(precision_at(Genes{}, Genes{1}) == 0);
}

TEST_CASE("metrics: spearman is Pearson's of average ranks", "[eval]") {
  REQUIRE(detail::average_ranks(std::span<const double>(std::vector<double>{3, 1, 3, 2, 3})) ==
          std::vector<double>{4, 1, 4, 2, 4});
  const std::vector<double> a = {1, 2, 3, 4}, grows = {-9, 0.5, 0.6, 1e9}, b = {1, 1, 5, 2};
  REQUIRE(spearman<double>(a, grows) == Approx(1));
  // Ranks 1.5 1.5 4 3 against 1 2 3 4: covariance 3, variances 5 and 4.5.
  REQUIRE(spearman<double>(a, b) == Approx(3.5 / std::sqrt(5 * 4.5)));
  const double inf = std::numeric_limits<double>::infinity();
  REQUIRE(spearman<double>(a, std::vector<double>{-inf, 0, 7, inf}) == Approx(1));
  REQUIRE(std::isnan(spearman<double>(a, std::vector<double>(4, 2.0))));
  REQUIRE(std::isnan(spearman<double>(a, std::vector<double>{1, std::nan(""), 3, 4})));
  REQUIRE(std::isnan(spearman<double>(std::vector<double>{1}, std::vector<double>{1})));
  REQUIRE_THROWS_AS(spearman<double>(a, std::vector<double>{1}), ShapeError);
}

TEST_CASE("metrics: ranking_areas", "[eval]") {
  // Positives at scores 4 and 2 (tied with a negative), negatives at 3, 2 and 1. Of six pairs the
  // first wins three, the second one and a half.
  const std::vector<uint8_t> labels = {1, 0, 1, 0, 0};
  const std::vector<float> scores = {4, 3, 2, 2, 1};
  const auto areas = ranking_areas(labels, scores);
  REQUIRE(areas.roc == Approx(4.5 / 6));
  REQUIRE(areas.precision_recall == Approx(0.5 * 1 + 0.5 * 2 / 4));
  const auto all_equal = ranking_areas(labels, std::vector<float>(5, 0.0f));
  REQUIRE(all_equal.roc == 0.5);
  REQUIRE(all_equal.precision_recall == Approx(0.4));
  for (const auto& one_class : {std::vector<uint8_t>(5, 1), std::vector<uint8_t>(5, 0)}) {
    REQUIRE(std::isnan(ranking_areas(one_class, scores).roc));
    REQUIRE(std::isnan(ranking_areas(one_class, scores).precision_recall));
  }
  REQUIRE(std::isnan(ranking_areas({}, {}).roc));
  REQUIRE_THROWS_AS(ranking_areas(labels, std::vector<float>(4)), ShapeError);
}

namespace {

/// A target whose real genes are 0 to 3 and not 4, with these predicted fold changes; the predicted
/// table lacks the last row of the real genes.
struct TargetCase {
  DifferentialExpression real = table_of({0.01, 0.01, 0.02, 0.03, 0.9}, {4, -3, 2, 1, 0}),
                         predicted = table_of({0.01, 0.2, 0.04, 0.01, 0.01}, {2, 3, 1, 7, 5});
  TargetCase() {
    predicted.is_kept = Tensor<uint8_t, 2>({1, 5}, std::vector<uint8_t>{1, 1, 1, 0, 1});
  }
  Score operator()(const Metric& metric) const {
    return metric.of_target(
        {real, predicted, 0, 0.05, significant_genes(real, 0), significant_genes(predicted, 0)});
  }
};

}  // namespace

TEST_CASE("metrics: those of differential expression, by hand", "[eval]") {
  TargetCase c;  // predicted genes in order: 4, 0, 2
  REQUIRE(c(metrics::overlap_at()) == 0.5);
  REQUIRE(c(metrics::overlap_at(50)) == 0.5);
  REQUIRE(c(metrics::precision_at()) == 2. / 3);
  REQUIRE(c(metrics::de_score()) == 0.5);
  REQUIRE(c(metrics::de_direction_match()) == 2. / 3);
  REQUIRE(c(metrics::de_sig_genes_recall()) == 0.5);
  REQUIRE(c(metrics::de_nsig_counts_real()) == 4);
  REQUIRE(c(metrics::de_nsig_counts_pred()) == 3);
  // 4 -3 2 1 against 2 3 1 0: ranks 4 1 3 2 and 3 4 2 1.
  REQUIRE(*c(metrics::de_spearman_lfc_sig()) == Approx(-0.2));
  // Scores by fdr 0.01 0.2 0.04 1 (no row) and of the negative 0.01.
  REQUIRE(*c(metrics::roc_auc()) == Approx(0.5 / 4));
  REQUIRE(*c(metrics::pr_auc()) == Approx((0.5 + 2. / 3 + 3. / 4 + 4. / 5) / 4));

  c.real.fdr.values()[0] = c.real.fdr.values()[1] = c.real.fdr.values()[2] = 0.9;
  REQUIRE(std::isnan(*c(metrics::de_spearman_lfc_sig())));    // one gene
  REQUIRE(c(metrics::de_direction_match()) == std::nullopt);  // which has no predicted row
  c.real.fdr.values()[3] = 0.9;
  for (const Metric& metric : {metrics::de_direction_match(), metrics::de_spearman_lfc_sig(),
                               metrics::de_sig_genes_recall(), metrics::de_score()})
    REQUIRE(c(metric) == std::nullopt);
  for (const Metric& metric : {metrics::pr_auc(), metrics::roc_auc()})
    REQUIRE(std::isnan(*c(metric)));
  for (const Metric& metric : {metrics::overlap_at(), metrics::precision_at()})
    REQUIRE(c(metric) == 0);
}

TEST_CASE("metrics: de_spearman_sig", "[eval]") {
  const auto metric = metrics::de_spearman_sig();
  using Counts = std::vector<SignificantCounts>;
  REQUIRE(metric.of_counts(Counts{}) == 1);
  REQUIRE(metric.of_counts(Counts{{0, 5}, {0, 9}}) == 1);
  REQUIRE(std::isnan(*metric.of_counts(Counts{{3, 5}, {0, 9}})));
  REQUIRE(*metric.of_counts(Counts{{3, 5}, {0, 99}, {7, 5}, {9, 6}}) == Approx(std::sqrt(0.75)));
}

TEST_CASE("metrics: distance_ranks are their definition for every distance", "[eval]") {
  const auto check = [&]<class Distance, class T>(Distance, T, size_t n, size_t columns) {
    Tensor<T, 2> real({n, columns}), predicted({n, columns});
    Rng rng(n + columns);
    for (T& x : real.values()) x = T(rng.normal());
    for (T& x : predicted.values()) x = T(rng.normal());
    std::vector<int32_t> own;
    for (size_t p = 0; p < n; ++p) own.push_back(p % 3 ? int32_t(p % columns) : -1);
    const auto ranks =
        distance_ranks<Distance>(std::as_const(predicted).view(), std::as_const(real).view(), own);
    for (size_t p = 0; p < n; ++p) {
      std::vector<double> distance(n);
      for (size_t t = 0; t < n; ++t) {
        double sum = 0, aa = 0, bb = 0;
        for (size_t g = 0; g < columns; ++g) {
          if (int32_t(g) == own[p]) continue;
          const double a = double(predicted(p, g)), b = double(real(t, g));
          if (std::is_same_v<Distance, L1Distance>) sum += std::abs(a - b);
          if (std::is_same_v<Distance, L2Distance>) sum += (a - b) * (a - b);
          if (std::is_same_v<Distance, CosineDistance>) sum -= a * b;
          aa += a * a;
          bb += b * b;
        }
        if (std::is_same_v<Distance, CosineDistance>) sum /= std::sqrt(aa) * std::sqrt(bb);
        distance[t] = sum;
      }
      size_t rank = 0;
      for (size_t t = 0; t < n; ++t) rank += distance[t] < distance[p];
      REQUIRE(ranks[p] == rank);
    }
  };
  for (const auto& [n, columns] :
       std::vector<std::pair<size_t, size_t>>{{1, 2}, {5, 9}, {33, 70}, {18, 1100}}) {
    check(L1Distance(), 0.0f, n, columns);
    check(L2Distance(), 0.0f, n, columns);
    check(L2Distance(), 0.0, n, columns);
    check(CosineDistance(), 0.0f, n, columns);
    check(CosineDistance(), 0.0, n, columns);
  }
}

TEST_CASE("metrics: distance_ranks decide by terms what estimates cannot", "[eval]") {
  // Rows that differ by less than what products in float are off, equal ones, and ones of 0; a left
  // out column that outweighs all others; more rows and columns than are taken at a time.
  const auto check = [&]<class Distance, class T>(Distance, T, size_t n, size_t columns,
                                                  double unit) {
    Tensor<T, 2> real({n, columns}), predicted({n, columns});
    Rng rng(n + columns);
    std::vector<int32_t> own;
    std::vector<int32_t> all;
    for (size_t t = 0; t < n; ++t) {
      all.push_back(int32_t(t));
      own.push_back(t % 4 == 1 ? -1 : int32_t((7 * t + 1030) % columns));
      for (size_t g = 0; g < columns; ++g) {
        predicted(t, g) = T(unit * rng.normal());
        const double nudge = t % 5 == 4 ? 0 : 1e-6 * rng.normal();
        real(t, g) = t % 5 == 0 ? T(unit * rng.normal()) : T(double(real(t - 1, g)) * (1 + nudge));
      }
      if (own[t] >= 0 && t % 3 == 0) predicted(t, size_t(own[t])) = T(unit * 300);
      if (own[t] >= 0 && t % 3 == 1) real(t, size_t(own[t])) = T(unit * -300);
      if (t % 11 == 10) std::fill_n(predicted[t].data, columns, T(0));
    }
    std::fill_n(real[n - 1].data, columns, T(0));
    const auto a = std::as_const(predicted).view(), b = std::as_const(real).view();
    const auto ranks = distance_ranks<Distance>(a, b, own);
    const auto not_nearer = distance_ranks<Distance>(a, b, own, EqualDistances::not_nearer);
    size_t ties = 0;
    for (size_t p = 0; p < n; ++p) {
      const size_t without = own[p] < 0 ? columns : size_t(own[p]);
      auto distance = detail::distance_sums<Distance>(a[p], b, without, all);
      if constexpr (std::is_same_v<Distance, CosineDistance>)
        for (size_t t = 0; t < n; ++t)
          distance[t] = Distance::of(distance[t], detail::squares_without(a[p], without),
                                     detail::squares_without(b[t], without));
      size_t less = 0, equal_before = 0;
      for (size_t t = 0; t < n; ++t) {
        less += distance[t] < distance[p];
        equal_before += t < p && distance[t] == distance[p];
      }
      ties += equal_before;
      REQUIRE(not_nearer[p] == less);
      REQUIRE(ranks[p] == less + equal_before);
    }
    REQUIRE(ties > 0);
  };
  for (const auto& [n, columns, unit] : std::vector<std::tuple<size_t, size_t, double>>{
           {140, 1101, 0.1}, {40, 70, 0.1}, {70, 75, 1e-24}, {70, 75, 1e22}}) {
    check(L1Distance(), 0.0f, n, columns, unit);
    check(L2Distance(), 0.0f, n, columns, unit);
    check(CosineDistance(), 0.0f, n, columns, unit);
    check(L1Distance(), 0.0, n, columns, unit);
    check(L2Distance(), 0.0, n, columns, unit);
    check(CosineDistance(), 0.0, n, columns, unit);
  }
}

TEST_CASE("metrics: equal predictions are told apart by chance alone", "[eval]") {
  // With ties by index, each perturbation has another rank: the mean score is (N + 1) / 2N.
  const size_t n = 37, columns = 20;
  Tensor<float, 2> real({n, columns}), predicted({n, columns});
  Rng rng(3);
  for (float& x : real.values()) x = float(rng.normal());
  for (size_t i = 0; i < predicted.count(); ++i) predicted.values()[i] = 0.3f * float(i % columns);
  const std::vector<int32_t> none(n, -1);
  const auto mean = [&]<class Distance>(Distance) {
    double sum = 0;
    for (const double score : discrimination_scores<Distance>(std::as_const(predicted).view(),
                                                              std::as_const(real).view(), none))
      sum += score;
    return sum / double(n);
  };
  const double expected = double(n + 1) / double(2 * n);
  REQUIRE(mean(L1Distance()) == Approx(expected).epsilon(1e-12));
  REQUIRE(mean(L2Distance()) == Approx(expected).epsilon(1e-12));
  REQUIRE(mean(CosineDistance()) == Approx(expected).epsilon(1e-12));
  // Also where all real shifts are equal, or 0, and only the index tells.
  real = Tensor<float, 2>({n, columns});
  REQUIRE(mean(L2Distance()) == Approx(expected).epsilon(1e-12));
  REQUIRE(mean(CosineDistance()) == Approx(expected).epsilon(1e-12));
  // The primers' form counts what is strictly nearer alone.
  REQUIRE(distance_ranks<L1Distance>(std::as_const(predicted).view(), std::as_const(real).view(),
                                     none,
                                     EqualDistances::not_nearer) == std::vector<size_t>(n, 0));
}

TEST_CASE("metrics: rows that differ in the left out column alone are equal", "[eval]") {
  Tensor<float, 2> real({3, 600});
  Rng rng(5);
  for (size_t g = 0; g < 600; ++g) real(0, g) = real(1, g) = real(2, g) = float(rng.normal());
  real(1, 513) = 30;
  real(2, 513) = -7;
  auto predicted = real;
  for (float& x : predicted.values()) x += float(rng.normal());
  const std::vector<int32_t> own(3, 513);
  const std::vector<size_t> by_index = {0, 1, 2};
  const auto a = std::as_const(predicted).view(), b = std::as_const(real).view();
  REQUIRE(distance_ranks<L1Distance>(a, b, own) == by_index);
  REQUIRE(distance_ranks<L2Distance>(a, b, own) == by_index);
  REQUIRE(distance_ranks<CosineDistance>(a, b, own) == by_index);
}

TEST_CASE("metrics: profiles have cell-eval's columns and take them out again", "[eval]") {
  for (const Profile& profile : profiles()) {
    const auto metrics = metrics_of(profile.name);
    REQUIRE(metrics.size() == profile.metrics.size());
    REQUIRE_FALSE(profile.meaning.empty());
  }
  const auto names = [](const std::vector<Metric>& metrics) {
    std::vector<std::string> out;
    for (const Metric& metric : metrics) out.push_back(metric.name);
    return out;
  };
  using Names = std::vector<std::string>;
  REQUIRE(names(metrics_named(Names{"mse", "mae", "mse"})) == Names{"mse", "mae"});
  REQUIRE_THROWS_WITH(
      metrics_named(Names{"msee"}, "--metrics"),
      contains("--metrics: there is no metric 'msee'") && contains("did you mean 'mse'"));
  REQUIRE(
      names(without_metrics(metrics_of("minimal"), Names{"de_nsig_counts", "pr_auc", "mse"})) ==
      Names{"overlap_at_N", "precision_at_N", "pearson_delta", "mae", "discrimination_score_l1"});
  REQUIRE_THROWS_WITH(without_metrics(metrics_of("vcc"), Names{"maee"}),
                      contains("'maee'") && contains("did you mean 'mae'"));
  REQUIRE_THROWS_WITH(without_metrics(metrics_of("vcc"),
                                      metrics_of("vcc").size() ? profiles()[3].metrics : Names{}),
                      contains("leaves no metric"));
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
