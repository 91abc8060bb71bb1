#include <cstring>

#include "preprocess/small_data.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/preprocess/preprocess_train.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

Matrix log1p_counts(size_t cells, size_t genes, uint64_t seed) {
  Matrix m = random_counts(cells, genes, seed);
  vcell::log1p(m);
  return m;
}

}  // namespace

TEST_CASE("highly_variable_genes: means and dispersions from first principles", "[preprocess]") {
  const Matrix counts = random_counts(700, 20, 1), X = log1p_counts(700, 20, 1);
  const HighlyVariableGenes out = highly_variable_genes(X, {.n_top_genes = 5, .n_bins = 3});
  CHECK(out.scored == 20);
  CHECK(out.indices().size() == 5);
  std::vector<double> x(20);
  std::vector<double> sum(20), squares(20);
  for (size_t i = 0; i < 700; ++i) {
    copy_row(counts, i, std::span(x));
    for (size_t j = 0; j < 20; ++j) sum[j] += x[j], squares[j] += x[j] * x[j];
  }
  for (size_t j = 0; j < 20; ++j) {
    const double mean = sum[j] / 700, variance = (squares[j] - 700 * mean * mean) / 699;
    CHECK(out.means[j] == Approx(std::log1p(mean)).epsilon(1e-6));
    CHECK(out.dispersions[j] == Approx(std::log(variance / mean)).margin(1e-5));
  }
}

TEST_CASE("highly_variable_genes: unexpressed and constant genes are never taken", "[preprocess]") {
  // Gene 0 is not expressed, gene 1 is 1 everywhere, the others vary.
  const Matrix counts = dense(4, {0, 1, 5, 0, 0, 1, 0, 2, 0, 1, 1, 9});
  Matrix X = counts;
  vcell::log1p(X);
  const HighlyVariableGenes out = highly_variable_genes(X, {.n_top_genes = 4});
  CHECK(out.scored == 2);
  CHECK(out.highly_variable == std::vector<uint8_t>{0, 0, 1, 1});
  CHECK(std::isnan(out.dispersions[0]));
  CHECK(std::isnan(out.dispersions_norm[0]));
  CHECK(out.means[0] == Approx(1e-12).epsilon(1e-9));
}

TEST_CASE("highly_variable_genes: a gene alone in its bin scores 1, also below 0", "[preprocess]") {
  const std::vector<double> nan{std::nan("")};
  const std::vector<double> dispersions{-0.5, nan[0], 2, 4, 3};
  const auto scores = detail::normalize_in_bins(dispersions, {0, 0, 1, 1, 2}, 3);
  CHECK(scores[0] == 1);
  CHECK(std::isnan(scores[1]));
  CHECK(scores[2] == Approx(-std::sqrt(0.5)));
  CHECK(scores[3] == Approx(std::sqrt(0.5)));
  CHECK(scores[4] == 1);
}

TEST_CASE("highly_variable_genes: bins are open below and closed above", "[preprocess]") {
  CHECK(detail::equal_bins({0, 1, 1.5, 2, 3, 4}, 4) == std::vector<size_t>{0, 0, 1, 1, 2, 3});
  CHECK(detail::equal_bins({2, 2}, 4) == std::vector<size_t>{1, 1});
  CHECK(detail::equal_bins({0, 0}, 4) == std::vector<size_t>{1, 1});
  const double next = std::nextafter(1.0, 2.0);  // a range lost in rounding
  CHECK(detail::equal_bins({1.0, next}, 4)[0] == 0);
}

TEST_CASE("highly_variable_genes: ties with the last are taken too", "[preprocess]") {
  // Six genes of one and the same distribution within a bin of their own would tie at NaN or
  // infinity; a bin each makes them all score exactly 1.
  std::vector<float> counts(6 * 8);
  for (size_t gene = 0; gene < 6; ++gene)
    for (size_t cell = 0; cell < 8; ++cell) counts[cell * 6 + gene] = cell ? float(4 * gene) : 2.f;
  Matrix X = dense(6, counts);
  vcell::log1p(X);
  const HighlyVariableGenes out = highly_variable_genes(X, {.n_top_genes = 2});
  CHECK(out.indices().size() == 6);
  CHECK(out.dispersions_norm == std::vector<float>(6, 1.f));
}

