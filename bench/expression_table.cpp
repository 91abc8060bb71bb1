// Tables of differential expression in blocks: measured from cells, and written and read again.
// peak_mib is the program's: run one at a time, with --benchmark_filter.
#include "vcell/eval/expression_table.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <filesystem>

#include "support/peak_memory.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/eval/measured_expression.hpp"
#include "vcell/eval/read_expression.hpp"
#include "vcell/eval/significant_genes.hpp"

namespace {

using namespace vcell;

std::vector<std::string> numbered(const char* name, size_t n) {
  std::vector<std::string> out;
  for (size_t i = 0; i < n; ++i) out.push_back(message(name, i));
  return out;
}

/// Three cells a target and 2,000 of the reference, one value in a hundred: next to the table they
/// take no memory.
ExpressionTable table_of_cells(size_t targets, size_t genes) {
  Rng rng(1);
  const auto X = std::make_shared<CsrMatrix<float>>();
  X->columns = genes;
  ExpressionGroups groups{numbered("P", targets), std::vector<std::vector<size_t>>(targets), {}};
  for (size_t cell = 0; cell < 3 * targets + 2000; ++cell) {
    for (size_t g = size_t(rng.uniform() * 200); g < genes; g += 1 + size_t(rng.uniform() * 200)) {
      X->indices.push_back(int32_t(g));
      X->values.push_back(float(1 + rng.uniform()));
    }
    X->end_row();
    (cell < 3 * targets ? groups.rows[cell / 3] : groups.reference).push_back(cell);
  }
  return measured_expression(X, numbered("g", genes), std::move(groups));
}

void measure(benchmark::State& state) {
  const auto targets = size_t(state.range(0)), genes = size_t(state.range(1));
  const auto table = table_of_cells(targets, genes);
  for (auto _ : state) {
    size_t significant = 0;
    for_each_expression_block(table, [&](size_t, const DifferentialExpression& de) {
      for (size_t t = 0; t < de.targets.size(); ++t) significant += significant_genes(de, t).size();
    });
    benchmark::DoNotOptimize(significant);
  }
  state.counters["table_mib"] = double(targets * table.bytes_per_target()) / (1 << 20);
  vcell_bench::declare_peak_memory(state);
}

/// A table whose numbers cost nothing, through a file.
void file(benchmark::State& state) {
  const auto targets = size_t(state.range(0)), genes = size_t(state.range(1));
  const ExpressionNames names{numbered("P", targets), numbered("g", genes),
                              std::vector<size_t>(targets, 100), 1000};
  const ExpressionTable table(names, [&](std::span<const size_t> places, const Progress&) {
    auto out = make_expression(select_names(names, places));
    const auto fill = [&]<class T>(Tensor<T, 2>& column) {
      for (size_t i = 0; i < places.size(); ++i)
        for (size_t g = 0; g < genes; ++g)
          column(i, g) = T(std::sin(double(places[i] * genes + g)));
    };
    for_each_column(fill, out);
    return out;
  });
  const auto path = std::filesystem::temp_directory_path() / "vcell_bench_expression_table.csv";
  for (auto _ : state) {
    write_differential_expression(path, table);
    double sum = 0;
    for_each_expression_block(
        read_differential_expression(path),
        [&](size_t, const DifferentialExpression& de) { sum += de.fdr(0, 0); });
    benchmark::DoNotOptimize(sum);
  }
  state.counters["table_mib"] = double(targets * table.bytes_per_target()) / (1 << 20);
  state.counters["file_mib"] = double(std::filesystem::file_size(path)) / (1 << 20);
  std::filesystem::remove(path);
  vcell_bench::declare_peak_memory(state);
}

BENCHMARK(measure)
    ->ArgNames({"targets", "genes"})
    ->Args({100, 18533})  // kept
    ->Args({5100, 18533})
    ->UseRealTime()
    ->Iterations(1)
    ->Unit(benchmark::kSecond);
BENCHMARK(file)
    ->ArgNames({"targets", "genes"})
    ->Args({1000, 2500})  // kept
    ->Args({5100, 2500})
    ->UseRealTime()
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

}  // namespace

BENCHMARK_MAIN();
