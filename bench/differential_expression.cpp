// Differential expression of a file: read, and tested against the control, the table in memory. The
// file is the one that VCELL_BENCH_FILE names, as bench/peers/de.py writes it; without it, cells
// made here are tested.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "support/declare_work.hpp"
#include "support/peak_memory.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/eval/measured_expression.hpp"
#include "vcell/io/h5ad.hpp"

namespace {

using namespace vcell;

struct Cells {
  CsrMatrix<float> X;
  std::vector<std::string> genes;
  Factor labels;
};

Cells read(const char* file) {
  AnnData adata = read_h5ad(
      file,
      {.layers = false, .obsm = false, .varm = false, .obsp = false, .varp = false, .raw = false});
  Cells out{to_csr<float>(std::move(*adata.X)), std::move(adata.var.index),
            factor(adata.obs.column("target_gene"))};
  return out;
}

/// 4,000 cells x 2,000 genes, half of them expressed, in 20 groups and a control.
Cells made() {
  Rng rng(1);
  Cells out;
  out.X.columns = 2000;
  std::vector<std::string> labels;
  for (size_t i = 0; i < 4000; ++i) {
    for (size_t g = 0; g < out.X.columns; ++g) {
      if (rng.uniform() < 0.5) continue;
      out.X.indices.push_back(int32_t(g));
      out.X.values.push_back(float(4 * rng.uniform()));
    }
    out.X.end_row();
    const auto group = rng.below(21);
    labels.push_back(group ? message("P", group) : "non-targeting");
  }
  for (size_t g = 0; g < out.X.columns; ++g) out.genes.push_back(message("g", g));
  out.labels = factor(labels);
  return out;
}

/// @param threads  of the test; reading takes those there are
void table(benchmark::State& state) {
  set_num_threads(int(state.range(0)));
  const char* file = std::getenv("VCELL_BENCH_FILE");
  size_t stored = 0, rows = 0;
  for (auto _ : state) {
    auto cells = file ? read(file) : made();
    stored = cells.X.values.size();
    const auto places = detail::places(cells.X.rows);
    auto groups = expression_groups(cells.labels, "non-targeting", places);
    rows = groups.targets.size() * cells.genes.size();
    const auto found = measured_expression(
        std::make_shared<const CsrMatrix<float>>(std::move(cells.X)), std::move(cells.genes),
        std::move(groups), {}, {.kept_bytes = ~size_t(0)});
    benchmark::DoNotOptimize(found.whole()->p_value.data());
  }
  vcell_bench::declare_work(state, double(stored), double(8 * stored + 44 * rows));
  vcell_bench::declare_peak_memory(state);
}

}  // namespace

BENCHMARK(table)->Arg(2)->ArgName("threads")->Unit(benchmark::kMillisecond)->UseRealTime();

BENCHMARK_MAIN();
