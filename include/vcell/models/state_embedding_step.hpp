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

/// A batch on a device, but for the vectors of its genes, which all batches may share.
template <class T, class Device = Cpu>
struct LoadedEmbeddingBatch {
  SentenceRows<Device> sentence;
  Variable<T, 2, Device> values, targets;  ///< (B, L), (B, N)
  Variable<T, 1, Device> depth;            ///< (B) read_depth of targets
  TaskGeneRows<Device> task_genes;
  Indices<1, Device> dataset;
  size_t shared = 0;

  /// Brings a batch there; one of the shapes that the last one had comes to lie in its places.
  /// @param batch     its genes are not read
  /// @param genes     how many vectors its rows speak of
  /// @param datasets  whether the model has a dataset token
  /// @throws ShapeError if the batch does not fit itself
  void send(const EmbeddingBatch<T>& batch, size_t genes, bool datasets) {
    check_shape_match("run_state_embedding", "shape of task_genes", batch.task_genes.shape(),
                      "shape of targets", batch.targets.shape());
    sentence.send(batch.sentence, genes, datasets);
    vcell::send(batch.values, values);
    vcell::send(batch.targets, targets);
    vcell::send(read_depth(batch.targets), depth);
    task_genes.send(batch.task_genes);
    if (datasets) dataset.send(batch.dataset);
    shared = batch.shared;
  }
};

/// Encodes genes, embeds cells and predicts their task genes.
/// @throws ShapeError if the batch does not fit itself or the model
template <class T, class Device>
EmbeddingRun<T, Device> run_state_embedding(const StateEmbedding<T, Device>& model,
                                            const GeneVectors<T, Device>& genes,
                                            const LoadedEmbeddingBatch<T, Device>& batch,
                                            const Pass<Device>& pass = {}) {
  EmbeddingRun<T, Device> run;
  run.genes = model.encode(genes);
  run.cells = model.embed(run.genes, batch.sentence, batch.values, pass);
  run.decoded = model.predict(run.genes, run.cells, batch.task_genes, batch.depth);
  return run;
}
template <class T, class Device>
EmbeddingRun<T, Device> run_state_embedding(const StateEmbedding<T, Device>& model,
                                            EmbeddingBatch<T> batch,
                                            const Pass<Device>& pass = {}) {
  LoadedEmbeddingBatch<T, Device> loaded;
  loaded.send(batch, batch.genes.shape(0), model.config().datasets > 0);
  const GeneVectors<T, Device> genes(std::move(batch.genes), model.config().width);
  return run_state_embedding(model, genes, loaded, pass);
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
                                                const GeneVectors<T, Device>& genes,
                                                const LoadedEmbeddingBatch<T, Device>& batch,
                                                const Pass<Device>& pass = {}) {
  const auto run = run_state_embedding(model, genes, batch, pass);
  EmbeddingLosses<T, Device> out;
  out.genes = state_embedding_loss(model.config(), run.decoded, batch.targets, batch.shared);
  out.total = out.genes;
  if (!model.config().datasets) return out;
  out.dataset = cross_entropy(model.dataset_logits(run.cells, pass), batch.dataset);
  out.total = add(out.genes, out.dataset);
  return out;
}
template <class T, class Device>
EmbeddingLosses<T, Device> state_embedding_step(const StateEmbedding<T, Device>& model,
                                                EmbeddingBatch<T> batch,
                                                const Pass<Device>& pass = {}) {
  LoadedEmbeddingBatch<T, Device> loaded;
  loaded.send(batch, batch.genes.shape(0), model.config().datasets > 0);
  const GeneVectors<T, Device> genes(std::move(batch.genes), model.config().width);
  return state_embedding_step(model, genes, loaded, pass);
}

VCELL_END_NAMESPACE
