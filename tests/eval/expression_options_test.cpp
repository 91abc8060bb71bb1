// What the options of differential expression change, against definitions.
#include <limits>

#include "same_expression.hpp"
#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/eval/expression_preset.hpp"
#include "vcell/eval/measured_expression.hpp"

using namespace vcell_test;

namespace {

const std::vector<std::string> labels = {"ctrl", "B", "A", "ctrl", "C", "ctrl", "B"};

/// Counts of cells whose totals differ.
CsrMatrix<float> random_counts(size_t cells, size_t genes, uint64_t seed) {
  auto X = random_cells(cells, genes, 0.5, 5, seed);
  for (float& x : X.values) x = std::round(x / 0.3f);
  return X;
}

struct OptionsCase {
  CsrMatrix<float> X;
  std::vector<std::string> genes;
  Factor groups;

  DifferentialExpression table(const DifferentialExpressionOptions& options,
                               const std::string& control = "ctrl") const {
    return differential_expression(X.view(), genes, groups, control, options);
  }
};

OptionsCase counts_of(size_t cells, size_t genes, uint64_t seed = 11) {
  return {random_counts(cells, genes, seed), numbered("g", genes), by_turns(labels, cells)};
}

/// The values of a gene in all cells but those of one group.
std::vector<float> others_of(const OptionsCase& c, const std::string& name, size_t gene,
                             bool has_unlabelled) {
  std::vector<float> out;
  for (size_t i = 0; i < c.X.rows; ++i) {
    const int32_t code = c.groups.codes[i];
    if (code < 0 ? !has_unlabelled : c.groups.names[size_t(code)] == name) continue;
    float value = 0;
    for (size_t k = 0; k < c.X.row_size(i); ++k)
      if (size_t(c.X.row_indices(i)[k]) == gene) value = c.X.row_values(i)[k];
    out.push_back(value);
  }
  return out;
}

double mean_of_values(const std::vector<float>& x) {
  double sum = 0;
  for (const float v : x) sum += double(v);
  return sum / double(x.size());
}

double variance_of_values(const std::vector<float>& x) {
  const double mean = mean_of_values(x);
  double sum = 0;
  for (const float v : x) sum += (double(v) - mean) * (double(v) - mean);
  return sum / (double(x.size()) - 1);
}

GroupMoments moments_of_values(const std::vector<float>& x) {
  return {double(x.size()), mean_of_values(x), variance_of_values(x)};
}

std::vector<double> kept_p_values(const DifferentialExpression& de) {
  std::vector<double> p;
  for (size_t t = 0; t < de.targets.size(); ++t)
    for (size_t g = 0; g < de.features.size(); ++g)
      if (de.has_row(t, g)) p.push_back(de.p_value(t, g));
  return p;
}

}  // namespace

TEST_CASE("differential_expression: each group against all others", "[eval]") {
  for (const bool unlabelled : {false, true}) {
    OptionsCase c = counts_of(61, 12);
    for (size_t i = 4; i < 61; i += 9) c.groups.codes[i] = -1;
    const auto de = c.table({.is_log1p = false,
                             .geometric_mean = false,
                             .mode = ExpressionMode::all,
                             .unlabelled_are_others = unlabelled},
                            "");
    REQUIRE(de.targets == std::vector<std::string>{"A", "B", "C", "ctrl"});
    for (size_t t = 0; t < 4; ++t)
      for (size_t g = 0; g < 12; ++g) {
        const auto x = values_of(c.X, c.groups, de.targets[t], g),
                   y = others_of(c, de.targets[t], g, unlabelled);
        REQUIRE(de.target_membership[t] == x.size());
        REQUIRE(de.reference_cells(t) == y.size());
        REQUIRE(de.statistic(t, g) == u_by_pairs(x, y));
        REQUIRE(de.p_value(t, g) ==
                Approx(rank_sum_p_value(u_by_pairs(x, y), x.size(), y.size(), ties_by_pairs(x, y)))
                    .epsilon(1e-13));
        REQUIRE(de.target_mean(t, g) == Approx(mean_of_values(x)).epsilon(1e-6));
        REQUIRE(de.reference_mean(t, g) == Approx(mean_of_values(y)).epsilon(1e-6));
      }
  }
}

