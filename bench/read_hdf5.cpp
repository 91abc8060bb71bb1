// Reading X of an h5ad file, 1,500 cells x 18,080 genes, counts in float32, beside
// HDF5's own way (H5Dread): all of it, and rows by number. The files were just written, so they
// come from memory where there is enough; bytes are those of values and columns in memory.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "support/declare_work.hpp"
#include "support/two_threads.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/io/h5ad/h5ad_rows.hpp"
#include "vcell/io/h5ad/write_h5ad.hpp"

namespace {

using namespace vcell;

constexpr size_t cells = 1500, genes = 18'080;

enum Layout { gzip_1mib, gzip_10000, plain_1mib, in_one_piece };

CsrMatrix<float> counts() {
  CsrMatrix<float> m;
  m.columns = genes;
  Rng rng(1);
  for (size_t i = 0; i < cells; ++i) {
    for (size_t j = 0; j < genes; ++j) {
      // The gene's mean, from one count in twenty-five cells to nine in each; a geometric count.
      const double mean = std::exp(3 * std::sin(12.9898 * double(j)) - 0.8);
      int count = 0;
      for (double p = rng.uniform(); p < mean / (1 + mean) && count < 500; ++count)
        p *= (1 + mean) / mean;
      if (count == 0) continue;
      m.indices.push_back(int32_t(j));
      m.values.push_back(float(count));
    }
    m.end_row();
  }
  return m;
}

const CsrMatrix<float>& matrix() {
  static const CsrMatrix<float> m = counts();
  return m;
}

template <class T>
void put(hid_t group, const char* name, hid_t type, const std::vector<T>& values, Layout layout) {
  const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE));
  const hsize_t n = values.size(), chunk = layout == gzip_10000 ? 10'000 : (1 << 20) / sizeof(T);
  if (layout != in_one_piece) H5Pset_chunk(creation, 1, &chunk);
  if (layout == gzip_1mib || layout == gzip_10000) H5Pset_deflate(creation, 4);
  H5Ldelete(group, name, H5P_DEFAULT);
  const hdf5::Handle space(H5Screate_simple(1, &n, nullptr));
  const hdf5::Handle d(H5Dcreate2(group, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
  H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
}

struct Files {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / message("vcell_bench_read_hdf5_", ::getpid());
  std::map<Layout, std::filesystem::path> made;
  ~Files() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
};

std::filesystem::path file_of(Layout layout) {
  static Files files;
  auto& path = files.made[layout];
  if (!path.empty()) return path;
  std::filesystem::create_directories(files.folder);
  path = files.folder / message(int(layout), ".h5ad");
  AnnData a;
  for (size_t i = 0; i < cells; ++i) a.obs.index.push_back(message("c", i));
  for (size_t i = 0; i < genes; ++i) a.var.index.push_back(message("g", i));
  write_h5ad(path, a,
             Matrix(CsrMatrix<float>{cells, genes, std::vector<int64_t>(cells + 1), {}, {}}));
  const hdf5::LibraryUse use;
  const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)),
      X(H5Gopen2(file, "X", H5P_DEFAULT));
  put(X, "data", H5T_NATIVE_FLOAT, matrix().values, layout);
  put(X, "indices", H5T_NATIVE_INT32, matrix().indices, layout);
  put(X, "indptr", H5T_NATIVE_INT64, matrix().indptr, in_one_piece);
  return path;
}

constexpr double bytes_of_value = sizeof(float) + sizeof(int32_t);

void all_ours(benchmark::State& state) {
  if (!vcell_bench::has_threads(state, state.range(1))) return;
  const auto path = file_of(Layout(state.range(0)));
  const H5adRows X(path);
  CsrMatrix<float> out;
  X.read(0, X.rows(), out);  // its room is there then, as for the blocks after the first
  for (auto _ : state) {
    X.read(0, X.rows(), out);
    benchmark::DoNotOptimize(out.values.data());
  }
  if (out.values != matrix().values || out.indices != matrix().indices)
    state.SkipWithError("other values");
  vcell_bench::declare_work(state, 0, bytes_of_value * double(out.values.size()));
}