TEST_CASE("highly_variable_genes: sparse, dense, float and double agree, threads do not matter",
          "[preprocess]") {
  const Matrix sparse = log1p_counts(9000, 25, 2);
  const auto [one, three] =
      on_one_and_three_threads([&] { return highly_variable_genes(sparse, {.n_top_genes = 7}); });
  CHECK(one.dispersions == three.dispersions);
  CHECK(one.dispersions_norm == three.dispersions_norm);
  CHECK(one.highly_variable == three.highly_variable);
  const auto dense_result =
      highly_variable_genes(Matrix(to_dense<float>(sparse)), {.n_top_genes = 7});
  CHECK(dense_result.dispersions == one.dispersions);
  const auto in_double = highly_variable_genes(Matrix(to_csr<double>(sparse)), {.n_top_genes = 7});
  for (size_t j = 0; j < 25; ++j)
    CHECK(in_double.dispersions[j] == Approx(one.dispersions[j]).margin(1e-5));
}

TEST_CASE("highly_variable_genes: chosen cells give the bytes of their rows alone",
          "[preprocess]") {
  const size_t n = 20000;  // blocks of 8192 and pieces of 512 that begin and end anywhere
  const Matrix X = log1p_counts(n, 25, 3);
  std::vector<uint8_t> first(n), last(n), sparse(n), all(n, 1);
  first[0] = first[1] = 1;
  last[n - 1] = last[8191] = 1;
  for (size_t i = 0; i < n; i += 37) sparse[i] = 1;
  for (const auto& cells : {random_choice(n, 1), random_choice(n, 2), first, last, sparse, all}) {
    const auto alone = highly_variable_genes(chosen_rows(X, cells), {.n_top_genes = 7});
    for (const Matrix& m : {X, Matrix(to_dense<float>(X))}) {
      const auto [one, three] = on_one_and_three_threads(
          [&] { return highly_variable_genes(m, {.n_top_genes = 7, .cells = cells}); });
      for (const auto* out : {&one, &three}) {
        CHECK(std::memcmp(out->means.data(), alone.means.data(), 25 * sizeof(double)) == 0);
        CHECK(std::memcmp(out->dispersions.data(), alone.dispersions.data(), 25 * sizeof(double)) ==
              0);
        CHECK(std::memcmp(out->dispersions_norm.data(), alone.dispersions_norm.data(),
                          25 * sizeof(float)) == 0);
        CHECK(out->highly_variable == alone.highly_variable);
        CHECK(out->scored == alone.scored);
      }
    }
  }
}

TEST_CASE("highly_variable_genes: what other cells hold has no say", "[preprocess]") {
  Matrix X = dense(2, {1, 0, 0, 2, 3, 1, 1000, -5});  // no log1p in the last cell
  CHECK_THROWS_AS(highly_variable_genes(X), ConfigError);
  const std::vector<uint8_t> cells{1, 1, 1, 0};
  CHECK(highly_variable_genes(X, {.cells = cells}).scored == 2);
}

TEST_CASE("highly_variable_genes: errors of a choice of cells", "[preprocess]") {
  const Matrix X = log1p_counts(10, 4, 1);
  std::vector<uint8_t> cells(10);
  CHECK_THROWS_WITH(highly_variable_genes(X, {.cells = cells}), contains("chooses 0 of the 10"));
  cells[3] = 1;
  CHECK_THROWS_WITH(highly_variable_genes(X, {.cells = cells}), contains("chooses 1 of the 10"));
  cells.push_back(1);
  check_error<ShapeError>([&] { highly_variable_genes(X, {.cells = cells}); },
                          {"highly_variable_genes", "(11)", "(10)"});
}

TEST_CASE("highly_variable_genes: errors", "[preprocess]") {
  const Matrix X = log1p_counts(10, 4, 1);
  CHECK_THROWS_WITH(highly_variable_genes(X, {.n_top_genes = 0}), contains("n_top_genes is 0"));
  CHECK_THROWS_WITH(highly_variable_genes(X, {.n_bins = 0}), contains("n_bins is 0"));
  CHECK_THROWS_AS(highly_variable_genes(Matrix(dense(2, {1, 2}))), ConfigError);
  CHECK_THROWS_AS(highly_variable_genes(Matrix(DenseMatrix<float>{3, 0, {}})), ConfigError);
  CHECK_THROWS_WITH(highly_variable_genes(Matrix(dense(2, {1, 2, 3, 1000}))),
                    contains("gene number 1"));
  CHECK_THROWS_AS(highly_variable_genes(Matrix(dense(2, {-1, 2, -1000, 2}))), ConfigError);
  AnnData a = around(X);
  CHECK_THROWS_WITH(highly_variable_genes(a), contains("no uns['log1p']"));
  CHECK_THROWS_WITH(highly_variable_genes(X, {.batch_key = "b"}),
                    contains("batch_key names a part"));
  CHECK_THROWS_WITH(
      highly_variable_genes(X, {.flavor = HvgFlavor::seurat_v3, .cut_offs = HvgCutOffs()}),
      contains("no cut-offs"));
}