TEST_CASE("differential_expression: others that have none of a gene have a mean of 0", "[eval]") {
  OptionsCase c{CsrMatrix<float>{}, {"g"}, by_turns({"A", "B"}, 10)};
  c.X.columns = 1;
  for (size_t i = 0; i < 10; ++i) {
    if (i % 2 == 0) c.X.indices.push_back(0), c.X.values.push_back(0.1f * float(i + 1));
    c.X.end_row();
  }
  const auto de = c.table({.epsilon = 0, .mode = ExpressionMode::all});
  REQUIRE(de.reference_mean(0, 0) == 0);
  REQUIRE(de.log2_fold_change(0, 0) == std::numeric_limits<double>::infinity());
  REQUIRE(de.log2_fold_change(1, 0) == -std::numeric_limits<double>::infinity());
}

TEST_CASE("differential_expression: Welch's t-test against its definition", "[eval]") {
  OptionsCase c{random_cells(61, 9, 0.5, 0, 5), numbered("g", 9), by_turns(labels, 61)};
  for (size_t i = 0; i < 61; ++i)  // one gene that is the same everywhere
    for (size_t k = 0; k < c.X.row_size(i); ++k)
      if (c.X.row_indices(i)[k] == 0) c.X.values[size_t(c.X.indptr[i]) + k] = 0;
  for (const bool all : {false, true})
    for (const bool overestimates : {false, true}) {
      const auto de = c.table(
          {.mode = all ? ExpressionMode::all : ExpressionMode::ref,
           .test = overestimates ? ExpressionTest::t_test_overestim_var : ExpressionTest::t_test});
      REQUIRE(de.targets.size() == (all ? 4 : 3));
      for (size_t t = 0; t < de.targets.size(); ++t)
        for (size_t g = 0; g < 9; ++g) {
          const auto x = values_of(c.X, c.groups, de.targets[t], g);
          auto y = moments_of_values(all ? others_of(c, de.targets[t], g, false)
                                         : values_of(c.X, c.groups, "ctrl", g));
          if (overestimates) y.cells = double(x.size());
          const auto expected = welch_t_test(moments_of_values(x), y);
          REQUIRE(de.statistic(t, g) == Approx(expected.statistic).epsilon(1e-11));
          REQUIRE(de.p_value(t, g) == Approx(expected.p_value).epsilon(1e-11));
        }
      REQUIRE(de.p_value(0, 0) == 1);
    }
}

TEST_CASE("differential_expression: a constant gene has p 1 in every test", "[eval]") {
  OptionsCase c{CsrMatrix<float>{}, {"g"}, by_turns(labels, 40)};
  c.X.columns = 1;
  for (size_t i = 0; i < 40; ++i) {
    c.X.indices.push_back(0);
    c.X.values.push_back(0.1f);  // which no sum of doubles divides out again
    c.X.end_row();
  }
  for (const auto mode : {ExpressionMode::ref, ExpressionMode::all})
    for (const auto test :
         {ExpressionTest::wilcoxon, ExpressionTest::t_test, ExpressionTest::t_test_overestim_var})
      for (const bool corrects : {true, false}) {
        const auto de = c.table({.mode = mode, .test = test, .tie_correction = corrects});
        for (size_t t = 0; t < de.targets.size(); ++t) {
          REQUIRE(de.p_value(t, 0) == 1);
          REQUIRE(de.log2_fold_change(t, 0) == Approx(0).margin(1e-6));
        }
      }
}

TEST_CASE("rank_sum_z: the three continuity corrections", "[eval]") {
  // 4 against 6, no ties: s^2 = 22, the centre is 12.
  const double s = std::sqrt(22.);
  REQUIRE(rank_sum_z(15, 4, 6, 0, Continuity::none) == 3 / s);
  REQUIRE(rank_sum_z(15, 4, 6, 0, Continuity::half) == 2.5 / s);
  REQUIRE(rank_sum_z(9, 4, 6, 0, Continuity::half) == -2.5 / s);
  REQUIRE(rank_sum_z(9, 4, 6, 0, Continuity::half_or_over) == -2.5 / s);
  REQUIRE(rank_sum_z(12, 4, 6, 0, Continuity::none) == 0);
  REQUIRE(rank_sum_z(12, 4, 6, 0, Continuity::half) == 0);
  REQUIRE(rank_sum_z(12, 4, 6, 0, Continuity::half_or_over) == -0.5 / s);
  REQUIRE(rank_sum_p_value(12, 4, 6, 0) == 1);
  REQUIRE(rank_sum_p_value(12, 4, 6, 0, Continuity::half_or_over) < 1);
}

