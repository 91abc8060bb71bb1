#include "preprocess/small_data.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/preprocess/normalized_rows.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {
// Totals 3, 0, 12, 7: the median of those above 0 is 7.
const Matrix few_counts = dense(3, {1, 0, 2, 0, 0, 0, 5, 4, 3, 0, 0, 7});
}  // namespace

TEST_CASE("normalize_total: to the median of the totals above 0", "[preprocess]") {
  for (Matrix m : {few_counts, Matrix(to_csr<float>(few_counts))}) {
    const NormalizedTotal out = normalize_total(m);
    CHECK(out.target_sum == 7);
    CHECK(out.empty_cells == 1);
    CHECK(out.factors == std::vector<double>{3 / 7.f, 0, 12 / 7.f, 1});
    CHECK(to_dense<float>(m).values == std::vector<float>{1 / (3 / 7.f), 0, 2 / (3 / 7.f), 0, 0, 0,
                                                          5 / (12 / 7.f), 4 / (12 / 7.f),
                                                          3 / (12 / 7.f), 0, 0, 7});
  }
}

TEST_CASE("normalize_total: an even number of cells, and a given total", "[preprocess]") {
  Matrix even = dense(1, {1, 2, 0, 5, 100});
  CHECK(normalize_total(even).target_sum == 3.5);
  Matrix m = few_counts;
  CHECK(normalize_total(m, {.target_sum = 1e4}).target_sum == 1e4);
  CHECK(to_dense<double>(m).values[11] == Approx(1e4).epsilon(1e-6));
}

TEST_CASE("normalize_total: doubles stay doubles", "[preprocess]") {
  Matrix m = to_csr<double>(few_counts);
  normalize_total(m, {.target_sum = 1});
  CHECK(m.values().values<double>()[0] == 1 / 3.0);
}

TEST_CASE("normalize_total: the same for any number of threads", "[preprocess]") {
  const auto [one, three] = on_one_and_three_threads([] {
    Matrix m = random_counts(1000, 50, 5);
    normalize_total(m);
    return m;
  });
  CHECK(one == three);
}

TEST_CASE("normalize_total: the median of chosen cells, every cell scaled", "[preprocess]") {
  // Without the third cell: 3 and 7.
  for (Matrix m : {few_counts, Matrix(to_csr<float>(few_counts))}) {
    const NormalizedTotal out = normalize_total(m, {.cells = std::vector<uint8_t>{1, 1, 0, 2}});
    CHECK(out.target_sum == 5);
    CHECK(out.empty_cells == 1);
    CHECK(out.factors == std::vector<double>{3 / 5.f, 0, 12 / 5.f, 7 / 5.f});
    CHECK(to_dense<float>(m).values[6] == 5 / (12 / 5.f));
  }
  Matrix one = few_counts, given = few_counts, all = few_counts, none = few_counts;
  CHECK(normalize_total(one, {.cells = std::vector<uint8_t>{0, 0, 1, 0}}).target_sum == 12);
  const std::vector<uint8_t> nothing(4);
  CHECK(normalize_total(given, {.target_sum = 9, .cells = nothing}).target_sum == 9);
  normalize_total(all, {.cells = std::vector<uint8_t>(4, 1)});
  normalize_total(none);
  CHECK(all == none);
}

TEST_CASE("normalize_total: chosen cells give the bytes of their rows alone", "[preprocess]") {
  const Matrix many = random_counts(9100, 12, 6);
  const auto cells = random_choice(9100, 1);
  Matrix alone = chosen_rows(many, cells);
  const double target = normalize_total(alone).target_sum;
  const auto [one, three] = on_one_and_three_threads([&] {
    Matrix m = many;
    CHECK(normalize_total(m, {.cells = cells}).target_sum == target);
    return m;
  });
  CHECK(one == three);
  CHECK(chosen_rows(one, cells) == alone);
}