TEST_CASE("highly_variable_genes: batches are scored alone and put together", "[preprocess]") {
  Matrix X = random_counts(900, 60, 4);
  {
    auto counts = to_dense<float>(X);  // gene 0 is expressed in batch b alone
    for (size_t i = 0; i < 900; ++i) counts.values[i * 60] = i % 3 == 1 ? float(i % 5) : 0;
    X = to_csr<float>(Matrix(counts));
  }
  vcell::log1p(X);
  std::vector<std::string> names;
  for (size_t i = 0; i < 900; ++i) names.push_back(std::string(1, char('a' + i % 3)));
  const Factor batches = factor(names);
  for (const auto flavor : {HvgFlavor::seurat, HvgFlavor::cell_ranger}) {
    const HighlyVariableGenesOptions top{.flavor = flavor, .n_top_genes = 12, .batches = &batches};
    const auto [out, three] =
        on_one_and_three_threads([&] { return highly_variable_genes(X, top); });
    CHECK(out.dispersions_norm == three.dispersions_norm);
    std::vector<double> means(60), norm(60);
    std::vector<int64_t> nbatches(60);
    for (int32_t batch = 0; batch < 3; ++batch) {
      Matrix rows = chosen_rows(X, [&] {
        std::vector<uint8_t> cells;
        for (const int32_t code : batches.codes) cells.push_back(code == batch);
        return cells;
      }());
      std::vector<uint8_t> expressed(60, 1);
      expressed[0] = batch == 1;
      rows.keep_columns(expressed);
      const auto alone = highly_variable_genes(rows, {.flavor = flavor, .n_top_genes = 12});
      for (size_t gene = expressed[0] ? 0 : 1, i = 0; gene < 60; ++gene, ++i) {
        means[gene] += alone.means[i] / 3;
        norm[gene] += double(alone.dispersions_norm[i]) / 3;
        nbatches[gene] += alone.highly_variable[i];
      }
    }
    CHECK(out.nbatches == nbatches);
    CHECK(out.indices().size() == 12);
    for (size_t gene = 0; gene < 60; ++gene) {
      CHECK(out.means[gene] == Approx(means[gene]));
      CHECK(out.dispersions_norm[gene] == Approx(norm[gene]).epsilon(1e-5));
      CHECK(out.intersection[gene] == (nbatches[gene] == 3));
    }
    // What cells of no batch that is looked at hold has no say.
    std::vector<uint8_t> cells;
    for (const int32_t code : batches.codes) cells.push_back(code != 2);
    auto two = top;
    two.cells = cells;
    CHECK(highly_variable_genes(X, two).nbatches != out.nbatches);
  }
}

TEST_CASE("highly_variable_genes: of batches, genes alike are taken by name", "[preprocess]") {
  const std::vector<std::string> names{"d", "c", "b", "a", "e"};
  const std::vector<int64_t> nbatches{1, 1, 2, 1, 0};
  const std::vector<double> norm{3, 3, 1, 3, std::nan("")};
  const auto best = [&](size_t n, std::span<const std::string> gene_names) {
    return detail::best_of_batches(nbatches, norm, {.n_top_genes = n, .gene_names = gene_names});
  };
  CHECK(best(1, names) == std::vector<uint8_t>{0, 0, 1, 0, 0});
  CHECK(best(3, names) == std::vector<uint8_t>{0, 1, 1, 1, 0});
  CHECK(best(3, {}) == std::vector<uint8_t>{1, 1, 1, 0, 0});
  CHECK(best(9, names) == std::vector<uint8_t>{1, 1, 1, 1, 0});
}

TEST_CASE("highly_variable_genes: cut-offs leave out their bounds", "[preprocess]") {
  const double nan = std::nan("");
  const detail::DispersionScores scores{{0.5, 0.6, 2.9, 3, 1, 1, 1}, {}, {2, 2, 2, 2, 1, 1.5, nan}};
  CHECK(detail::within(scores, {.min_mean = 0.5, .max_mean = 3, .min_disp = 1}) ==
        std::vector<uint8_t>{0, 1, 1, 0, 0, 1, 0});
  CHECK(detail::within(scores, {.min_disp = -1, .max_disp = 2}) ==
        std::vector<uint8_t>{0, 0, 0, 0, 1, 1, 1});
}

