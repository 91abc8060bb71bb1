#include "vcell/eval/differential_expression.hpp"

#include <limits>
#include <numeric>

#include "same_expression.hpp"
#include "support.hpp"
#include "support/catch.hpp"
#include "support/threads.hpp"

using namespace vcell_test;

namespace {

const std::vector<std::string> labels = {"ctrl", "B", "A", "ctrl", "C", "ctrl", "B"};

double mean_of_values(const std::vector<float>& x, double (*f)(double)) {
  double sum = 0;
  for (float v : x) sum += f ? f(double(v)) : double(v);
  return sum / double(x.size());
}

}  // namespace

TEST_CASE("differential_expression: every entry against counting pairs", "[eval]") {
  for (size_t levels : {0, 3}) {
    const size_t cells = 61, genes = 30;
    const auto X = random_cells(cells, genes, 0.5, levels, 11);
    const Factor groups = by_turns(labels, cells);
    const auto names = numbered("g", genes);
    const auto de = differential_expression(X.view(), names, groups, "ctrl");
    REQUIRE(de.targets == std::vector<std::string>{"A", "B", "C"});
    REQUIRE(de.features == names);
    for (size_t t = 0; t < 3; ++t) {
      std::vector<double> p, fdr(genes);
      for (size_t g = 0; g < genes; ++g) {
        const auto x = values_of(X, groups, de.targets[t], g), y = values_of(X, groups, "ctrl", g);
        REQUIRE(de.target_membership[t] == x.size());
        REQUIRE(de.ref_membership == y.size());
        REQUIRE(de.statistic(t, g) == u_by_pairs(x, y));
        const double expected =
            rank_sum_p_value(u_by_pairs(x, y), x.size(), y.size(), ties_by_pairs(x, y));
        REQUIRE(de.p_value(t, g) == Approx(expected).epsilon(1e-13));
        const double m = std::expm1(mean_of_values(x, nullptr));
        const double r = std::expm1(mean_of_values(y, nullptr));
        REQUIRE(de.target_mean(t, g) == Approx(m).epsilon(1e-6));
        REQUIRE(de.reference_mean(t, g) == Approx(r).epsilon(1e-6));
        REQUIRE(de.log2_fold_change(t, g) ==
                Approx(std::log2((m + 1e-9) / (r + 1e-9))).margin(1e-5));
        REQUIRE(de.percent_change(t, g) == Approx((m - r) / (r + 1e-9)).margin(1e-5));
        p.push_back(de.p_value(t, g));
      }
      benjamini_hochberg(p, fdr);
      for (size_t g = 0; g < genes; ++g) REQUIRE(de.fdr(t, g) == fdr[g]);
    }
  }
}

TEST_CASE("differential_expression: the four kinds of means", "[eval]") {
  const auto X = random_cells(20, 6, 0.7, 0, 3);
  const Factor groups = by_turns({"ctrl", "A"}, 20);
  const auto names = numbered("g", 6);
  const auto mean = [&](bool is_log1p, bool geometric) {
    return differential_expression(X.view(), names, groups, "ctrl",
                                   {.is_log1p = is_log1p, .geometric_mean = geometric});
  };
  const auto log1p_of = [](double x) { return std::log1p(x); };
  const auto expm1_of = [](double x) { return std::expm1(x); };
  for (size_t g = 0; g < 6; ++g) {
    const auto x = values_of(X, groups, "A", g);
    REQUIRE(mean(true, true).target_mean(0, g) ==
            Approx(std::expm1(mean_of_values(x, nullptr))).epsilon(1e-6));
    REQUIRE(mean(true, false).target_mean(0, g) ==
            Approx(mean_of_values(x, expm1_of)).epsilon(1e-6));
    REQUIRE(mean(false, true).target_mean(0, g) ==
            Approx(std::expm1(mean_of_values(x, log1p_of))).epsilon(1e-6));
    REQUIRE(mean(false, false).target_mean(0, g) ==
            Approx(mean_of_values(x, nullptr)).epsilon(1e-6));
  }
}