TEST_CASE("differential_expression: small groups without ties are tested exactly", "[eval]") {
  OptionsCase c{random_cells(36, 10, 1, 0, 5), numbered("g", 10), {}};
  std::vector<std::string> names(36, "ctrl");
  for (size_t i = 0; i < 5; ++i) names[3 * i] = "A";
  for (size_t i = 0; i < 9; ++i) names[3 * i + 1] = "B";
  c.groups = factor(names);
  c.X.values[0] = c.X.values[10];   // cells 0, of A, and 1, of B
  const size_t last = 35 * 10 + 1;  // gene 1: a cell of the control and one of A
  c.X.values[last] = c.X.values[1];
  const auto de = c.table({.exact_cells = 8}), plain = c.table({});
  for (size_t g = 0; g < 10; ++g) {
    const double u = de.statistic(0, g);
    const double expected = g == 1 ? plain.p_value(0, g) : ExactRankSum(5, 22).p_value(u);
    REQUIRE(de.p_value(0, g) == expected);
    REQUIRE(de.p_value(1, g) == plain.p_value(1, g));  // 9 cells
  }
  REQUIRE(de.p_value(0, 0) != plain.p_value(0, 0));
}

TEST_CASE("differential_expression: fold changes of zero means", "[eval]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  DifferentialExpressionOptions clip{.zero_means = ZeroMeans::clip, .clip_value = 16},
      undefined{.zero_means = ZeroMeans::undefined};
  REQUIRE(log2_fold_change(3, 0, clip) == 4);
  REQUIRE(log2_fold_change(0, 3, clip) == -4);
  REQUIRE(log2_fold_change(0, 0, clip) == 0);
  REQUIRE(log2_fold_change(6, 3, clip) == 1);
  REQUIRE(std::isnan(log2_fold_change(3, 0, undefined)));
  REQUIRE(std::isnan(log2_fold_change(0, 0, undefined)));
  REQUIRE(log2_fold_change(0, 3, undefined) == -std::numeric_limits<double>::infinity());
  REQUIRE(std::isnan(percent_change(3, 0, clip)));
  REQUIRE(percent_change(0, 3, clip) == -1);
  REQUIRE(percent_change(6, 3, undefined) == 1);
  REQUIRE(log2_fold_change(1, 0, {.epsilon = 1}) == 1);
  REQUIRE(percent_change(1, 0, {.epsilon = 1}) == 1);
  REQUIRE(std::isnan(nan));
}

TEST_CASE("fdr_steps: the rates of benjamini_hochberg, bit by bit", "[eval]") {
  Rng rng(4);
  for (const size_t n : {0, 1, 2, 50, 3000})
    for (const size_t levels : {0, 4}) {
      std::vector<double> p(n), fdr(n);
      for (double& x : p) {
        x = levels ? double(rng.below(levels)) / 3 : std::pow(rng.uniform(), 4);
        if (rng.below(20) == 0) x = std::numeric_limits<double>::quiet_NaN();
      }
      benjamini_hochberg(p, fdr);
      const FdrSteps steps(p);
      for (size_t i = 0; i < n; ++i) REQUIRE(steps(p[i]) == fdr[i]);
    }
}

TEST_CASE("differential_expression: rates over all rows", "[eval]") {
  const auto de = counts_of(90, 20).table({.is_log1p = false, .fdr_scope = FdrScope::global});
  const auto p = kept_p_values(de);
  std::vector<double> fdr(p.size());
  benjamini_hochberg(p, fdr);
  REQUIRE(std::equal(fdr.begin(), fdr.end(), de.fdr.data()));
}

