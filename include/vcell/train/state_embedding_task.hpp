#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/models/state_embedding_step.hpp"
#include "vcell/models/trained_embedding.hpp"
#include "vcell/sets/prefetch.hpp"
#include "vcell/sets/sentence_source.hpp"
#include "vcell/train/recorded_steps.hpp"
#include "vcell/train/train_state.hpp"

VCELL_BEGIN_NAMESPACE

struct StateEmbeddingTaskOptions {
  /// Sentences, task genes, batches and seed, which is that of dropout too. What the model's
  /// configuration says (the sentence, binary targets) is taken from there.
  SentenceSourceOptions sentences = {};
  PrefetchOptions prefetch = {};
  /// Batches of validation cells that are measured, the first ones; 0: all.
  size_t validation_batches = 64;
};

/// Training of a State Embedding model on cells, for Trainer::run: batches of sentences in, the
/// configuration's loss out. Batches are made ahead in the background, the same for any number of
/// threads.
///
/// A batch has genes of its own, which the gene encoder is applied to. Where a device can record
/// steps it is applied to all genes of the cells instead, so that all batches are of one shape:
/// their vectors lie there for good, and take G (E + d) numbers.
///
///   StateEmbeddingTask task(model, table, cells, training, validation, {}, trainer.batches());
///   trainer.run(task);
template <class T = float, class Device = Cpu>
class StateEmbeddingTask {
 public:
  /// @param model       must outlive the task, like table and cells
  /// @param table       that the model knows genes by
  /// @param training    cells that are trained on
  /// @param validation  cells that are measured; none: nothing is
  /// @param first       the batch of the first loss, when training is resumed
  /// @throws ShapeError or ConfigError if widths, datasets or sets do not fit each other, or there
  ///         is no cell to train on
  StateEmbeddingTask(const StateEmbedding<T, Device>& model, const GeneTable& table,
                     const SentenceCells& cells, std::vector<size_t> training,
                     std::vector<size_t> validation, const StateEmbeddingTaskOptions& options = {},
                     uint64_t first = 0);

  /// The training loss of a batch; batches come in order.
  /// @throws Error if it is not the next one
  Variable<T, 0, Device> loss(const TrainingStep<Device>& step) {
    load(step);
    return loss_of_loaded(step);
  }

  /// The first half of that: the batch is brought to the device, where the last one lay.
  /// @return what has to be equal for the second half to be the same work
  BatchShape load(const TrainingStep<Device>& step);
  /// The second half, which reads and sends nothing that differs between steps.
  Variable<T, 0, Device> loss_of_loaded(const TrainingStep<Device>& step) const {
    return loss_of(loaded_, {.training = true, .seed = seed_, .step = step});
  }

  /// The mean loss over the validation batches; nothing if there are none.
  std::optional<Validation> validation_loss();

  /// Genes that the encoder was applied to in the batch that was trained on last.
  size_t batch_genes() const { return batch_genes_; }

 private:
  static SentenceSourceOptions fitted(const StateEmbeddingConfig& c, const SentenceCells& cells,
                                      SentenceSourceOptions options);
  static constexpr bool has_all_genes = Recording<Device>::is_possible;

  struct Loaded {
    GeneVectors<T, Device> genes;  // of the batch, unless all are there
    LoadedEmbeddingBatch<T, Device> batch;
  };
  void load(const SentenceBatch& batch, Loaded& out) const;
  Variable<T, 0, Device> loss_of(const Loaded& loaded, const Pass<Device>& pass) const {
    return state_embedding_step(*model_, has_all_genes ? genes_ : loaded.genes, loaded.batch, pass)
        .total;
  }

  const StateEmbedding<T, Device>* model_;
  const GeneTable* table_;
  uint64_t seed_;
  SentenceSource training_, validation_;
  size_t validation_batches_, batch_genes_ = 0;
  Prefetch<SentenceBatch> prefetch_;
  GeneVectors<T, Device> genes_;  // all of the cells'
  Loaded loaded_;                 // of training
};