/// The datasets of X, opened by HDF5 with its own settings.
struct Theirs {
  hdf5::LibraryUse use;
  hdf5::Handle file, data, indices;
  explicit Theirs(const std::filesystem::path& path)
      : file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)),
        data(H5Dopen2(file, "X/data", H5P_DEFAULT)),
        indices(H5Dopen2(file, "X/indices", H5P_DEFAULT)) {}
};

void all_hdf5(benchmark::State& state) {
  const Theirs theirs(file_of(Layout(state.range(0))));
  std::vector<float> values(matrix().values.size());
  std::vector<int32_t> indices(values.size());
  for (auto _ : state) {
    H5Dread(theirs.data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dread(theirs.indices, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, indices.data());
    benchmark::DoNotOptimize(values.data());
  }
  vcell_bench::declare_work(state, 0, bytes_of_value * double(values.size()));
}

/// 512 cells, drawn.
std::vector<size_t> some_rows(bool sorted) {
  Rng rng(2);
  std::vector<size_t> rows(512);
  for (size_t& row : rows) row = size_t(rng.below(cells));
  if (sorted) std::sort(rows.begin(), rows.end());
  return rows;
}

double values_of(const std::vector<size_t>& rows) {
  double n = 0;
  for (const size_t row : rows) n += double(matrix().indptr[row + 1] - matrix().indptr[row]);
  return n;
}

/// The file is opened each time, so that no chunk is there yet.
void rows_ours(benchmark::State& state) {
  if (!vcell_bench::has_threads(state, state.range(2))) return;
  const auto path = file_of(Layout(state.range(0)));
  const auto rows = some_rows(state.range(1));
  CsrMatrix<float> out;
  read_rows(H5adRows(path), rows, out);
  for (auto _ : state) {
    state.PauseTiming();
    const std::optional<H5adRows> X(path);
    state.ResumeTiming();
    read_rows(*X, rows, out);
    benchmark::DoNotOptimize(out.values.data());
  }
  vcell_bench::declare_work(state, 0, bytes_of_value * values_of(rows));
}

void rows_hdf5(benchmark::State& state) {
  const auto path = file_of(Layout(state.range(0)));
  const auto rows = some_rows(state.range(1));
  std::vector<float> values(genes);
  std::vector<int32_t> indices(genes);
  for (auto _ : state) {
    state.PauseTiming();
    const Theirs theirs(path);
    state.ResumeTiming();
    for (const size_t row : rows) {
      const auto first = hsize_t(matrix().indptr[row]),
                 n = hsize_t(matrix().indptr[row + 1]) - first;
      const hdf5::Handle here(H5Screate_simple(1, &n, nullptr)), there(H5Dget_space(theirs.data));
      H5Sselect_hyperslab(there, H5S_SELECT_SET, &first, nullptr, &n, nullptr);
      H5Dread(theirs.data, H5T_NATIVE_FLOAT, here, there, H5P_DEFAULT, values.data());
      H5Dread(theirs.indices, H5T_NATIVE_INT32, here, there, H5P_DEFAULT, indices.data());
    }
    benchmark::DoNotOptimize(values.data());
  }
  vcell_bench::declare_work(state, 0, bytes_of_value * values_of(rows));
}

// layout: 0 gzip in chunks of 1 MiB, 1 gzip in chunks of 10,000 elements, 2 plain chunks of 1 MiB,
// 3 in one piece.
void with_layouts(benchmark::internal::Benchmark* b, std::vector<std::vector<int64_t>> rest,
                  std::vector<std::string> names) {
  rest.insert(rest.begin(), {gzip_1mib, gzip_10000, plain_1mib, in_one_piece});
  names.insert(names.begin(), "layout");
  b->ArgsProduct(rest)->ArgNames(names)->Unit(benchmark::kMillisecond)->UseRealTime();
}

}  // namespace

BENCHMARK(all_ours)->Apply([](auto* b) { with_layouts(b, {{1, 2}}, {"threads"}); });
BENCHMARK(all_hdf5)->Apply([](auto* b) { with_layouts(b, {}, {}); });
BENCHMARK(rows_ours)->Apply([](auto* b) {
  with_layouts(b, {{0, 1}, {1, 2}}, {"sorted", "threads"});
});
BENCHMARK(rows_hdf5)->Apply([](auto* b) { with_layouts(b, {{0, 1}}, {"sorted"}); });

BENCHMARK_MAIN();