TEST_CASE("differential_expression: the CPM filter looks at both sides", "[eval]") {
  const OptionsCase c = counts_of(90, 20);
  for (const auto mode : {ExpressionMode::ref, ExpressionMode::all}) {
    const DifferentialExpressionOptions plain{
        .is_log1p = false, .geometric_mean = false, .mode = mode, .double_sums = true};
    auto filtered = plain;
    filtered.cpm_filter = 50'000;  // a twentieth, the mean of 20 genes
    const auto all = c.table(plain), de = c.table(filtered);
    size_t kept = 0;
    for (size_t t = 0; t < de.targets.size(); ++t) {
      double target = 0, reference = 0;
      for (size_t g = 0; g < 20; ++g) {
        target += double(all.target_mean(t, g));
        reference += double(all.reference_mean(t, g));
      }
      std::vector<double> p;
      for (size_t g = 0; g < 20; ++g) {
        const bool is_kept = double(all.target_mean(t, g)) > target / 20 ||
                             double(all.reference_mean(t, g)) > reference / 20;
        REQUIRE(de.has_row(t, g) == is_kept);
        REQUIRE(de.p_value(t, g) == all.p_value(t, g));
        if (is_kept) p.push_back(de.p_value(t, g));
      }
      kept += p.size();
      std::vector<double> fdr(p.size());
      benjamini_hochberg(p, fdr);
      for (size_t g = 0, k = 0; g < 20; ++g)
        if (de.has_row(t, g))
          REQUIRE(de.fdr(t, g) == fdr[k++]);
        else
          REQUIRE(std::isnan(de.fdr(t, g)));
    }
    REQUIRE(kept > 10);
    REQUIRE(kept < de.targets.size() * 20 - 10);
  }
}

TEST_CASE("differential_expression: counts scaled to a total are ranked as doubles", "[eval]") {
  OptionsCase c = counts_of(61, 12);
  const auto de = c.table(expression_preset("vcc2026"));
  std::vector<double> totals;
  for (size_t i = 0; i < c.X.rows; ++i) {
    totals.push_back(0);
    for (const float x : c.X.row_values(i)) totals.back() += double(x);
  }
  const auto scaled = [&](const std::string& name, size_t gene) {
    std::vector<double> out;
    for (size_t i = 0; i < c.X.rows; ++i) {
      if (c.groups.names[size_t(c.groups.codes[i])] != name) continue;
      out.push_back(0);
      for (size_t k = 0; k < c.X.row_size(i); ++k)
        if (size_t(c.X.row_indices(i)[k]) == gene)
          out.back() = double(c.X.row_values(i)[k]) / (totals[i] / 1e6);
    }
    return out;
  };
  const auto mean = [](const std::vector<double>& x) {
    return std::accumulate(x.begin(), x.end(), 0.0) / double(x.size());
  };
  for (size_t t = 0; t < 3; ++t)
    for (size_t g = 0; g < 12; ++g) {
      const auto x = scaled(de.targets[t], g), y = scaled("ctrl", g);
      // Ranked are logarithms, rounded to double.
      const auto is_one = [](double a, double b) {
        const auto log = [](double v) { return double(std::log1p(static_cast<long double>(v))); };
        return log(a) == log(b);
      };
      double u = 0;
      for (const double a : x)
        for (const double b : y) u += is_one(a, b) ? 0.5 : a > b ? 1 : 0;
      auto both = x;
      both.insert(both.end(), y.begin(), y.end());
      double cubes = 0;
      for (const double a : both) {
        double equal = 0;
        for (const double b : both) equal += is_one(a, b);
        cubes += equal * equal - 1;
      }
      REQUIRE(de.statistic(t, g) == u);
      REQUIRE(de.p_value(t, g) ==
              Approx(rank_sum_p_value(u, x.size(), y.size(), cubes)).epsilon(1e-13));
      REQUIRE(de.log2_fold_change(t, g) ==
              Approx(std::log2((mean(x) + 1e-9) / (mean(y) + 1e-9))).epsilon(1e-12).margin(1e-14));
    }
}

