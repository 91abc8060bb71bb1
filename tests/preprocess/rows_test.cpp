// What is read in row blocks gives the same bits as what is in memory, whatever the blocks are.
#include "blocks.hpp"
#include "small_data.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/preprocess/filter_cells.hpp"
#include "vcell/preprocess/filter_genes.hpp"
#include "vcell/preprocess/preprocess_train.hpp"
#include "vcell/preprocess/with_log1p_rows.hpp"
#include "vcell/simulate/simulate_screen.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// 1,300 cells, so that sums have pieces of 512 that blocks cut through.
AnnData screen_of(DType dtype, bool is_sparse) {
  auto adata = simulate_screen({.seed = 3,
                                .genes = 40,
                                .contexts = 2,
                                .perturbations = 6,
                                .cells_per_perturbation = 100})
                   .screen;
  if (is_sparse) {
    adata.X->values() = Numbers(adata.X->values().as<float>());
  } else {
    adata.X = Matrix(to_dense<float>(*adata.X));
  }
  if (dtype == DType::f64) adata.X->values() = Numbers(adata.X->values().as<double>());
  if (dtype == DType::i32) adata.X->values() = Numbers(adata.X->values().as<int32_t>());
  if (dtype == DType::u64) {
    auto counts = adata.X->values().as<uint64_t>();
    counts[5] = (uint64_t(1) << 24) + 1;  // which float does not hold
    adata.X->values() = Numbers(std::move(counts));
  }
  return adata;
}

/// preprocess_train with X read in blocks.
template <class S>
PreprocessedRows<S> preprocess_blocks(AnnData& adata, S X,
                                      const PreprocessTrainOptions& options = {}) {
  auto rows = preprocessed_rows(adata, std::move(X), options);
  store_hvg(adata, rows.X, rows.done.hvg.indices());
  return rows;
}

}  // namespace

