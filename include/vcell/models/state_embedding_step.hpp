#pragma once

#include "vcell/models/state_embedding.hpp"
#include "vcell/models/state_embedding_loss.hpp"
#include "vcell/ops/cross_entropy.hpp"

VCELL_BEGIN_NAMESPACE

/// Cells with what there is to predict of them, on the host.
template <class T = float>
struct EmbeddingBatch {
  Tensor<T, 2> genes;               ///< (K, E) vectors of the genes that rows below speak of
  Tensor<int32_t, 2> sentence;      ///< (B, L) rows of genes; column 0 stands for CLS
  Tensor<T, 2> values;              ///< (B, L) 100 x the share of each token
  Tensor<int32_t, 2> task_genes;    ///< (B, N) rows of genes
  Tensor<T, 2> targets;             ///< (B, N) log expression, or 0 and 1
  size_t shared = 0;                ///< how many task genes, the last ones, all cells share
  Tensor<int32_t, 1> dataset = {};  ///< (B) of a model with a dataset token
};

/// A batch after its pass through the model.
template <class T, class Device = Cpu>
struct EmbeddingRun {
  EncodedGenes<T, Device> genes;
  EmbeddedCells<T, Device> cells;
  Variable<T, 2, Device> decoded;  ///< (B, N)
};

/// The mean of each row's entries that are not 0, in float whatever T is; 0 where all are.
/// @param targets  (B, N)
template <class T>
Tensor<T, 1> read_depth(const Tensor<T, 2>& targets) {
  Tensor<T, 1> depth({targets.shape(0)});
  for (size_t b = 0; b < targets.shape(0); ++b) {
    float sum = 0;
    size_t count = 0;
    for (const T v : targets[b]) {
      sum += float(v);
      count += v != 0;
    }
    depth(b) = T(count ? sum / float(count) : 0.f);
  }
  return depth;
}

/// Encodes genes, embeds cells and predicts their task genes.
/// @throws ShapeError if the batch does not fit itself or the model
template <class T, class Device>
EmbeddingRun<T, Device> run_state_embedding(const StateEmbedding<T, Device>& model,
                                            EmbeddingBatch<T> batch,
                                            const Pass<Device>& pass = {}) {
  check_shape_match("run_state_embedding", "shape of task_genes", batch.task_genes.shape(),
                    "shape of targets", batch.targets.shape());
  EmbeddingRun<T, Device> run;
  run.genes = model.encode(std::move(batch.genes));
  run.cells = model.embed(run.genes, batch.sentence,
                          Variable<T, 2, Device>(to_device<Device>(batch.values)), pass);
  run.decoded = model.predict(run.genes, run.cells, batch.task_genes,
                              Variable<T, 1, Device>(to_device<Device>(read_depth(batch.targets))));
  return run;
}

/// The loss of a training step and its parts.
template <class T, class Device = Cpu>
struct EmbeddingLosses {
  Variable<T, 0, Device> total;    ///< what is trained on
  Variable<T, 0, Device> genes;    ///< of task genes (state_embedding_loss)
  Variable<T, 0, Device> dataset;  ///< cross entropy of the dataset; empty without its token
};

/// The loss of a batch: that of its task genes, plus that of naming the cells' datasets.
/// @throws ShapeError also if the batch has another number of datasets' labels than cells
template <class T, class Device>
EmbeddingLosses<T, Device> state_embedding_step(const StateEmbedding<T, Device>& model,
                                                EmbeddingBatch<T> batch,
                                                const Pass<Device>& pass = {}) {
  const size_t shared = batch.shared;
  const Variable<T, 2, Device> targets(to_device<Device>(batch.targets));
  auto dataset = std::move(batch.dataset);
  const auto run = run_state_embedding(model, std::move(batch), pass);
  EmbeddingLosses<T, Device> out;
  out.genes = state_embedding_loss(model.config(), run.decoded, targets, shared);
  out.total = out.genes;
  if (!model.config().datasets) return out;
  out.dataset = cross_entropy(model.dataset_logits(run.cells, pass), std::move(dataset));
  out.total = add(out.genes, out.dataset);
  return out;
}

VCELL_END_NAMESPACE