TEST_CASE("differential_expression: shares that float32 does not tell apart are no ties",
          "[eval]") {
  OptionsCase c{CsrMatrix<float>{}, {"g", "rest"}, by_turns({"ctrl", "A"}, 6)};
  c.X.columns = 2;
  // 3 of 10, 6 of 20, 12 of 40: the same share. One differs by less than float32 tells.
  const std::vector<std::pair<float, float>> cells = {{3, 7}, {6, 14},  {12, 28},
                                                      {3, 7}, {24, 56}, {6291456, 14680063}};
  for (const auto& [gene, rest] : cells) {
    c.X.indices.insert(c.X.indices.end(), {0, 1});
    c.X.values.insert(c.X.values.end(), {gene, rest});
    c.X.end_row();
  }
  const auto de = c.table({.is_log1p = false, .target_sum = 1e6});
  // Of ctrl all are 0.3, of A two are and one is a little larger.
  REQUIRE(de.statistic(0, 0) == 6);
}

TEST_CASE("differential_expression: the least mean of the reference", "[eval]") {
  const OptionsCase c = counts_of(90, 20);
  DifferentialExpressionOptions options{.is_log1p = false, .geometric_mean = false};
  const auto all = c.table(options);
  options.least_ref_mean = double(all.ref_mean(0, 3));
  const auto de = c.table(options);
  size_t kept = 0;
  for (size_t g = 0; g < 20; ++g) {
    kept += de.has_row(0, g);
    for (size_t t = 0; t < 3; ++t)
      REQUIRE(de.has_row(t, g) == (all.ref_mean(0, g) > all.ref_mean(0, 3)));
  }
  REQUIRE(kept > 0);
  REQUIRE(kept < 20);
}

TEST_CASE("differential_expression: a target's own gene alone", "[eval]") {
  OptionsCase c = counts_of(90, 20);
  c.genes[5] = "C";
  c.genes[17] = "A";  // B is no gene
  const auto whole = c.table({.is_log1p = false});
  const auto de = c.table({.is_log1p = false, .mode = ExpressionMode::on_target});
  REQUIRE(de.features == std::vector<std::string>{"C", "A"});
  const std::vector<uint8_t> kept(de.is_kept.values().begin(), de.is_kept.values().end());
  REQUIRE(kept == std::vector<uint8_t>{0, 1, 0, 0, 1, 0});
  REQUIRE(de.p_value(0, 1) == whole.p_value(0, 17));
  REQUIRE(de.p_value(2, 0) == whole.p_value(2, 5));
  std::vector<double> p = {de.p_value(0, 1), de.p_value(2, 0)}, fdr(2);
  benjamini_hochberg(p, fdr);
  REQUIRE(de.fdr(0, 1) == fdr[0]);
  REQUIRE(de.fdr(2, 0) == fdr[1]);
}

TEST_CASE("differential_expression: monotone transforms keep ranks, gene order moves columns",
          "[eval]") {
  OptionsCase c{random_cells(70, 10, 0.5, 0, 5), numbered("g", 10), by_turns(labels, 70)};
  const auto de = c.table({});
  OptionsCase squared = c;
  for (float& x : squared.X.values) x = x * x * 0.25f;  // 0 .. 4 to itself, strictly rising
  const auto of_squares = squared.table({});
  OptionsCase turned = c;
  std::vector<size_t> order;
  for (size_t g = 10; g-- > 0;) order.push_back(g);
  turned.X = select_columns(c.X.view(), std::span<const size_t>(order));
  std::reverse(turned.genes.begin(), turned.genes.end());
  const auto of_turned = turned.table({});
  for (size_t t = 0; t < 3; ++t)
    for (size_t g = 0; g < 10; ++g) {
      REQUIRE(of_squares.statistic(t, g) == de.statistic(t, g));
      REQUIRE(of_squares.p_value(t, g) == de.p_value(t, g));
      REQUIRE(of_turned.p_value(t, 9 - g) == de.p_value(t, g));
      REQUIRE(of_turned.log2_fold_change(t, 9 - g) == de.log2_fold_change(t, g));
      REQUIRE(of_turned.fdr(t, 9 - g) == de.fdr(t, g));
    }
}

