// Training steps of whole models on a GPU, from a batch there to the updated parameters: dropout,
// loss, backward, norm, clipping, Adam. State Transition at published sizes; a large State
// Embedding model, without computing anything again in backward. Cells and vectors of genes are
// random. Both in one file, since nvcc takes most of its time for kernels that both have.
//
//   bench/run.sh --cuda

#include "support/embedding_batch.hpp"
#include "support/gpu_training.hpp"
#include "vcell/cuda.cuh"
//
#include "vcell/models/state_transition_terms.hpp"
#include "vcell/train/presets.hpp"

namespace {

using namespace vcell;
using namespace vcell_bench;

constexpr size_t perturbations = 25;

/// @param genes  in and out
void state_transition(const Gpu& gpu, const std::string& name, const Experiment& experiment,
                      size_t genes) {
  const Context<Cuda> context;
  const UseContext use(context);
  StateTransitionConfig config = experiment.model;
  config.input_width = config.output_width = genes;
  config.perturbation_width = perturbations;
  const StateTransition<float, Cuda> model(config);
  const size_t sets = experiment.model.batch_size, cells = experiment.model.set_size;
  const Variable<float, 3, Cuda> control(normal_on_gpu<3>({sets, cells, genes}, 1, 1)),
      observed(normal_on_gpu<3>({sets, cells, genes}, 2, 1));
  Tensor<float, 2> one_hot({sets, perturbations});
  for (size_t b = 0; b < sets; ++b) one_hot(b, b % perturbations) = 1;
  const Variable<float, 2, Cuda> perturbation(to_device<Cuda>(one_hot));
  time_steps(gpu, name, message("B ", sets, " S ", cells, " genes ", genes), model,
             experiment.training, state_transition_flops(config, double(sets), double(cells)),
             double(control.count() + observed.count()), [&](const Pass<Cuda>& pass) {
               return state_transition_terms(config, model.predict(control, perturbation, {}, pass),
                                             {observed}, control)
                   .total();
             });
}

void state_embedding(const Gpu& gpu, const std::string& name, const StateEmbeddingConfig& config,
                     size_t cells, size_t genes, size_t tasks, size_t shared) {
  const Context<Cuda> context;
  const UseContext use(context);
  StateEmbedding<float, Cuda> model(config);
  model.recompute_layers(false);
  auto batch = embedding_batch(config, cells, genes, tasks, shared);
  LoadedEmbeddingBatch<float, Cuda> loaded;
  loaded.send(batch, genes, config.datasets > 0);
  const double values = double(batch.genes.count()) + 2 * double(batch.values.count()) +
                        2 * double(batch.targets.count());
  const GeneVectors<float, Cuda> vectors(std::move(batch.genes), config.width);
  time_steps(gpu, name, message("B ", cells, " L ", config.sentence_length, " d ", config.width),
             model, experiment_preset("se_small").training,
             state_embedding_flops(config, double(cells), double(genes), double(tasks)).step(),
             values, [&](const Pass<Cuda>& pass) {
               return state_embedding_step(model, vectors, loaded, pass).total;
             });
}

void run_tiny(const Gpu& gpu) {
  Experiment experiment = experiment_preset("state_sm");
  auto& model = experiment.model;
  model.hidden = 8;
  model.layers = 1;
  model.heads = model.batch_size = 2;
  model.head_dim = model.set_size = 4;
  model.mlp_width = 12;
  model.encoder_layers = model.decoder_layers = 2;
  state_transition(gpu, "tiny", experiment, 9);
  state_embedding(gpu, "tiny",
                  {.gene_width = 6,
                   .width = 4,
                   .layers = 1,
                   .heads = 1,
                   .mlp_width = 4,
                   .output_width = 4,
                   .sentence_length = 3,
                   .datasets = 2,
                   .dropout = 0.1},
                  1, 4, 2, 1);
}

void run(const Gpu& gpu) {
  if (gpu.tiny) return run_tiny(gpu);
  for (const char* const name : {"state_sm", "state_lg"})
    for (const size_t genes : {2000, 18080})
      state_transition(gpu, name, experiment_preset(name), genes);
  state_embedding(gpu, "state_embedding",
                  {.gene_width = 5120,
                   .width = 2048,
                   .layers = 16,
                   .heads = 16,
                   .mlp_width = 2048,
                   .output_width = 2048,
                   .cls_value = ClsValue::gene,
                   .datasets = 3,
                   .dropout = 0.1,
                   .floor_squared = 1e-8},
                  8, 4096, 1536, 512);
}

}  // namespace

int main(int count, char** words) { return on_gpu("training_steps", count, words, run); }
