// What benchmarks declare of training steps, beside the weights that models of the same shape have.
#include "../bench/support/model_work.hpp"

#include "support/catch.hpp"
#include "vcell/models/state_embedding.hpp"
#include "vcell/models/state_transition.hpp"

using namespace vcell;

namespace {

/// Operations forward and back of the product of rows with a weight matrix, whose input needs a
/// gradient or is data.
double product(double rows, size_t weights, bool of_data) {
  return (of_data ? 4 : 6) * rows * double(weights);
}

double of_weights(const StateTransitionConfig& config, double sets, double cells) {
  const StateTransition<float> model(config);
  double sum = 0;
  for (const auto& p : model.parameters().all()) {
    if (p.shape.size() != 2) continue;
    const std::string_view name = p.name;
    const bool of_set = name.starts_with("pert_encoder") || name.starts_with("anchor_encoder");
    const bool of_data = name == "pert_encoder.0.weight" || name == "basal_encoder.weight" ||
                         name == "basal_encoder.0.weight" || name == "anchor_encoder.weight";
    sum += product(of_set ? sets : sets * cells, p.count, of_data);
  }
  return sum;
}

double of_weights(const StateEmbeddingConfig& config, double cells, double genes, double tasks) {
  const StateEmbedding<float> model(config);
  const double tokens = double(config.sentence_length), special = config.datasets ? 2 : 1;
  double sum = 0;
  for (const auto& p : model.parameters().all()) {
    const std::string_view name = p.name;
    if (p.shape.size() != 2 || name.ends_with("_token")) continue;
    if (name == "encoder.0.weight")
      sum += product(genes, p.count, true) + product(special, p.count, false);
    else if (name.starts_with("count_encoder") || name.starts_with("bin_encoder"))
      sum += product(cells * tokens, p.count, name == "count_encoder.0.weight");
    else if (name.starts_with("transformer_encoder"))
      sum += product(cells * (tokens - 1 + special), p.count, false);
    else if (name.starts_with("decoder"))
      sum += product(cells * special, p.count, false);
    else if (name.starts_with("binary_decoder"))
      sum += product(cells * tasks, p.count, false);
    else if (name.starts_with("dataset_"))
      sum += product(cells, p.count, false);
    else
      FAIL("no rows are known of " << name);
  }
  return sum;
}

}  // namespace

TEST_CASE("model work: a step of State Transition has the products of its weights") {
  const StateTransitionConfig small{.input_width = 17,
                                    .output_width = 17,
                                    .perturbation_width = 5,
                                    .hidden = 8,
                                    .layers = 3,
                                    .heads = 2,
                                    .head_dim = 6,
                                    .mlp_width = 11};
  auto mlp = small, one_layer = small, mixing = small, linear = small, anchored = small;
  mlp.basal_mlp = true;
  one_layer.basal_mlp = true;
  one_layer.encoder_layers = one_layer.decoder_layers = 1;
  mixing.output_space = OutputSpace::all_genes;
  linear.head = OutputHead::linear_residual;
  anchored.anchor = Anchor::perturbation_mean;
  for (const auto& config : {small, mlp, one_layer, mixing, linear, anchored}) {
    const double sets = 3, cells = 7, pairs = cells * cells;
    // In each layer 2 products of queries and keys, or weights and values, forward, and 4 backward.
    const double attention = 3 * (2 + 4) * (2 * pairs * 12);
    // Distances of predicted to observed cells, and of half of the pairs within each, there and
    // back.
    const double energy = 2 * (1 + 0.5 + 0.5) * (2 * pairs * 17);
    CHECK(vcell_bench::state_transition_flops(config, sets, cells) ==
          Approx(of_weights(config, sets, cells) + sets * (attention + energy)).epsilon(1e-12));
  }
}

TEST_CASE("model work: a step of State Embedding has the products of its weights") {
  for (const size_t datasets : {0, 3}) {
    const StateEmbeddingConfig config{.gene_width = 13,
                                      .width = 8,
                                      .layers = 3,
                                      .heads = 2,
                                      .mlp_width = 11,
                                      .output_width = 9,
                                      .sentence_length = 10,
                                      .datasets = datasets};
    const double cells = 4, genes = 21, tasks = 6, length = datasets ? 11 : 10;
    const double attention = cells * 3 * (2 + 4) * (2 * length * length * 8);
    CHECK(vcell_bench::state_embedding_flops(config, cells, genes, tasks).step() ==
          Approx(of_weights(config, cells, genes, tasks) + attention).epsilon(1e-12));
  }
}
