// A step of State Embedding on any device beside the goldens.
#pragma once

#include <string>

#include "support/catch.hpp"
#include "support/largest_error.hpp"
#include "support/state_embedding_golden.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/models/state_embedding_loss.hpp"
#include "vcell/models/state_embedding_step.hpp"

namespace vcell_test {

/// What the golden batch asks of a model.
template <class T>
vcell::EmbeddingBatch<T> batch_of(const StateEmbeddingGolden& golden) {
  vcell::EmbeddingBatch<T> batch;
  batch.genes = golden.genes<T>();
  batch.sentence = golden.tensor<int32_t, 2>("batch.sentence");
  batch.values = golden.tensor<T, 2>("batch.sentence_values");
  batch.task_genes = golden.tensor<int32_t, 2>("batch.task_genes");
  batch.targets = golden.tensor<T, 2>("batch.task_targets");
  if (golden.config().loss == vcell::EmbeddingLoss::tabular)
    batch.shared = golden.setting("dataset", "S");
  if (golden.config().datasets) batch.dataset = golden.tensor<int32_t, 1>("batch.dataset");
  return batch;
}

/// What is allowed of decoded genes and losses, which the depth of a cell that is rounded to
/// float32 goes into; but for a loss that asks whether a gene is there.
template <class T>
double loose_bound(const vcell::StateEmbeddingConfig& config) {
  if (sizeof(T) == 4) return 1e-5;
  return config.loss == vcell::EmbeddingLoss::binary_cross_entropy ? 1e-12 : 1e-6;
}

/// Checks what a model makes of the batch (embeddings of cells, genes and datasets, decoded genes),
/// its loss and every gradient.
template <class T, class Device>
void check_state_embedding_step(const StateEmbeddingGolden& golden) {
  using namespace vcell;
  constexpr bool wide = sizeof(T) == 8;
  const auto config = golden.config();
  const auto model = golden.model<T, Device>();
  const auto expected = [&](const std::string& key) {
    return golden.data.tensors.at("f64." + key).template as<double>();
  };
  const auto near = [&](const auto& ours, const std::string& key, double bound) {
    INFO(key);
    const auto numbers = expected(key);
    CHECK(ours.count() == numbers.size());
    const double error = relative_error(to_host(ours.value()).values(), numbers);
    CHECK(error < bound);
  };
  const auto batch = batch_of<T>(golden);
  const double tight = wide ? 1e-12 : 1e-5, loose = loose_bound<T>(config);
  {
    const auto run = run_state_embedding(model, batch);
    near(run.cells.cell, "cell_embedding", tight);
    near(embedding(batch.task_genes, run.genes.task_genes), "task_gene_embedding", tight);
    if (config.datasets) {
      near(run.cells.dataset, "dataset_embedding", tight);
      near(concatenate(run.cells.cell, run.cells.dataset, 1), "X_emb", tight);
    }
    const auto input =
        model.decoder_input(run.genes, run.cells, batch.task_genes,
                            Variable<T, 1, Device>(to_device<Device>(read_depth(batch.targets))));
    near(input, "decoder_input", loose);
    near(model.decode(input), "decoded", loose);
    near(run.decoded, "decoded", loose);
  }
  const auto loss = state_embedding_step(model, batch);
  const double total = golden.description.at("f64").at("losses").at(0);
  CHECK(double(to_host(loss.total.value())()) == Approx(total).epsilon(loose));
  if (config.datasets) {
    const double dataset = golden.description.at("f64").at("terms").at("trainer/dataset_loss");
    CHECK(double(to_host(loss.dataset.value())()) == Approx(dataset).epsilon(tight));
  }
  backward(loss.total);
  double largest = 0;
  for (const auto& p : model.parameters().all())
    largest = worse(largest, largest_magnitude(to_host(p.gradient()).values()));
  for (const auto& p : model.parameters().all()) {
    INFO(p.name);
    const auto g = expected("grad." + p.name);
    REQUIRE(g.size() == p.count);
    const double allowed =
        (wide ? loose : 1e-4) * largest_magnitude(g) + (wide ? 1e-12 : 1e-6) * largest;
    const double error = largest_difference(to_host(p.gradient()).values(), g);
    INFO("error " << error << ", allowed " << allowed << ", largest " << largest_magnitude(g));
    const bool within = error <= allowed;
    CHECK(within);
  }
}

}  // namespace vcell_test
