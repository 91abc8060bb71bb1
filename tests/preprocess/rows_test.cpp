// What is read in row blocks gives the same bits as what is in memory, whatever the blocks are.
#include "small_data.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/preprocess/filter_cells.hpp"
#include "vcell/preprocess/filter_genes.hpp"
#include "vcell/preprocess/preprocess_train.hpp"
#include "vcell/simulate/simulate_screen.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// A matrix that gives no more than so many rows at once.
struct Blocks {
  Matrix m;
  size_t most;
  SparseLayout layout = {};

  size_t rows() const { return m.rows(); }
  size_t columns() const { return m.columns(); }
  DType dtype() const { return m.dtype(); }
  bool is_sparse() const { return m.is_sparse(); }
};
size_t block_end(const Blocks& b, size_t first, size_t) {
  return std::min(first + b.most, b.rows());
}
template <class T>
CsrView<T> row_block(const Blocks& b, size_t first, size_t last, CsrMatrix<T>& scratch) {
  return row_block(b.m, first, last, scratch);
}

/// 1,300 cells, so that sums have pieces of 512 that blocks cut through.
AnnData screen_of(DType dtype, bool is_sparse) {
  auto adata =
      simulate_screen({.seed = 3, .genes = 40, .contexts = 2, .perturbations = 6, .cells = 100})
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
        const auto [X, done] = preprocess_train(adata, Blocks{counts, most}, options);
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
  const auto rows = preprocess_train(adata, std::move(X), options);
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
        preprocess_train(adata, Blocks{X, 5}, {.scale = Scale::counts});
      },
      {"declared counts", "holds 0.5"});
  check_error<ConfigError>(
      [&] {
        preprocess_train(adata, Blocks{X, 5}, {.scale = Scale::log1p});
      },
      {"preprocess_train", "expected counts"});
  X.keep_rows(std::vector<uint8_t>(X.rows(), 0));
  check_error<ShapeError>([&] { preprocess_train(adata, X); }, {"rows of X", "cells"});
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
