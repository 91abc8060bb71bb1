// Forward and backward of State Embedding at the size of the published small model: what computing
// the layers again in backward saves and costs.
#include "vcell/models/state_embedding_step.hpp"

#include <algorithm>
#include <ctime>

#include "support/declare_work.hpp"
#include "support/two_threads.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/core/peak_memory.hpp"

namespace {

using namespace vcell;

EmbeddingBatch<float> batch_of(const StateEmbeddingConfig& c, size_t cells, size_t genes) {
  EmbeddingBatch<float> batch;
  batch.genes = vcell_bench::random<2>({genes, c.gene_width}, 1);
  const size_t length = c.sentence_length, tasks = 1280;
  Rng rng(2);
  const auto draw = [&](Tensor<int32_t, 2>& rows) {
    for (int32_t& row : rows.values()) row = int32_t(rng.below(genes));
  };
  batch.sentence = Tensor<int32_t, 2>({cells, length});
  batch.task_genes = Tensor<int32_t, 2>({cells, tasks});
  draw(batch.sentence);
  draw(batch.task_genes);
  batch.values = vcell_bench::random<2>({cells, length}, 3);
  batch.targets = vcell_bench::random<2>({cells, tasks}, 4);
  batch.shared = 256;
  batch.dataset = Tensor<int32_t, 1>({cells});
  return batch;
}

/// Of the processor, so that what else runs on the machine counts little.
double seconds(StateEmbedding<float>& model, EmbeddingBatch<float> batch, bool recomputes) {
  model.recompute_layers(recomputes);
  model.parameters().clear_gradients();
  const std::clock_t start = std::clock();
  backward(state_embedding_step(model, std::move(batch)).total);
  return double(std::clock() - start) / CLOCKS_PER_SEC;
}

/// Both ways alternately: seconds of each, the median of their ratios, and by how much memory grew
/// for a cell, which the first pair alone tells.
void step(benchmark::State& state) {
  if (!vcell_bench::has_threads(state, state.range(2))) return;
  const size_t cells = size_t(state.range(0)), genes = size_t(state.range(1));
  StateEmbedding<float> model({.gene_width = 5120,
                               .width = 512,
                               .layers = 8,
                               .heads = 16,
                               .mlp_width = 1024,
                               .output_width = 512,
                               .datasets = 4});
  const auto batch = batch_of(model.config(), cells, genes);
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

BENCHMARK(step)
    ->ArgNames({"cells", "genes", "threads"})
    ->Args({4, 4000, 1})
    ->Iterations(1)
    ->UseRealTime()
    ->Unit(benchmark::kSecond);

}  // namespace

BENCHMARK_MAIN();