TEST_CASE("preprocess_train: the same bits from blocks as in memory", "[preprocess]") {
  const PreprocessTrainOptions options{.hvg = {.n_top_genes = 10}};
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::u64})
    for (const bool is_sparse : {true, false}) {
      CAPTURE(name_of(dtype), is_sparse);
      auto whole = screen_of(dtype, is_sparse);
      const Matrix counts = *whole.X;
      REQUIRE(whole.cells() > 1024);
      const auto expected = preprocess_train(whole, options);
      for (const size_t most : {size_t(7), size_t(512), size_t(700), size_t(100'000)}) {
        CAPTURE(most);
        auto adata = screen_of(dtype, is_sparse);
        adata.X.reset();
        const auto [X, done] = preprocess_blocks(adata, Blocks{counts, most}, options);
        CHECK(X.dtype() == whole.X->dtype());
        CHECK(done.normalized.target_sum == expected.normalized.target_sum);
        CHECK(done.hvg.dispersions_norm == expected.hvg.dispersions_norm);
        CsrMatrix<double> all;
        all.columns = X.columns();
        copy_rows<double>(X, all);
        CHECK(all == to_csr<double>(*whole.X));
        CsrMatrix<float> narrow;
        narrow.columns = X.columns();
        copy_rows<float>(X, narrow);
        CHECK(narrow == to_csr<float>(*whole.X));
        auto rest = whole;
        rest.X.reset();
        CHECK(adata == rest);
      }
    }
}

TEST_CASE("preprocess_train: every flavor and batches, the same from blocks as in memory",
          "[preprocess]") {
  for (const auto flavor : {HvgFlavor::seurat, HvgFlavor::cell_ranger, HvgFlavor::seurat_v3})
    for (const bool has_batches : {false, true}) {
      PreprocessTrainOptions options{.hvg = {.flavor = flavor, .n_top_genes = 10}};
      if (has_batches) options.hvg.batch_key = "lane";
      AnnData whole = around(random_counts(1300, 60, 8));
      std::vector<int32_t> lanes;
      for (size_t i = 0; i < 1300; ++i) lanes.push_back(i % 5 < 2);
      whole.obs.set("lane", lanes);
      AnnData adata = whole;
      adata.X.reset();
      const Matrix counts = *whole.X;
      const auto expected = preprocess_train(whole, options);
      const auto [X, done] = preprocess_blocks(adata, Blocks{counts, 300}, options);
      CHECK(expected.hvg.indices().size() == 10);
      if (flavor == HvgFlavor::seurat_v3 && !has_batches)
        CHECK(done.hvg.variances_norm ==
              highly_variable_genes(counts, {.flavor = flavor}).variances_norm);
      whole.X.reset();
      CHECK(adata == whole);
    }
}

TEST_CASE("TrainRows: X is written in the pass that genes are scored in", "[preprocess]") {
  auto whole = around(random_counts(1300, 60, 8));
  const Matrix counts = *whole.X;
  AnnData adata = whole;
  adata.X.reset();
  const PreprocessTrainOptions median{.hvg = {.n_top_genes = 10}};
  for (const bool has_target : {false, true}) {
    auto options = median;
    if (has_target) options.target_sum = 70;
    auto expected = whole;
    const auto wanted = preprocess_train(expected, options);
    auto out = adata;
    size_t read = 0;
    TrainRows<Blocks> rows(out, {counts, 300, &read}, options);
    CHECK(read == (has_target ? 0 : 1300));
    CHECK(rows.is_to_be_read());
    CsrMatrix<float> written;
    written.columns = 60;
    copy_rows<float>(rows.X(), written);
    const auto done = rows.finish(out);
    CHECK(read == (has_target ? 1300 : 2600));
    CHECK(done.normalized.target_sum == wanted.normalized.target_sum);
    CHECK(done.normalized.found.inferred);
    store_hvg(out, std::move(rows).log1p_rows(), done.hvg.indices());
    CHECK(read == (has_target ? 2600 : 3900));
    CHECK(written == to_csr<float>(*expected.X));
    expected.X.reset();
    CHECK(out == expected);
    auto again = adata;
    TrainRows<Blocks> others(again, {counts, 300}, options);
    CsrMatrix<float> of_genes;
    of_genes.columns = 10;
    for_each_row_block<float>(others.X(), [](size_t, const CsrView<float>&) {});
    others.finish(again);
    copy_rows<float>(std::move(others).log1p_rows(done.hvg.highly_variable), of_genes);
    CHECK(of_genes == select_columns(written.view(), done.hvg.indices()));
    // In blocks, and refused where it is no count.
    auto blocks = adata;
    const auto in_blocks = preprocess_blocks(blocks, Blocks{counts, 7}, options);
    CHECK(blocks == expected);
    Matrix wrong = counts;
    wrong.values().values<float>()[9] = 0.5F;
    check_error<ConfigError>(
        [&] {
          preprocess_blocks(blocks = adata, Blocks{wrong, 7}, options);
        },
        {"nothing says whether", "holds 0.5"});
    CHECK(blocks == adata);
  }
  TrainRows<Blocks> rows(adata, {counts, 300}, {.target_sum = 1});
  auto out = adata;
  CHECK_THROWS_WITH(rows.finish(out), contains("rows from 0 of 1300 were not read"));
  CsrMatrix<float> scratch;
  CHECK_THROWS_WITH(row_block(rows.X(), 5, 6, scratch), contains("in their order"));
  check_error<ConfigError>(
      [&] {
        preprocess_blocks(out, Blocks{counts, 9}, {.target_sum = 0});
      },
      {"target_sum is 0"});
}

TEST_CASE("filters: the same from blocks as in memory", "[preprocess]") {
  const auto adata = screen_of(DType::f32, true);
  for (const size_t most : {size_t(7), size_t(700)}) {
    const Blocks X{*adata.X, most};
    CHECK(filter_cells(X, {.min_counts = 100}).numbers ==
          filter_cells(*adata.X, {.min_counts = 100}).numbers);
    CHECK(filter_genes(X, {.min_counts = 100}).numbers ==
          filter_genes(*adata.X, {.min_counts = 100}).numbers);
  }
}

TEST_CASE("preprocess_train: cells left out and filtered, as the AnnData without them",
          "[preprocess]") {
  auto whole = screen_of(DType::f32, true);
  auto adata = whole;
  SelectedRows<Matrix> X(std::move(*adata.X));
  adata.X.reset();
  REQUIRE(filter_cells(adata, X, {.min_genes = 36}).dropped() > 0);
  const double most = double(adata.cells());
  REQUIRE(filter_genes(adata, X, {.min_cells = most}).dropped() > 0);
  filter_cells(whole, {.min_genes = 36});
  filter_genes(whole, {.min_cells = most});
  std::vector<uint8_t> looked_at(whole.cells(), 1);
  for (size_t cell = 0; cell < looked_at.size(); cell += 3) looked_at[cell] = 0;
  const PreprocessTrainOptions options{.hvg = {.n_top_genes = 5}, .cells = looked_at};
  const auto rows = preprocess_blocks(adata, std::move(X), options);
  preprocess_train(whole, options);
  CsrMatrix<float> all;
  all.columns = rows.X.columns();
  copy_rows<float>(rows.X, all);
  CHECK(all == to_csr<float>(*whole.X));
  whole.X.reset();
  CHECK(adata == whole);
}

TEST_CASE("preprocess_train: blocks of what is no count are refused as in memory", "[preprocess]") {
  auto adata = screen_of(DType::f32, true);
  Matrix X = std::move(*adata.X);
  adata.X.reset();
  X.values().values<float>()[70] = 0.5F;
  check_error<ConfigError>(
      [&] {
        preprocess_blocks(adata, Blocks{X, 5}, {.scale = Scale::counts});
      },
      {"declared counts", "holds 0.5"});
  check_error<ConfigError>(
      [&] {
        preprocess_blocks(adata, Blocks{X, 5}, {.scale = Scale::log1p});
      },
      {"preprocess_train", "expected counts"});
  X.keep_rows(std::vector<uint8_t>(X.rows(), 0));
  check_error<ShapeError>([&] { preprocess_blocks(adata, X); }, {"rows of X", "cells"});
  check_error<ShapeError>([&] { Log1pRows<Matrix>(X, {1.0}, DType::f32); },
                          {"Log1pRows", "factors"});
}

TEST_CASE("row source: whole numbers that neither float nor double holds", "[preprocess]") {
  for (const bool wide : {false, true}) {
    const Matrix m = CsrMatrix<int64_t>{
        1, 2, {0, 2}, {0, 1}, {1, wide ? (int64_t(1) << 53) + 1 : -(int64_t(1) << 24) - 1}};
    const Blocks blocks{m, 1};
    if (wide) {
      check_error<ConfigError>([&] { detail::needs_double(blocks); }, {"2^53", "int64"});
    } else {
      CHECK(detail::needs_double(blocks));
      CHECK(detail::needs_double(m));
    }
  }
}

TEST_CASE("PerGene: sums of groups of cells, the same for any blocks and threads", "[preprocess]") {
  const Matrix X = random_counts(1300, 600, 5);
  std::vector<int32_t> groups(1300);
  for (size_t i = 0; i < groups.size(); ++i) groups[i] = int32_t(i * i % 7) % 4 - 1;
  struct Seen {
    double sum = 0;
    float most = 0;
    size_t cells = 0;
  };
  std::vector<Seen> expected(3 * 600);
  std::vector<size_t> cells_in(3);
  std::vector<double> row(600), totals;
  for (size_t i = 0; i < 1300; ++i) {
    copy_row(X, i, std::span(row));
    totals.push_back(0);
    for (const double x : row) totals.back() += x;
    if (groups[i] < 0) continue;
    ++cells_in[size_t(groups[i])];
    for (size_t j = 0; j < 600; ++j) {
      Seen& seen = expected[size_t(groups[i]) * 600 + j];
      seen.sum += row[j] / 3;
      seen.most = std::max(seen.most, float(row[j]));
      seen.cells += row[j] > 0;
    }
  }
  for (const size_t most : {size_t(1), size_t(700), size_t(5000)}) {
    const auto check = [&] {
      auto genes = per_gene<Seen>(600, each_value([](Seen& seen, float x) {
                                    seen.sum += double(x) / 3;
                                    seen.most = std::max(seen.most, x);
                                    ++seen.cells;
                                  }),
                                  {groups, 3});
      auto cells = per_cell<double>(1300, [](std::span<const float> values) {
        return std::accumulate(values.begin(), values.end(), 0.0);
      });
      accumulate<float>(Blocks{X, most}, genes, cells);
      CHECK(cells.of_cells() == totals);
      size_t wrong = 0;
      for (size_t group = 0; group < 3; ++group) {
        CHECK(genes.cells_in(group) == cells_in[group]);
        for (size_t j = 0; j < 600; ++j) {
          const Seen &a = genes.of_group(group)[j], &b = expected[group * 600 + j];
          wrong += a.sum != b.sum || a.most != b.most || a.cells != b.cells;
        }
      }
      return wrong;
    };
    const auto [one, three] = on_one_and_three_threads(check);
    CHECK(one == 0);
    CHECK(three == 0);
  }
}

TEST_CASE("PerGene: the place of a gene is found from any guess", "[preprocess]") {
  std::vector<int32_t> numbers;
  for (int32_t i = 0; i < 100; ++i) numbers.push_back(3 * i);
  for (const size_t n : {size_t(0), size_t(1), size_t(2), size_t(33), size_t(100)})
    for (int32_t x = 0; x <= 300; x += n < 3 ? 1 : 7) {
      const std::span<const int32_t> some(numbers.data(), n);
      const auto place = size_t(std::lower_bound(some.begin(), some.end(), x) - some.begin());
      for (size_t guess = 0; guess < 120; guess += 5)
        if (detail::place_near(some, x, guess) != place) FAIL(n << ' ' << x << ' ' << guess);
    }
}

TEST_CASE("accumulators: errors", "[preprocess]") {
  const Matrix X = random_counts(10, 4, 1);
  const auto nothing = each_value([](double&, float) {});
  const std::vector<int32_t> groups{0, 1, -1, 0, 0, 0, 0, 0, 0};
  check_error<ShapeError>([&] { per_gene<double>(4, nothing, {groups, 1}); }, {"PerGene", "group"});
  check_error<ConfigError>([&] { per_gene<double>(4, nothing, {{}, 0}); }, {"groups.number is 0"});
  auto few = per_gene<double>(4, nothing, {groups, 2});
  check_error<ShapeError>([&] { accumulate<float>(X, few); }, {"row 10", "9 cells"});
  auto narrow = per_gene<double>(3, nothing);
  check_error<ShapeError>([&] { accumulate<float>(X, narrow); }, {"columns of a block"});
  auto cells = per_cell<int>(9, [](std::span<const float>) { return 1; });
  check_error<ShapeError>([&] { accumulate<float>(X, cells); }, {"row 10", "9 cells"});
}

TEST_CASE("with_log1p_rows: what normalize_to_log1p makes, in blocks", "[preprocess]") {
  for (const bool library_log1p : {false, true})
    for (const DType dtype : {DType::f32, DType::f64, DType::i32}) {
      const NormalizeToLog1pOptions options{.target_sum = 1000, .library_log1p = library_log1p};
      const AnnData counts = screen_of(dtype, true);
      AnnData expected = counts, labels = counts;
      const auto done = normalize_to_log1p(expected, options);
      const auto read = [](const auto& rows) {
        CsrMatrix<double> out;
        out.columns = rows.columns();
        copy_rows<double>(rows, out);
        copy_rows<double>(rows, out);  // a second pass gives the same
        return out;
      };
      labels.X.reset();
      NormalizedToLog1p found;
      const auto twice = with_log1p_rows(labels, Blocks{*counts.X, 7}, options, found, read);
      const auto once = to_csr<double>(*expected.X);
      CHECK(twice.view(0, once.rows).values.size() == once.values.size());
      CHECK(std::equal(once.values.begin(), once.values.end(), twice.values.begin()));
      CHECK(std::equal(once.values.begin(), once.values.end(),
                       twice.values.begin() + std::ptrdiff_t(once.values.size())));
      if (library_log1p && dtype == DType::f32) {
        AnnData by_hand = counts;
        normalize_total(by_hand, {.target_sum = 1000});
        auto X = to_csr<float>(*by_hand.X);
        for (float& x : X.values) x = std::log1p(x);
        CHECK(X.values == to_csr<float>(*expected.X).values);
      }
      CHECK(found.target_sum == done.target_sum);
      CHECK(found.found.scale == Scale::counts);
      // What is log1p stays as it is.
      AnnData already = expected;
      already.X.reset();
      const auto same = with_log1p_rows(already, Blocks{*expected.X, 5}, {}, found, read);
      CHECK(std::equal(once.values.begin(), once.values.end(), same.values.begin()));
      CHECK(found.found.scale == Scale::log1p);
      CHECK(found.target_sum == 1000);
      CHECK_THROWS_AS(with_log1p_rows(labels, Blocks{*expected.X, 5}, {}, found, read),
                      ConfigError);
    }
}
