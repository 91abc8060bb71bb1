// State Embedding at the size of the published small model: a step (forward, loss, backward) and
// the forward pass of four cells, in the shapes of bench/peers/state.py, and what computing the
// layers again in backward saves and costs.
#include <algorithm>
#include <ctime>

#include "support/declare_work.hpp"
#include "support/embedding_batch.hpp"
#include "support/model_work.hpp"
#include "support/peak_memory.hpp"
#include "support/two_threads.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/core/peak_memory.hpp"
#include "vcell/models/state_embedding_step.hpp"

namespace {

using namespace vcell;
using vcell_bench::embedding_batch;
using vcell_bench::state_embedding_flops;

StateEmbeddingConfig config(size_t datasets) {
  return {.gene_width = 5120,
          .width = 512,
          .layers = 8,
          .heads = 16,
          .mlp_width = 1024,
          .output_width = 512,
          .cls_value = ClsValue::gene,
          .datasets = datasets,
          .dataset_dropout = 0,
          .floor_squared = 1e-8};
}

/// Least traffic of the forward pass: parameters and vectors of genes, read once.
double forward_bytes(const StateEmbedding<float>& model, double genes) {
  return 4 * (double(model.parameters().count()) + genes * double(model.config().gene_width));
}

constexpr size_t peer_cells = 4, peer_genes = 4096, peer_tasks = 512, peer_datasets = 3;

/// Forward, loss and backward as bench/peers/state.py has the package do it: 512 expressed, 512
/// unexpressed and 512 shared genes to predict of each cell.
void step(benchmark::State& state) {
  if (!vcell_bench::has_threads(state, state.range(0))) return;
  const StateEmbedding<float> model(config(peer_datasets));
  const auto batch =
      embedding_batch(model.config(), peer_cells, peer_genes, 3 * peer_tasks, peer_tasks);
  const auto once = [&] {
    model.parameters().clear_gradients();
    backward(state_embedding_step(model, batch, {.training = true}).total);
    benchmark::ClobberMemory();
  };
  once();
  for (auto _ : state) once();
  const double genes = double(peer_genes);
  vcell_bench::declare_work(
      state, state_embedding_flops(model.config(), peer_cells, genes, 3 * peer_tasks).step(),
      2 * forward_bytes(model, genes) + 4 * double(model.parameters().count()));
  vcell_bench::declare_peak_memory(state);
}

/// The embeddings of four cells, their genes encoded in the pass.
void forward(benchmark::State& state) {
  if (!vcell_bench::has_threads(state, state.range(0))) return;
  const StateEmbedding<float> model(config(peer_datasets));
  const auto batch = embedding_batch(model.config(), peer_cells, peer_genes, 1, 0);
  const NoGrad no_grad;
  const auto once = [&] {
    const auto genes = model.encode(batch.genes, false);
    const auto cells = model.embed(genes, batch.sentence, Variable<float, 2>(batch.values));
    benchmark::DoNotOptimize(cells.cell.value().data);
  };
  once();
  for (auto _ : state) once();
  vcell_bench::declare_work(
      state, state_embedding_flops(model.config(), peer_cells, peer_genes, 0).forward,
      forward_bytes(model, peer_genes));
  vcell_bench::declare_peak_memory(state);
}

/// Of the processor, so that what else runs on the machine counts little.
double seconds(StateEmbedding<float>& model, EmbeddingBatch<float> batch, bool recomputes) {
  model.recompute_layers(recomputes);
  model.parameters().clear_gradients();
  const std::clock_t start = std::clock();
  backward(state_embedding_step(model, std::move(batch)).total);
  return double(std::clock() - start) / CLOCKS_PER_SEC;
}

/// Both ways of backward alternately: seconds of each, the median of their ratios, and by how much
/// memory grew for a cell, which the first pair alone tells.
void recomputation(benchmark::State& state) {
  if (!vcell_bench::has_threads(state, state.range(2))) return;
  const size_t cells = size_t(state.range(0)), genes = size_t(state.range(1));
  StateEmbedding<float> model(config(4));
  const auto batch = embedding_batch(model.config(), cells, genes, 1280, 256);
  model.parameters().values();
  model.parameters().gradients();
  const double before = [held = EmbeddingBatch<float>(batch)] {
    benchmark::DoNotOptimize(held.genes.data());
    return peak_memory();  // with a copy of the data, which a step consumes
  }();
  const auto grown = [&] { return (peak_memory() - before) / double(cells) / 1e6; };
  std::vector<double> kept, again, ratios;
  for (auto _ : state) {
    again.push_back(seconds(model, batch, true));
    if (again.size() == 1) state.counters["again_mb_a_cell"] = grown();
    kept.push_back(seconds(model, batch, false));
    if (kept.size() == 1) state.counters["kept_mb_a_cell"] = grown();
    ratios.push_back(again.back() / kept.back());
  }
  const auto median = [](std::vector<double>& v) {
    std::nth_element(v.begin(), v.begin() + long(v.size() / 2), v.end());
    return v[v.size() / 2];
  };
  state.counters["again_s"] = median(again);
  state.counters["kept_s"] = median(kept);
  state.counters["ratio"] = median(ratios);
}

void threads(benchmark::internal::Benchmark* b) {
  b->ArgName("threads")->Arg(1)->Arg(2)->Iterations(3);
  b->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK(step)->Apply(threads);
BENCHMARK(forward)->Apply(threads);
BENCHMARK(recomputation)
    ->ArgNames({"cells", "genes", "threads"})
    ->Args({4, 4000, 1})
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kSecond);

}  // namespace

BENCHMARK_MAIN();