TEST_CASE("measured_expression: blocks and threads change no bit, whatever the options", "[eval]") {
  const OptionsCase c = counts_of(120, 600);
  const auto X = std::make_shared<const CsrMatrix<float>>(c.X);
  const std::vector<DifferentialExpressionOptions> all = {
      {.is_log1p = false, .mode = ExpressionMode::all, .cpm_filter = 1500},
      {.is_log1p = false, .mode = ExpressionMode::all, .test = ExpressionTest::t_test},
      {.is_log1p = false, .cpm_filter = 1500, .fdr_scope = FdrScope::global},
      {.is_log1p = false, .test = ExpressionTest::t_test},
      {.test = ExpressionTest::t_test_overestim_var, .double_sums = true},
      expression_preset("pdex-0.1.27", false),
      expression_preset("scanpy"),
      expression_preset("illico", false),
      expression_preset("vcc2026")};
  for (const auto& options : all) {
    const auto rows = detail::places(X->rows);
    const auto groups = options.mode == ExpressionMode::all
                            ? expression_groups_of_all(c.groups, rows, false)
                            : expression_groups(c.groups, "ctrl", rows);
    const auto expected = c.table(options);
    for (const int threads : {1, 3}) {
      const Threads scope(threads);
      REQUIRE(same_expression(c.table(options), expected));
      const auto table =
          measured_expression(X, c.genes, groups, options, {.kept_bytes = 0, .block_bytes = 1});
      REQUIRE_FALSE(table.is_kept());
      for (size_t t = 0; t < expected.targets.size(); ++t)
        REQUIRE(
            same_expression(*table.block(t, t + 1), *ExpressionTable(expected).block(t, t + 1)));
      REQUIRE(same_expression(*measured_expression(X, c.genes, groups, options).whole(), expected));
    }
  }
}

TEST_CASE("differential_expression: of counts, the order of the cells changes no bit", "[eval]") {
  const OptionsCase c = counts_of(300, 30);
  Rng rng(8);
  const auto order = permutation(300, rng);
  OptionsCase moved = c;
  moved.X = select_rows(c.X, std::span<const size_t>(order));
  for (size_t i = 0; i < 300; ++i) moved.groups.codes[i] = c.groups.codes[order[i]];
  for (const auto mode : {ExpressionMode::ref, ExpressionMode::all})
    for (const auto test : {ExpressionTest::wilcoxon, ExpressionTest::t_test}) {
      const DifferentialExpressionOptions options{
          .is_log1p = false, .mode = mode, .test = test, .cpm_filter = 30'000};
      REQUIRE(same_expression(c.table(options), moved.table(options)));
    }
}

TEST_CASE("expression_preset: names that are none", "[eval]") {
  for (const auto name : expression_presets) REQUIRE_NOTHROW(expression_preset(name));
  check_error<ConfigError>([] { expression_preset("pdex"); },
                           {"'pdex'", "'pdex-0.3'", "'vcc2026'"});
}

TEST_CASE("differential_expression: options that cannot be met are errors", "[eval]") {
  const OptionsCase c = counts_of(61, 6);
  check_error<ConfigError>([&] { c.table({.target_sum = 1e6}); }, {"target_sum", "is_log1p"});
  check_error<ConfigError>([&] { c.table({.is_log1p = false, .target_sum = -1.0}); },
                           {"target_sum is -1"});
  check_error<ConfigError>([&] { c.table({.mode = ExpressionMode::on_target}); },
                           {"on_target", "'A', 'B', 'C'"});
  check_error<ConfigError>([&] { c.table({.clip_value = 0}); }, {"clip_value is 0"});
  OptionsCase small = c;
  small.groups = by_turns({"ctrl"}, 61);
  check_error<ConfigError>([&] { small.table({.mode = ExpressionMode::all}); }, {"'ctrl'", "all"});
  small.groups.names = {"A", "ctrl"};
  for (size_t i = 0; i < 61; ++i) small.groups.codes[i] = i != 7;
  check_error<ConfigError>([&] { small.table({.test = ExpressionTest::t_test}); },
                           {"t-test", "two cells", "'A'"});
  REQUIRE(small.table({}).target_membership == std::vector<size_t>{1});
  check_error<ConfigError>([&] { small.table({.test = ExpressionTest::t_test}, "A"); },
                           {"t-test", "two cells of the reference"});
  for (int32_t& code : small.groups.codes) code = -1;
  check_error<ConfigError>([&] { small.table({.mode = ExpressionMode::all}); }, {"no cell"});
}