TEST_CASE("normalize_total: errors of a choice of cells", "[preprocess]") {
  Matrix m = few_counts;
  const std::vector<uint8_t> nothing(4), empty_cell{0, 1, 0, 0}, short_of_one(3, 1);
  CHECK_THROWS_WITH(normalize_total(m, {.cells = nothing}),
                    contains("none of the 0 cells") && contains("options.cells"));
  CHECK_THROWS_WITH(normalize_total(m, {.cells = empty_cell}), contains("none of the 1 cells"));
  check_error<ShapeError>([&] { normalize_total(m, {.cells = short_of_one}); },
                          {"normalize_total", "(3)", "(4)"});
  CHECK(m == few_counts);
  AnnData a = around(few_counts);
  const auto sizes = [&] {
    check_error<ShapeError>([&] { normalize_to_log1p(a, {.cells = short_of_one}); },
                            {"normalize_to_log1p", "(3)", "(4)"});
  };
  sizes();
  CHECK(*a.X == few_counts);
  normalize_to_log1p(a, {.cells = std::vector<uint8_t>{0, 0, 1, 0}});
  CHECK(*declared_target_sum(a) == 12);
  sizes();  // though the choice has nothing to say of log1p
}

TEST_CASE("normalize_total: without highly expressed genes", "[preprocess]") {
  // 9 of 10 counts of the second cell are in gene 1: totals of the others are 3, 1, 0 and 7.
  const Matrix counts = dense(3, {1, 2, 2, 1, 9, 0, 0, 5, 0, 3, 0, 4});
  const NormalizeTotalOptions options{.exclude_highly_expressed = true, .max_fraction = 0.75};
  for (Matrix m : {counts, Matrix(to_csr<float>(counts)), Matrix(to_csr<double>(counts))}) {
    const NormalizedTotal out = normalize_total(m, options);
    CHECK(out.excluded_genes == std::vector<size_t>{1});
    CHECK(out.target_sum == 3);
    CHECK(out.empty_cells == 1);
    CHECK(out.factors[0] == 1);
    CHECK(out.factors[2] == 0);
    const auto values = to_dense<double>(m).values;
    CHECK(values[4] == Approx(27));
    CHECK(values[7] == 5);  // as it was
    CHECK(values[9] + values[11] == Approx(3));
    const auto streamed = total_factors(counts, options);
    if (m.dtype() == DType::f64) continue;
    CHECK(streamed.factors == out.factors);
    CsrMatrix<float> rows;
    rows.columns = 3;
    copy_rows<float>(NormalizedRows<Matrix>(counts, streamed.factors, DType::f32), rows);
    CHECK(rows == to_csr<float>(m));
  }
  // Exactly that fraction stays; of no cell that is looked at; cells that are not have no say.
  Matrix most = counts, others = counts, wrong = counts;
  auto exact = options, looked_at = options, beyond = options;
  exact.max_fraction = 1;
  CHECK(normalize_total(most, exact).excluded_genes.empty());
  const std::vector<uint8_t> cells{1, 0, 0, 1};
  looked_at.cells = cells;
  CHECK(normalize_total(others, looked_at).excluded_genes.empty());
  beyond.max_fraction = 1.5;
  CHECK_THROWS_WITH(normalize_total(wrong, beyond), contains("max_fraction is 1.5"));
}

TEST_CASE("normalize_total: a layer, and the factors in obs", "[preprocess]") {
  AnnData a = around(few_counts);
  declare_scale(a, Scale::log1p);
  a.layers.emplace("counts", few_counts);
  const auto out = normalize_total(a, {.layer = "counts", .key_added = "norm_factor"});
  CHECK(*a.X == few_counts);
  CHECK(to_dense<float>(a.layers.at("counts")).values[0] == 1 / (3 / 7.f));
  const auto& stored = a.obs.column("norm_factor").values().numbers();
  CHECK(stored == Numbers(std::vector<float>(out.factors.begin(), out.factors.end())));
  CHECK_THROWS_WITH(normalize_total(a, {.layer = "raw"}),
                    contains("no layer 'raw'") && contains("counts"));
}

TEST_CASE("normalize_total: totals that make values infinite", "[preprocess]") {
  Matrix large = dense(2, {1e20F, 1, 1e-8F, 0});
  CHECK_THROWS_WITH(normalize_total(large, {.target_sum = 3.3e38}),
                    contains("too large for cell number 1") && contains("3.3e+38"));
}

