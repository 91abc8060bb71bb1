// Sparse cells written to a file, logarithms of counts, with gzip level 1 and without compression:
// as write_h5ad does it and in HDF5's own way, by H5Dwrite to chunks of the same size.
#include "vcell/io/h5ad/write_h5ad.hpp"

#include <benchmark/benchmark.h>

#include <filesystem>

#include "support/declare_work.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_sink.hpp"
#include "vcell/simulate/simulated_rows.hpp"

namespace {

using namespace vcell;

/// 400 cells x 18,080 genes, 45 % of them stored: 3.3 million values.
const CsrMatrix<float>& cells() {
  static const CsrMatrix<float> out = [] {
    const SimulatedRows rows({.seed = 1, .genes = 18'080, .cells = 400, .density = 0.45});
    CsrMatrix<float> m;
    m.columns = rows.columns();
    copy_rows<float>(rows, m);
    for (size_t i = 0; i < m.rows; ++i) {
      const auto values = m.row_values(i);
      float total = 0;
      for (const float x : values) total += x;
      for (size_t k = 0; k < values.size(); ++k) {
        float& x = m.values[size_t(m.indptr[i]) + k];
        x = std::log1p(x * 1e4F / total);
      }
    }
    return m;
  }();
  return out;
}

double bytes_of(const CsrMatrix<float>& m) { return 8 * double(m.values.size()); }

void ours(benchmark::State& state) {
  const int before = num_threads();
  set_num_threads(int(state.range(1)));
  AnnData a;
  for (size_t i = 0; i < cells().rows; ++i) a.obs.index.push_back(std::to_string(i));
  for (size_t i = 0; i < cells().columns; ++i) a.var.index.push_back(std::to_string(i));
  const Matrix X(cells());
  const TemporaryFile file(std::filesystem::temp_directory_path() / "vcell_bench");
  for (auto _ : state) write_h5ad_at(file, a, X, {.gzip = int(state.range(0))});
  state.counters["size"] = double(std::filesystem::file_size(file.path()));
  vcell_bench::declare_work(state, 0, bytes_of(cells()));
  set_num_threads(before);
}
BENCHMARK(ours)
    ->ArgNames({"gzip", "threads"})
    ->Args({1, 1})
    ->Args({1, 2})
    ->Args({0, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void by_hdf5(benchmark::State& state) {
  const TemporaryFile file(std::filesystem::temp_directory_path() / "vcell_bench");
  const auto& m = cells();
  const hsize_t n = m.values.size(), chunk = size_t(1) << 16;
  for (auto _ : state) {
    const hdf5::Handle f(H5Fcreate(file.path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE)),
        space(H5Screate_simple(1, &n, nullptr));
    if (state.range(0) > 0) {
      H5Pset_chunk(creation, 1, &chunk);
      H5Pset_deflate(creation, unsigned(state.range(0)));
    }
    const auto put = [&](const char* name, hid_t type, const void* from) {
      const hdf5::Handle d(H5Dcreate2(f, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT));
      if (H5Dwrite(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, from) < 0)
        state.SkipWithError("H5Dwrite failed");
    };
    put("data", H5T_NATIVE_FLOAT, m.values.data());
    put("indices", H5T_NATIVE_INT32, m.indices.data());
  }
  state.counters["size"] = double(std::filesystem::file_size(file.path()));
  vcell_bench::declare_work(state, 0, bytes_of(m));
}
BENCHMARK(by_hdf5)->ArgName("gzip")->Arg(1)->Arg(0)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
