// A matrix of a file that stays open, in blocks of rows, and files written from such blocks.
#include "vcell/io/h5ad/h5ad_rows.hpp"

#include <bit>
#include <fstream>
#include <future>
#include <thread>

#include "edit_hdf5.hpp"
#include "small_anndata.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/read_rows.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/io/h5ad/write_h5ad.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::small_anndata;

namespace {

/// 0 .. 1023 as a half.
half half_of(int n) {
  if (n == 0) return {};
  const int power = int(std::bit_width(unsigned(n))) - 1;
  return half::from_bits(uint16_t((power + 15) << 10 | (n - (1 << power)) << (10 - power)));
}

/// Of several chunks in a file: at most 262,144 bytes lie in one.
AnnData large(DType dtype, bool is_sparse) {
  constexpr size_t cells = 401, genes = 503;
  CsrMatrix<float> m;
  m.columns = genes;
  Rng rng(7);
  for (size_t i = 0; i < cells; ++i) {
    for (size_t j = 0; j < genes; ++j) {
      if (rng.uniform() < 0.4 || i == 17) continue;
      m.indices.push_back(int32_t(j));
      m.values.push_back(dtype == DType::boolean ? 1.F : float(1 + (i * 31 + j) % 100));
    }
    m.end_row();
  }
  AnnData a;
  std::vector<std::string> names;
  for (size_t i = 0; i < genes; ++i) names.push_back("n" + std::to_string(i));
  a.var = DataFrame(names);
  names.resize(cells);
  a.obs = DataFrame(names);
  a.X = is_sparse ? Matrix(m) : Matrix(to_dense<float>(Matrix(m)));
  const Numbers& values = a.X->values();
  visit_storage(dtype, [&]<class T>() {
    std::vector<T> out;
    for (const float x : values.values<float>())
      if constexpr (std::is_same_v<T, half>)
        out.push_back(half_of(int(x)));
      else
        out.push_back(T(x));
    a.X->values() = Numbers(std::move(out), dtype);
  });
  return a;
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

template <class T>
CsrMatrix<T> all_of(const H5adRows& rows, const BlockLimits& limits) {
  CsrMatrix<T> out;
  out.columns = rows.columns();
  copy_rows<T>(rows, out, limits);
  return out;
}

AnnData without_x(AnnData a) {
  a.X.reset();
  return a;
}

}  // namespace

TEST_CASE("h5ad rows: blocks of any size are the matrix, of every dtype and layout", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  for (const DType dtype : {DType::boolean, DType::u8, DType::i16, DType::i32, DType::i64,
                            DType::u64, DType::f16, DType::f32, DType::f64})
    for (const bool is_sparse : {true, false}) {
      if (dtype == DType::f16 && is_sparse) continue;  // which anndata does not write
      CAPTURE(name_of(dtype), is_sparse);
      const auto a = large(dtype, is_sparse);
      for (const int gzip : {0, 1}) {
        write_h5ad(file, a, {.gzip = gzip});
        const H5adRows rows(file);
        CHECK(rows.rows() == a.cells());
        CHECK(rows.columns() == a.genes());
        CHECK(rows.dtype() == dtype);
        CHECK(rows.is_sparse() == is_sparse);
        CHECK(rows.layout == a.X->layout);
        CHECK(rows.read(0, a.cells()) == *a.X);
        for (const BlockLimits limits : {BlockLimits{.rows = 1}, BlockLimits{.rows = 83},
                                         BlockLimits{.bytes = 100'000}, BlockLimits{}})
          CHECK(all_of<float>(rows, limits) == to_csr<float>(*a.X));
        CHECK(all_of<double>(rows, {.rows = 100}) == to_csr<double>(*a.X));
        // Out of order, and the same rows again.
        for (const auto& [first, last] :
             {std::pair<size_t, size_t>{300, 401}, {0, 3}, {2, 290}, {2, 290}, {17, 18}, {5, 5}}) {
          Matrix part = *a.X;
          std::vector<uint8_t> keep(part.rows(), 0);
          std::fill(keep.begin() + std::ptrdiff_t(first), keep.begin() + std::ptrdiff_t(last), 1);
          part.keep_rows(keep);
          CHECK(rows.read(first, last) == part);
        }
      }
    }
}

TEST_CASE("h5ad rows: a block ends where that of the matrix in memory does", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  for (const bool is_sparse : {true, false}) {
    const auto a = large(DType::f32, is_sparse);
    write_h5ad(file, a);
    const H5adRows rows(file);
    for (const size_t first : {0, 16, 17, 18, 400})
      for (const size_t bytes : {0, 100, 2500, 100'000, 1 << 30})
        CHECK(block_end(rows, first, bytes) == block_end(*a.X, first, bytes));
  }
}

TEST_CASE("h5ad rows: other matrices of the file, and what is none", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  const auto a = small_anndata();
  write_h5ad(file, a);
  CHECK(H5adRows(file, {.element = "raw/X"}).read(0, 3) == *a.raw->X);
  for (const char* name : {"counts", "wide", "mixed", "truths", "bytes", "halves", "dense"})
    CHECK(H5adRows(file, {.element = message("layers/", name)}).read(0, 3) == a.layers.at(name));
  CHECK(H5adRows(file, {.element = "obsm/X_pca"}).read(1, 3).rows() == 2);
  CHECK(H5adRows(file, {.element = "layers/by_columns"}).read(0, 3) == a.layers.at("by_columns"));
  check_error<FormatError>([&] { H5adRows(file, {.element = "layers/none"}); }, {"none", "has no"});
  check_error<FormatError>([&] { H5adRows(file, {.element = "obsm/cube"}); }, {"two dimensions"});
  check_error<FormatError>([&] { H5adRows(file, {.element = "obs"}); }, {"expected an array"});
  check_error<IoError>([&] { H5adRows(folder.path() / "none"); }, {"does not exist"});
  const H5adRows rows(file);
  check_error<ShapeError>([&] { rows.read(2, 4); }, {"H5adRows::read", "2 .. 4", "3 rows"});
  check_error<ShapeError>([&] { rows.read(2, 1); }, {"2 .. 1"});
}

TEST_CASE("h5ad rows: of a matrix by columns, turned in memory or in a file", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad", copy = folder.path() / "b.h5ad";
  for (const DType dtype : {DType::f32, DType::boolean, DType::i64}) {
    auto by_columns = large(dtype, true);
    by_columns.X->layout = {.by_columns = true, .index_type = DType::i64};
    const auto& X = *by_columns.X;
    write_h5ad(file, by_columns, {.gzip = 1});
    std::string bytes, again;
    for (const size_t memory : {size_t(0), size_t(200'000), size_t(1) << 29})
      for (const int n : {1, 3}) {
        CAPTURE(name_of(dtype), memory, n);
        const vcell_test::Threads threads(n);
        std::vector<std::string> warnings;
        const H5adRows rows(
            file, {.memory = memory, .temporary_folder = folder.path(), .warnings = &warnings});
        REQUIRE(warnings.size() == 1);
        CHECK(warnings[0].find("is stored by columns") != std::string::npos);
        CHECK((warnings[0].find("temporary file") == std::string::npos) == (memory > 1 << 20));
        CHECK((rows.whole() != nullptr) == (memory > 1 << 20));
        CHECK(rows.read(0, rows.rows()) == X);
        CsrMatrix<float> a, b;
        for (const auto& [first, last] : {std::pair{0, 400}, {3, 3}, {7, 91}, {400, 401}}) {
          const auto ours = row_block(rows, size_t(first), size_t(last), a),
                     whole = row_block(X, size_t(first), size_t(last), b);
          CHECK(std::ranges::equal(ours.values, whole.values));
          CHECK(std::ranges::equal(ours.indices, whole.indices));
          CHECK(block_end(rows, size_t(first), 2500) == block_end(X, size_t(first), 2500));
          CHECK(rows.read(size_t(first), size_t(last)).values().size() == whole.values.size());
        }
        if (n == 3) continue;
        write_h5ad(copy, without_x(by_columns), rows);
        CHECK(read_h5ad(copy) == by_columns);
        SelectedRows<H5adRows> some(rows);
        some.keep_rows(std::vector<uint8_t>(rows.rows(), 1));
        write_h5ad(copy, without_x(by_columns), some);
        CHECK(read_h5ad(copy) == by_columns);
        (bytes.empty() ? bytes : again) = bytes_of(copy);
        if (!again.empty()) CHECK(again == bytes);  // whatever memory there was
      }
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
  }
  check_error<WriteError>(
      [&] { H5adRows(file, {.memory = 0, .temporary_folder = folder.path() / "none"}); },
      {"none", "TMPDIR"});
}

TEST_CASE("h5ad rows: by number, in any order and more than once", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  Rng rng(3);
  std::vector<size_t> shuffled(1000), sorted;
  for (size_t& row : shuffled) row = size_t(rng.below(401));
  for (size_t i = 0; i < 401; i += 3) sorted.push_back(i);
  const std::vector<size_t> none, same{17, 16, 16, 18, 400, 0, 0};
  for (const bool is_sparse : {true, false})
    for (const bool by_columns : {false, true})
      for (const int gzip : {0, 1}) {
        if (by_columns && !is_sparse) continue;
        CAPTURE(is_sparse, by_columns, gzip);
        auto a = large(DType::f32, is_sparse);
        a.X->layout.by_columns = by_columns;
        write_h5ad(file, a, {.gzip = gzip});
        const auto expected = to_csr<float>(*a.X);
        for (const size_t memory : {size_t(0), size_t(1) << 23}) {
          const H5adRows rows(file, {.memory = memory});
          for (const auto& wanted : {shuffled, sorted, none, same}) {
            CHECK(read_rows<float>(rows, wanted) ==
                  select_rows(expected, std::span<const size_t>(wanted)));
            const auto wide = read_rows<double>(rows, wanted);
            const auto found = read_rows<float>(rows, wanted);
            CHECK(std::ranges::equal(wide.values, found.values));
            CHECK(wide.indices == found.indices);
          }
          std::array<CsrMatrix<float>, 3> read;
          {
            std::vector<std::jthread> threads;
            for (auto& one : read)
              threads.emplace_back([&] { read_rows<float>(rows, shuffled, one); });
          }
          for (const auto& one : read)
            CHECK(one == select_rows(expected, std::span<const size_t>(shuffled)));
          const std::vector<size_t> beyond{0, 401};
          check_error<ShapeError>([&] { read_rows<float>(rows, beyond); }, {"read_rows", "401"});
        }
      }
}

TEST_CASE("h5ad rows: outlive their path, are shared, and are read by several threads", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  const auto a = large(DType::f32, true);
  write_h5ad(file, a);
  std::optional<H5adRows> first(file);
  const H5adRows second = *first;
  first.reset();
  std::filesystem::remove(file);  // the open file is still there
  const auto expected = to_csr<float>(*a.X);
  std::array<CsrMatrix<float>, 3> read;
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < read.size(); ++i)
      threads.emplace_back([&, i] { read[i] = all_of<float>(second, {.rows = 7 + 20 * i}); });
    // Files are read and written beside it.
    for (int i = 0; i < 5; ++i) {
      write_h5ad(folder.path() / "b.h5ad", small_anndata());
      CHECK(read_h5ad(folder.path() / "b.h5ad") == small_anndata());
    }
  }
  for (const auto& rows : read) CHECK(rows == expected);
}

TEST_CASE("h5ad rows: are read while another thread is in HDF5", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  for (const bool is_sparse : {true, false}) {
    const auto a = large(DType::f32, is_sparse);
    write_h5ad(file, a, {.gzip = 1});
    const H5adRows rows(file);
    const auto expected = to_csr<float>(*a.X);
    std::vector<std::future<bool>> same;
    std::optional<hdf5::LibraryUse> use(std::in_place);  // which nobody else has now
    for (const size_t n : {1, 60, 401})
      same.push_back(std::async(std::launch::async,
                                [&, n] { return all_of<float>(rows, {.rows = n}) == expected; }));
    bool in_time = true;
    for (auto& one : same)
      in_time = in_time && one.wait_for(std::chrono::seconds(100)) == std::future_status::ready;
    use.reset();
    CHECK(in_time);
    for (auto& one : same) CHECK(one.get());
  }
}

TEST_CASE("h5ad rows: damage is found in the block that has it", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  const auto a = large(DType::f32, true);
  write_h5ad(file, a);
  vcell_test::edit(file, [&](hid_t f) {
    auto indices = a.X->indices();
    indices[size_t(a.X->indptr()[200])] = int32_t(a.genes());
    vcell_test::put(f, "X/indices", indices);
  });
  std::optional<H5adRows> rows(file);
  CHECK(rows->read(0, 200).rows() == 200);
  check_error<FormatError>(
      [&] { rows->read(150, 210); },
      {"X/indices", "holds 503", message("entry ", a.X->indptr()[200]), "0 .. 503 - 1"});
  CHECK(rows->read(201, 401).rows() == 200);
  std::ofstream(file, std::ios::app) << "more";
  check_error<IoError>([&] { rows->read(0, 1); }, {"was changed"});
  rows.reset();

  // A table of as many values would be read beyond its end.
  for (const char* part : {"X/data", "X/indices"}) {
    write_h5ad(file, a);
    vcell_test::edit(file, [&](hid_t f) {
      const std::vector<int32_t> ones(a.X->values().size(), 1);
      vcell_test::put(f, part, ones, {ones.size(), 1});
    });
    for (int i = 0; i < 2; ++i)
      check_error<FormatError>([&] { i ? (void)H5adRows(file) : (void)read_h5ad(file); },
                               {part, "one dimension"});
  }
  write_h5ad(file, a);
  vcell_test::edit(file, [&](hid_t f) {
    auto offsets = a.X->indptr();
    offsets[7] = 3;
    vcell_test::put(f, "X/indptr", offsets);
  });
  check_error<FormatError>([&] { H5adRows{file}; }, {"X/indptr", "decreases"});
}

TEST_CASE("h5ad rows: a budget counts the block that is read", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  write_h5ad(file, large(DType::f64, true));
  const H5adRows rows(file, {.budget = 700'000});
  for (int i = 0; i < 3; ++i) CHECK(rows.read(0, 30).rows() == 30);
  check_error<FormatError>([&] { rows.read(0, 401); }, {"budget"});
  check_error<FormatError>([&] { read_h5ad(file, {.budget = 700'000}); }, {"budget"});
}

TEST_CASE("h5ad: written from blocks of rows, it is what is written from memory", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto from_memory = folder.path() / "m.h5ad", from_rows = folder.path() / "r.h5ad";
  for (const DType dtype : {DType::boolean, DType::u8, DType::i16, DType::i32, DType::u64,
                            DType::f16, DType::f32, DType::f64})
    for (const bool is_sparse : {true, false}) {
      if (dtype == DType::f16 && is_sparse) continue;
      CAPTURE(name_of(dtype), is_sparse);
      auto a = large(dtype, is_sparse);
      if (dtype == DType::i16 && is_sparse)
        a.X->layout.index_type = a.X->layout.offset_type = DType::i64;
      write_h5ad(from_memory, a);
      write_h5ad(from_rows, without_x(a), H5adRows(from_memory), {.gzip = 4});
      CHECK(read_h5ad(from_rows) == a);
      write_h5ad(from_rows, without_x(a), *a.X);
      CHECK(read_h5ad(from_rows) == a);
      // The file that is read is replaced.
      write_h5ad(from_rows, without_x(a), H5adRows(from_rows));
      CHECK(read_h5ad(from_rows) == a);
    }
}

TEST_CASE("h5ad: a small matrix from blocks gives the very bytes", "[io]") {
  const vcell_test::TemporaryFolder folder;
  auto a = small_anndata();
  const auto write = [&](const char* name) {
    write_h5ad(folder.path() / name, a);
    write_h5ad(folder.path() / "rows", without_x(a), *a.X);
    CHECK(bytes_of(folder.path() / name) == bytes_of(folder.path() / "rows"));
  };
  write("sparse");
  a.X = a.layers.at("dense");
  write("dense");
  a.X = Matrix(CsrMatrix<float>{3, 4, {0, 0, 0, 0}, {}, {}});
  write("empty");
  a = {};
  a.obs = DataFrame({"c0", "c1"});
  a.X = DenseMatrix<float>{2, 0, {}};
  write("no genes");
  a.X = CsrMatrix<float>{2, 0, {0, 0, 0}, {}, {}};
  write("no genes, sparse");
}

TEST_CASE("h5ad: rows that do not fit what they are written with are refused", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto file = folder.path() / "a.h5ad";
  const auto a = small_anndata();
  write_h5ad(file, a);
  check_error<ConfigError>([&] { write_h5ad(file, a, *a.X); }, {"X of its own"});
  SelectedRows<Matrix> fewer(*a.X);
  fewer.keep_rows(std::vector<uint8_t>{1, 0, 1});
  check_error<ShapeError>([&] { write_h5ad(file, without_x(a), fewer); }, {"rows of X", "2"});
  SelectedRows<Matrix> thinner(*a.X);
  thinner.keep_columns(std::vector<uint8_t>{1, 0, 1, 1});
  check_error<ShapeError>([&] { write_h5ad(file, without_x(a), thinner); }, {"columns of X", "3"});
  CHECK(read_h5ad(file) == a);
}
