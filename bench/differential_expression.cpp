// Differential expression of a file: read, and tested against the control, the table in memory. The
// file is the one that VCELL_BENCH_FILE names, as bench/peers/de.py writes it; without it, cells
// made here are tested.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "support/declare_work.hpp"
#include "support/peak_memory.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/eval/streamed_expression.hpp"
#include "vcell/io/h5ad.hpp"

namespace {

using namespace vcell;

struct Cells {
  CsrMatrix<float> X;
  std::vector<std::string> genes;
  Factor labels;
};

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

/// Turned from cells to genes block by block while they are read, as `vcell de` reads them.
template <class S>
DifferentialExpression tested(const S& X, const std::vector<std::string>& genes,
                              const Factor& labels) {
  const auto groups = expression_groups(labels, "non-targeting", detail::places(X.rows()));
  return streamed_expression(X, genes, groups, {}, {.panel_bytes = ~size_t(0)});
}

void table(benchmark::State& state) {
  set_num_threads(int(state.range(0)));
  const char* file = std::getenv("VCELL_BENCH_FILE");
  double stored = 0, rows = 0;
  for (auto _ : state) {
    DifferentialExpression found;
    if (file) {
      const AnnData adata = read_h5ad(file, {.X = false,
                                             .layers = false,
                                             .obsm = false,
                                             .varm = false,
                                             .obsp = false,
                                             .varp = false,
                                             .raw = false});
      const H5adRows X(file);
      stored = double(X.indptr().back());
      found = tested(X, adata.var.index, factor(adata.obs.column("target_gene")));
    } else {
      auto cells = made();
      stored = double(cells.X.values.size());
      found = tested(Matrix(std::move(cells.X)), cells.genes, cells.labels);
    }
    rows = double(found.p_value.count());
    benchmark::DoNotOptimize(found.p_value.data());
  }
  vcell_bench::declare_work(state, stored, 8 * stored + 44 * rows);
  vcell_bench::declare_peak_memory(state);
}

}  // namespace

BENCHMARK(table)->Arg(1)->Arg(2)->ArgName("threads")->Unit(benchmark::kMillisecond)->UseRealTime();

BENCHMARK_MAIN();