TEST_CASE("highly_variable_genes: exp(x) - 1 of float", "[preprocess]") {
  double worst = 0, sum = 0;
  for (int i = 0; i < 20000; ++i) {
    const float x = std::exp(-18 + 22.4F * float(i) / 20000);  // 1.5e-8 .. 81
    const double wanted = std::expm1(double(x));
    const double error = double(detail::count_of_log1p(x)) / wanted - 1;
    worst = std::max(worst, std::abs(error));
    sum += error;
  }
  CHECK(worst < 1.8e-7);
  CHECK(std::abs(sum / 20000) < 5e-9);
  CHECK(detail::count_of_log1p(0.0F) == 0);
  CHECK(detail::count_of_log1p(1000.0F) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(detail::count_of_log1p(std::nanf(""))));
}

TEST_CASE("highly_variable_genes: percentiles, and cell_ranger's edges", "[preprocess]") {
  std::vector<double> numbers;
  for (int i = 0; i <= 40; ++i) numbers.push_back(i);
  CHECK(detail::percentile(numbers, 10) == 4);
  CHECK(detail::percentile(numbers, 100) == 40);
  CHECK(detail::percentile({1, 2, 4, 8}, 50) == 3);
  CHECK(detail::percentile({5}, 30) == 5);
  Matrix X = Matrix(dense(8, {1, 0, 0, 2, 3, 1, 2, 1, 2, 0, 0, 4, 1, 2, 9, 0}));
  check_error<ConfigError>(
      [&] { highly_variable_genes(X, {.flavor = HvgFlavor::cell_ranger}); },
      {"percentiles", "45 % and 50 % coincide at 1.5", "2 of 8 genes are not expressed"});
}

TEST_CASE("highly_variable_genes: seurat_v3 of chosen cells and batches, as of their rows alone",
          "[preprocess]") {
  const size_t n = 9000;
  const Matrix X = random_counts(n, 40, 3);
  const auto cells = random_choice(n, 2);
  std::vector<std::string> all, some;
  for (size_t i = 0; i < n; ++i) all.push_back(i % 7 < 3 ? "b1" : "b2");
  for (size_t i = 0; i < n; ++i)
    if (cells[i]) some.push_back(all[i]);
  const Factor of_all = factor(all), of_some = factor(some);
  HighlyVariableGenesOptions options{.flavor = HvgFlavor::seurat_v3, .n_top_genes = 9};
  for (const bool has_batches : {false, true}) {
    options.cells = {};
    if (has_batches) options.batches = &of_some;
    const auto alone = highly_variable_genes(chosen_rows(X, cells), options);
    CHECK(alone.indices().size() == 9);
    CHECK(alone.nbatches.empty() != has_batches);
    CHECK(alone.dispersions.empty());
    options.cells = cells;
    if (has_batches) options.batches = &of_all;
    const auto [one, three] =
        on_one_and_three_threads([&] { return highly_variable_genes(X, options); });
    for (const auto* out : {&one, &three}) {
      CHECK(out->variances_norm == alone.variances_norm);
      CHECK(out->variances == alone.variances);
      CHECK(out->highly_variable == alone.highly_variable);
      CHECK(out->nbatches == alone.nbatches);
    }
  }
}

TEST_CASE("highly_variable_genes: of an AnnData, layer and batches by name", "[preprocess]") {
  const Matrix counts = random_counts(400, 50, 6);
  AnnData a = around(counts);
  a.obs.set("lane", std::vector<int32_t>(400, 3));
  a.layers["counts"] = counts;
  normalize_total(a);
  vcell::log1p(a);
  const HighlyVariableGenesOptions v3{.flavor = HvgFlavor::seurat_v3, .n_top_genes = 5};
  check_error<ConfigError>([&] { highly_variable_genes(a, v3); },
                           {"X is declared log1p", "layer 'counts'"});
  auto of_layer = v3;
  of_layer.layer = "counts";
  of_layer.batch_key = "lane";
  const auto out = highly_variable_genes(a, of_layer);
  CHECK(out.highly_variable == highly_variable_genes(counts, v3).highly_variable);
  CHECK(a.var.names() == std::vector<std::string>{"highly_variable", "highly_variable_rank",
                                                  "means", "variances", "variances_norm",
                                                  "highly_variable_nbatches"});
  CHECK(*find(a.uns, "hvg/flavor")->text() == "seurat_v3");
  highly_variable_genes(a);
  CHECK(a.var.names() ==
        std::vector<std::string>{"highly_variable", "means", "dispersions", "dispersions_norm"});
  check_error<ConfigError>([&] { highly_variable_genes(a, {.layer = "counts"}); },
                           {"flavor seurat works on log1p", "layer 'counts'"});
  check_error<ConfigError>([&] { highly_variable_genes(a, {.layer = "none"}); }, {"'none'"});
  check_error<ConfigError>([&] { highly_variable_genes(a, {.batch_key = "x"}); }, {"'x'"});
  a.layers["counts"] = *a.X;
  check_error<ConfigError>([&] { highly_variable_genes(a, of_layer); },
                           {"works on counts", "layer 'counts'", "gene 'g"});
  a.layers.clear();
  a.raw = Raw{counts, a.var, {}};
  CHECK_THROWS_WITH(highly_variable_genes(a, v3), contains("raw.X holds counts"));
}

