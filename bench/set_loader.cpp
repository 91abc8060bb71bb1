// Rows of cells as batches take them, in shuffled order: from memory beside memcpy of as many
// bytes, from an h5ad file (gzip, or in one piece) beside HDF5 reading one row after the other.
#include <benchmark/benchmark.h>
#include <hdf5.h>

#include <cstring>
#include <filesystem>
#include <vector>

#include "support/declare_work.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/io/h5ad/h5ad_rows.hpp"
#include "vcell/io/h5ad/write_h5ad.hpp"
#include "vcell/sets/row_reader.hpp"

namespace {

using namespace vcell;

constexpr size_t cells = 3000, genes = 18080, batch = 512;

/// log1p of counts, 45 % of them above 0.
const CsrMatrix<float>& expression() {
  static const CsrMatrix<float> made = [] {
    CsrMatrix<float> m;
    m.columns = genes;
    Rng rng(1);
    for (size_t i = 0; i < cells; ++i) {
      for (size_t g = 0; g < genes; ++g) {
        const auto draw = rng.below(100);
        if (draw >= 45) continue;
        m.indices.push_back(int32_t(g));
        m.values.push_back(std::log1p(float(1 + draw % 7) / float(1 + i % 5)));
      }
      m.end_row();
    }
    return m;
  }();
  return made;
}

/// The rows of one batch after the other.
class Batches {
 public:
  std::span<const size_t> next() {
    for (size_t& row : rows_) row = size_t(rng_.below(cells));
    return rows_;
  }

 private:
  Rng rng_{2};
  std::vector<size_t> rows_ = std::vector<size_t>(batch);
};

void declare(benchmark::State& state) {
  // Least work: the stored values and their columns are read, the rows written.
  const double stored = double(expression().values.size()) / double(cells);
  vcell_bench::declare_work(state, 0, double(batch) * (8 * stored + 4 * double(genes)));
  state.SetItemsProcessed(state.iterations() * int64_t(batch));
}

void read(benchmark::State& state, const RowReader& reader) {
  std::vector<float> out(batch * genes);
  Batches batches;
  for (auto _ : state) {
    reader.read(batches.next(), {out.data(), {batch, genes}});
    benchmark::ClobberMemory();
  }
  declare(state);
}

void from_memory(benchmark::State& state) { read(state, RowReader(&expression())); }

/// Copies as many bytes as the least work of from_memory reads, and half of them again.
void copied(benchmark::State& state) {
  const size_t row = 8 * expression().values.size() / cells + 4 * genes;
  std::vector<char> from(cells * row / 2), out(batch * row / 2);
  Batches batches;
  for (auto _ : state) {
    const auto rows = batches.next();
    for (size_t i = 0; i < batch; ++i)
      std::memcpy(out.data() + i * (row / 2), from.data() + rows[i] * (row / 2), row / 2);
    benchmark::ClobberMemory();
  }
  declare(state);
}

/// @param gzip  0: in one piece
std::filesystem::path file(int gzip) {
  const auto path =
      std::filesystem::temp_directory_path() / message("vcell_rows_", cells, "_", gzip, ".h5ad");
  if (!std::filesystem::exists(path)) {
    AnnData a;
    std::vector<std::string> names, columns;
    for (size_t i = 0; i < cells; ++i) names.push_back(message("c", i));
    for (size_t i = 0; i < genes; ++i) columns.push_back(message("g", i));
    a.obs = DataFrame(std::move(names));
    a.var = DataFrame(std::move(columns));
    const auto& m = expression();
    a.X = Matrix(m.rows, m.columns, m.indptr, m.indices, Numbers(m.values));
    write_h5ad(path, a, {.gzip = gzip, .chunk_bytes = size_t(1) << 20});
  }
  return path;
}

void from_file(benchmark::State& state) {
  read(state, RowReader::of(H5adRows(file(int(state.range(0))))));
}

void hdf5_row_by_row(benchmark::State& state) {
  const auto path = file(int(state.range(0)));
  const hid_t open = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  const hid_t data = H5Dopen(open, "X/data", H5P_DEFAULT),
              places = H5Dopen(open, "X/indices", H5P_DEFAULT);
  const auto& indptr = expression().indptr;
  std::vector<float> out(batch * genes), values(genes);
  std::vector<int32_t> columns(genes);
  Batches batches;
  for (auto _ : state) {
    const auto rows = batches.next();
    for (size_t i = 0; i < batch; ++i) {
      const hsize_t begin = hsize_t(indptr[rows[i]]), size = hsize_t(indptr[rows[i] + 1]) - begin;
      const hid_t there = H5Screate_simple(1, &size, nullptr);
      const auto take = [&](hid_t from, hid_t type, void* to) {
        const hid_t where = H5Dget_space(from);
        H5Sselect_hyperslab(where, H5S_SELECT_SET, &begin, nullptr, &size, nullptr);
        if (H5Dread(from, type, there, where, H5P_DEFAULT, to) < 0) std::abort();
        H5Sclose(where);
      };
      take(data, H5T_NATIVE_FLOAT, values.data());
      take(places, H5T_NATIVE_INT32, columns.data());
      H5Sclose(there);
      float* const to = out.data() + i * genes;
      std::fill_n(to, genes, 0.0F);
      for (size_t k = 0; k < size; ++k) to[columns[k]] = values[k];
    }
    benchmark::ClobberMemory();
  }
  H5Dclose(places);
  H5Dclose(data);
  H5Fclose(open);
  declare(state);
}

BENCHMARK(from_memory)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(copied)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(from_file)
    ->Arg(0)
    ->Arg(1)
    ->Threads(1)
    ->Threads(2)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(hdf5_row_by_row)
    ->Arg(0)
    ->Arg(1)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