TEST_CASE("differential_expression: zero means with and without epsilon", "[eval]") {
  // Genes: none, only in the control, only in the target, the same in all.
  CsrMatrix<float> X;
  X.columns = 4;
  for (bool control : {true, false, true, false, true}) {
    X.indices.insert(X.indices.end(), {control ? 1 : 2, 3});
    X.values.insert(X.values.end(), {0.7f, 1.5f});
    X.end_row();
  }
  const Factor groups = by_turns({"ctrl", "A"}, 5);
  const auto names = numbered("g", 4);
  const auto de = differential_expression(X.view(), names, groups, "ctrl", {.epsilon = 0});
  const double inf = std::numeric_limits<double>::infinity();
  REQUIRE(de.log2_fold_change(0, 0) == 0);
  REQUIRE(de.log2_fold_change(0, 1) == -inf);
  REQUIRE(de.log2_fold_change(0, 2) == inf);
  REQUIRE(de.log2_fold_change(0, 3) == 0);
  REQUIRE(de.percent_change(0, 0) == 0);
  REQUIRE(de.percent_change(0, 1) == -1);
  REQUIRE(de.percent_change(0, 2) == inf);
  REQUIRE(de.p_value(0, 0) == 1);
  REQUIRE(de.p_value(0, 3) == 1);
  const auto with = differential_expression(X.view(), names, groups, "ctrl");
  REQUIRE(std::isfinite(with.log2_fold_change(0, 2)));
  REQUIRE(with.log2_fold_change(0, 0) == 0);
}

TEST_CASE("differential_expression: stored zeros and negative zeros are zeros", "[eval]") {
  CsrMatrix<float> plain, stored;
  plain.columns = stored.columns = 1;
  for (float value : {0.f, 1.5f, 0.f, 0.f, 2.5f, 0.5f}) {
    if (value != 0) plain.indices.push_back(0), plain.values.push_back(value);
    stored.indices.push_back(0);
    stored.values.push_back(value != 0 ? value : stored.rows == 0 ? -0.0f : 0.0f);
    plain.end_row();
    stored.end_row();
  }
  const Factor groups = by_turns({"ctrl", "A"}, 6);
  const auto names = numbered("g", 1);
  REQUIRE(same_expression(differential_expression(plain.view(), names, groups, "ctrl"),
                          differential_expression(stored.view(), names, groups, "ctrl")));
}

TEST_CASE("differential_expression: values below zero rank below the zeros", "[eval]") {
  CsrMatrix<float> X;
  X.columns = 1;
  const std::vector<float> values = {-1, 0, 0.5f, -1, 2, 0, -3};
  for (float value : values) {
    if (value != 0) X.indices.push_back(0), X.values.push_back(value);
    X.end_row();
  }
  const Factor groups = by_turns({"ctrl", "A"}, 7);
  const auto de = differential_expression(X.view(), numbered("g", 1), groups, "ctrl");
  REQUIRE(de.statistic(0, 0) == u_by_pairs({0, -1, 0}, {-1, 0.5f, 2, -3}));
}

TEST_CASE("differential_expression: same bytes for any number of threads", "[eval]") {
  const size_t cells = 300, genes = 1500;  // several panels
  const auto X = random_cells(cells, genes, 0.3, 0, 4);
  const Factor groups = by_turns(labels, cells);
  const auto names = numbered("g", genes);
  const auto on = [&](int threads) {
    const Threads scope(threads);
    return differential_expression(X.view(), names, groups, "ctrl");
  };
  const auto one = on(1);
  REQUIRE(same_expression(one, on(2)));
  REQUIRE(same_expression(one, on(3)));
}