TEST_CASE("normalize_total: errors", "[preprocess]") {
  Matrix zeros = dense(2, {0, 0}), negative = dense(2, {1, -1}), empty = DenseMatrix<float>{};
  CHECK_THROWS_WITH(normalize_total(zeros), contains("none of the 1 cells has a total above 0"));
  CHECK_THROWS_AS(normalize_total(empty), ConfigError);
  CHECK(normalize_total(zeros, {.target_sum = 10}).empty_cells == 1);
  CHECK_THROWS_WITH(normalize_total(negative), contains("row 0, column 1 holds -1"));
  Matrix m = few_counts;
  for (double target : {0.0, -1.0, double(NAN), 1e-60, 1e60, double(INFINITY)})
    CHECK_THROWS_AS(normalize_total(m, {.target_sum = target}), ConfigError);
  CHECK(m == few_counts);
  AnnData a = around(negative);
  CHECK_THROWS_WITH(normalize_total(a), contains("cell 'c0', gene 'g1' holds -1"));
  a = around(few_counts);
  log1p(a);
  CHECK_THROWS_WITH(normalize_total(a), contains("log1p already"));
}

TEST_CASE("log1p: values, record, errors", "[preprocess]") {
  AnnData a = around(to_csr<float>(few_counts));
  log1p(a);
  CHECK(a.X->values().values<float>()[1] == Approx(std::log1p(2.0)));
  CHECK(find(a.uns, "log1p/base"));
  CHECK_THROWS_WITH(log1p(a), contains("log1p already"));
  AnnData negative = around(dense(1, {-0.5f}));
  CHECK_THROWS_WITH(log1p(negative), contains("cell 'c0', gene 'g0' holds -0.5"));
  CHECK_FALSE(find(negative.uns, "log1p"));
}

TEST_CASE("normalize_to_log1p: counts are normalised, log1p stays", "[preprocess]") {
  AnnData a = around(few_counts);
  const NormalizedToLog1p first = normalize_to_log1p(a);
  CHECK(first.found.inferred);
  CHECK(first.target_sum == 7.0);
  CHECK(first.empty_cells == 1);
  CHECK(to_dense<float>(*a.X).values[11] == Approx(std::log1p(7.0)));
  const AnnData once = a;
  const NormalizedToLog1p second = normalize_to_log1p(a);
  CHECK(second.found.scale == Scale::log1p);
  CHECK(second.target_sum == 7.0);  // as it is declared now
  CHECK(a == once);
}

TEST_CASE("normalize_to_log1p: a watcher hears of every pass and can stop it", "[preprocess]") {
  AnnData whole = around(few_counts);
  normalize_to_log1p(whole);
  size_t heard = 0, most = 100;
  const auto normalize = [&] {
    AnnData a = around(few_counts);
    heard = 0;
    normalize_to_log1p(a, {.progress = [&](const ProgressUpdate& u) {
                         CHECK(u.stage == "normalize");
                         CHECK(u.total == 0);
                         return ++heard < most;
                       }});
    return a;
  };
  CHECK(normalize() == whole);
  const size_t passes = heard;  // check, totals, division and logarithm
  CHECK(passes >= 3);
  for (most = 1; most <= passes; ++most) CHECK_THROWS_AS(normalize(), Stopped);
}

TEST_CASE("normalize_to_log1p: what is given", "[preprocess]") {
  AnnData other = around(few_counts);
  CHECK(normalize_to_log1p(other, {.target_sum = 100}).target_sum == 100.0);
  // Raw counts in a file that still says log1p.
  AnnData stale = around(few_counts);
  declare_scale(stale, Scale::log1p);
  CHECK_THROWS_AS(normalize_to_log1p(stale), ConfigError);
  CHECK(normalize_to_log1p(stale, {.scale = Scale::counts}).target_sum == 7.0);
  AnnData undeclared = around(dense(1, {0.5f}));
  CHECK_THROWS_AS(normalize_to_log1p(undeclared), ConfigError);
  normalize_to_log1p(undeclared, {.scale = Scale::log1p});
  CHECK(find(undeclared.uns, "log1p"));
}