template <class T, class Device>
SentenceSourceOptions StateEmbeddingTask<T, Device>::fitted(const StateEmbeddingConfig& c,
                                                            const SentenceCells& cells,
                                                            SentenceSourceOptions options) {
  options.sentence = sentence_options(c);
  options.all_genes = has_all_genes;
  options.tasks.binary = c.loss == EmbeddingLoss::binary_cross_entropy;
  const bool tabular = c.loss == EmbeddingLoss::tabular || c.loss == EmbeddingLoss::tabular_sets;
  if (!tabular) options.tasks.shared = 0;
  const size_t rows = options.batch_size * options.copies;
  if (rows % c.set_size)
    throw ConfigError(message("StateEmbeddingTask: ", options.batch_size, " cells in ",
                              options.copies, " copies are no sets of ", c.set_size,
                              " (config.set_size); give a multiple of it"));
  if (c.set_size > 1 && c.loss != EmbeddingLoss::tabular_sets && c.set_size != options.copies)
    throw ConfigError(message("StateEmbeddingTask: config.set_size is ", c.set_size,
                              " and there are ", options.copies, " copies of a cell; the copies ",
                              "are one set, but for tabular_sets"));
  if (c.datasets) {
    check_size_match("StateEmbeddingTask", "datasets of cells", cells.dataset.size(), "cells",
                     cells.x.rows);
    for (const int32_t d : cells.dataset)
      check_index("StateEmbeddingTask", "dataset of a cell", d, c.datasets);
  }
  return options;
}

template <class T, class Device>
StateEmbeddingTask<T, Device>::StateEmbeddingTask(
    const StateEmbedding<T, Device>& model, const GeneTable& table, const SentenceCells& cells,
    std::vector<size_t> training, std::vector<size_t> validation,
    const StateEmbeddingTaskOptions& options, uint64_t first)
    : model_(&model),
      table_(&table),
      seed_(options.sentences.seed),
      training_(cells, std::move(training), fitted(model.config(), cells, options.sentences)),
      validation_(cells, std::move(validation), training_.options()),
      validation_batches_(options.validation_batches
                              ? std::min(options.validation_batches, validation_.batches())
                              : validation_.batches()),
      prefetch_([this](uint64_t n, SentenceBatch& out) { training_.read(n, out); }, first,
                options.prefetch) {
  check_size_match("StateEmbeddingTask", "width of the gene table", table.width(),
                   "config.gene_width", model.config().gene_width);
  check_positive("StateEmbeddingTask", "number of cells to train on", training_.cells());
  for (const int32_t row : cells.table_rows)
    check_index("StateEmbeddingTask", "row of the table", row, table.names().size());
  if constexpr (has_all_genes)
    genes_ = {gene_vectors<T>(table, cells.table_rows), model.config().width};
}

template <class T, class Device>
BatchShape StateEmbeddingTask<T, Device>::load(const TrainingStep<Device>& step) {
  if (step.number != prefetch_.number())
    throw Error(message("StateEmbeddingTask: batch ", step.number, " was asked for after batch ",
                        prefetch_.number(), " had been prepared; make the task with the batch ",
                        "that training starts at"));
  const SentenceBatch& batch = prefetch_.next();
  batch_genes_ = batch.table_rows.size();
  load(batch, loaded_);
  return {batch.sentence.shape(0), batch.sentence.shape(1), batch.task_genes.shape(1)};
}

template <class T, class Device>
std::optional<Validation> StateEmbeddingTask<T, Device>::validation_loss() {
  if (validation_batches_ == 0) return std::nullopt;
  const NoGrad no_grad;
  double sum = 0;
  SentenceBatch batch;
  Loaded loaded;
  for (size_t i = 0; i < validation_batches_; ++i) {
    validation_.read_pass(i, batch);
    load(batch, loaded);
    sum += double(to_host(loss_of(loaded, {}).value())());
  }
  return Validation{sum / double(validation_batches_)};
}

template <class T, class Device>
void StateEmbeddingTask<T, Device>::load(const SentenceBatch& batch, Loaded& out) const {
  if constexpr (!has_all_genes) {
    out.genes = {};  // before the next ones are made
    out.genes = {gene_vectors<T>(*table_, batch.table_rows), model_->config().width};
  }
  out.batch.send({.genes = {},
                  .sentence = batch.sentence,
                  .values = cast<T>(batch.values),
                  .task_genes = batch.task_genes,
                  .targets = cast<T>(batch.targets),
                  .shared = batch.shared,
                  .dataset = batch.dataset},
                 batch.table_rows.size(), model_->config().datasets > 0);
}

VCELL_INSTANTIATE(models, class StateEmbeddingTask<float>);

VCELL_END_NAMESPACE
