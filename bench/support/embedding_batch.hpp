// Cells as State Embedding reads them, drawn.
#pragma once

#include "support/random_numbers.hpp"
#include "vcell/models/state_embedding_step.hpp"

namespace vcell_bench {

/// @param genes   distinct ones, of which the cells' are drawn
/// @param tasks   of each cell
/// @param shared  of them, that all cells share
inline vcell::EmbeddingBatch<float> embedding_batch(const vcell::StateEmbeddingConfig& c,
                                                    size_t cells, size_t genes, size_t tasks,
                                                    size_t shared) {
  using vcell::Tensor;
  vcell::EmbeddingBatch<float> batch;
  batch.genes = random<2>({genes, c.gene_width}, 1);
  const size_t length = c.sentence_length;
  vcell::Rng rng(2);
  const auto draw = [&](Tensor<int32_t, 2>& rows) {
    for (int32_t& row : rows.values()) row = int32_t(rng.below(genes));
  };
  batch.sentence = Tensor<int32_t, 2>({cells, length});
  batch.task_genes = Tensor<int32_t, 2>({cells, tasks});
  draw(batch.sentence);
  draw(batch.task_genes);
  batch.values = random<2>({cells, length}, 3);
  batch.targets = random<2>({cells, tasks}, 4);
  batch.shared = shared;
  batch.dataset = Tensor<int32_t, 1>({cells});
  return batch;
}

}  // namespace vcell_bench