TEST_CASE("highly_variable_genes: errors of batches, and where loess fails", "[preprocess]") {
  const Matrix X = random_counts(30, 40, 1);
  std::vector<std::string> names(30, "b1");
  names[7] = "b2";
  const Factor lonely = factor(names);
  check_error<ConfigError>([&] { highly_variable_genes(X, {.batches = &lonely}); },
                           {"batch 'b2' has 1 cell"});
  std::vector<uint8_t> missing(30);
  missing[7] = 1;
  const Factor absent = factor(names, missing);
  check_error<ConfigError>([&] { highly_variable_genes(X, {.batches = &absent}); },
                           {"cell number 7", "no batch"});
  missing.assign(30, 1);
  missing[7] = 0;
  CHECK(highly_variable_genes(X, {.cells = missing, .batches = &absent}).scored > 0);
  const Factor few = factor(std::vector<std::string>(9, "b"));
  CHECK_THROWS_AS(highly_variable_genes(X, {.batches = &few}), ShapeError);
  check_error<ConfigError>(
      [&] {
        highly_variable_genes(Matrix(random_counts(30, 9, 1)), {.flavor = HvgFlavor::seurat_v3});
      },
      {"seurat_v3", "of 9 genes that vary", "9 points", "--min-cells"});
  CHECK(highly_variable_genes(X, {.flavor = HvgFlavor::seurat_v3}).remarks.size() == 1);
}

TEST_CASE("preprocess_train: variable genes apart, the rest kept", "[preprocess]") {
  AnnData a = around(random_counts(300, 40, 7));
  a.uns["study"] = std::string("kept");
  const PreprocessedTrain out = preprocess_train(a, {.hvg = {.n_top_genes = 6}});
  CHECK(out.normalized.found.inferred);
  const auto& X_hvg = matrix(a.obsm, "X_hvg", "obsm");
  const auto genes = out.hvg.indices();
  CHECK(X_hvg == Matrix(to_dense<float>(select_columns(*a.X, genes))));
  const auto* names = find(a.uns, "X_hvg_var_names")->texts();
  REQUIRE(names);
  REQUIRE(names->size() == genes.size());
  for (size_t i = 0; i < genes.size(); ++i) CHECK((*names)[i] == a.var.index[genes[i]]);
  CHECK(a.var.column("highly_variable").values().numbers() ==
        Numbers::truths(out.hvg.highly_variable));
  CHECK(a.var.names() ==
        std::vector<std::string>{"highly_variable", "means", "dispersions", "dispersions_norm"});
  CHECK(*find(a.uns, "hvg/flavor")->text() == "seurat");
  CHECK(find(a.uns, "study"));
  const Matrix before = *a.X;
  CHECK_THROWS_WITH(preprocess_train(a), contains("declared log1p, expected counts"));
  CHECK(*a.X == before);
}

TEST_CASE("preprocess_train: without the cells that are kept apart", "[preprocess]") {
  const Matrix counts = random_counts(300, 40, 7);
  const auto cells = random_choice(300, 4);
  AnnData all = around(counts), alone = around(chosen_rows(counts, cells));
  const auto expected = preprocess_train(alone, {.hvg = {.n_top_genes = 6}});
  const auto out = preprocess_train(all, {.hvg = {.n_top_genes = 6}, .cells = cells});
  CHECK(out.normalized.target_sum == expected.normalized.target_sum);
  CHECK(out.hvg.indices() == expected.hvg.indices());
  CHECK(chosen_rows(*all.X, cells) == *alone.X);
  CHECK(chosen_rows(matrix(all.obsm, "X_hvg", "obsm"), cells) ==
        matrix(alone.obsm, "X_hvg", "obsm"));
  // The genes from other cells than the median.
  AnnData apart = around(counts);
  const std::vector<uint8_t> everyone(300, 1);
  const auto genes =
      preprocess_train(apart, {.hvg = {.n_top_genes = 6, .cells = everyone}, .cells = cells});
  CHECK(genes.normalized.target_sum == expected.normalized.target_sum);
  CHECK(genes.hvg.means == highly_variable_genes(*apart.X).means);
}