TEST_CASE("differential_expression: the order of the cells only rounds the means", "[eval]") {
  const size_t cells = 300, genes = 40;
  const auto X = random_cells(cells, genes, 0.3, 0, 4);
  const Factor groups = by_turns(labels, cells);
  const auto names = numbered("g", genes);
  Rng rng(8);
  const auto order = permutation(cells, rng);
  const auto shuffled = select_rows(X, std::span<const size_t>(order));
  Factor moved = groups;
  for (size_t i = 0; i < cells; ++i) moved.codes[i] = groups.codes[order[i]];
  const auto a = differential_expression(X.view(), names, groups, "ctrl");
  const auto b = differential_expression(shuffled.view(), names, moved, "ctrl");
  for (size_t t = 0; t < 3; ++t)
    for (size_t g = 0; g < genes; ++g) {
      REQUIRE(a.statistic(t, g) == b.statistic(t, g));
      REQUIRE(a.p_value(t, g) == b.p_value(t, g));
      REQUIRE(a.fdr(t, g) == b.fdr(t, g));
      REQUIRE(a.target_mean(t, g) == Approx(b.target_mean(t, g)).epsilon(1e-5));
      REQUIRE(a.log2_fold_change(t, g) == Approx(b.log2_fold_change(t, g)).margin(1e-4));
    }
}

TEST_CASE("differential_expression: cells without label take no part", "[eval]") {
  const auto X = random_cells(40, 8, 0.5, 0, 9);
  const auto names = numbered("g", 8);
  Factor groups = by_turns(labels, 40);
  std::vector<size_t> kept;
  for (size_t i = 0; i < 40; ++i) {
    if (i % 5 == 2)
      groups.codes[i] = -1;
    else
      kept.push_back(i);
  }
  Factor fewer{groups.names, {}};
  for (size_t i : kept) fewer.codes.push_back(groups.codes[i]);
  REQUIRE(
      same_expression(differential_expression(X.view(), names, groups, "ctrl"),
                      differential_expression(select_rows(X, std::span<const size_t>(kept)).view(),
                                              names, fewer, "ctrl")));
}

TEST_CASE("differential_expression: one cell against one, no gene, no target", "[eval]") {
  const auto X = random_cells(2, 3, 1, 0, 9);
  const auto de =
      differential_expression(X.view(), numbered("g", 3), by_turns({"ctrl", "A"}, 2), "ctrl");
  for (size_t g = 0; g < 3; ++g) REQUIRE(de.p_value(0, g) == 1);
  const auto none = random_cells(2, 0, 1, 0, 9);
  REQUIRE(differential_expression(none.view(), {}, by_turns({"ctrl", "A"}, 2), "ctrl")
              .p_value.count() == 0);
  REQUIRE(differential_expression(X.view(), numbered("g", 3), by_turns({"ctrl"}, 2), "ctrl")
              .targets.empty());
}

TEST_CASE("differential_expression: errors name what is wrong", "[eval]") {
  auto X = random_cells(4, 2, 1, 0, 9);
  const auto names = numbered("g", 2);
  const Factor groups = by_turns({"ctrl", "A"}, 4);
  REQUIRE_THROWS_AS(differential_expression(X.view(), numbered("g", 3), groups, "ctrl"),
                    ShapeError);
  REQUIRE_THROWS_AS(differential_expression(X.view(), names, by_turns({"ctrl", "A"}, 5), "ctrl"),
                    ShapeError);
  REQUIRE_THROWS_WITH(differential_expression(X.view(), names, groups, "control"),
                      contains("'control'") && contains("'ctrl'"));
  X.values[2] = -1;
  REQUIRE_THROWS_WITH(differential_expression(X.view(), names, groups, "ctrl", {.is_log1p = false}),
                      contains("X[1, 'g0'] is -1") && contains("count"));
  X.values[3] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE_THROWS_WITH(differential_expression(X.view(), names, groups, "ctrl"),
                      contains("X[1, 'g1']"));
}
