#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/core/machine_memory.hpp"
#include "vcell/core/peak_memory.hpp"
#include "vcell/pipeline/prepare_embedding.hpp"
#include "vcell/pipeline/step_times.hpp"
#include "vcell/train/trainer.hpp"

VCELL_BEGIN_NAMESPACE

/// What training of State Embedding would be, as far as it can be known without it.
struct EmbeddingDryRun : TrainingTime {
  size_t training_cells = 0, validation_cells = 0;
  size_t genes = 0;           ///< of the file
  size_t matched_genes = 0;   ///< of them, that have a vector
  size_t distinct_genes = 0;  ///< of one batch, which the gene encoder is applied to
  size_t parameters = 0;
  double memory = 0;          ///< bytes, the most so far: everything that training needs
  double machine_memory = 0;  ///< bytes that there are; 0 when not known
};

/// Finds out whether a training would begin, and what it would need: reads the cells and the gene
/// table, makes the model, takes a few steps. Nothing is written.
/// @param steps  that are taken at most
/// @throws as train_embedding_in_folder
template <class = void>
EmbeddingDryRun dry_run_embedding(const Experiment& e, const Callbacks& callbacks = {},
                                  uint64_t steps = 6) {
  check_embedding_experiment("dry_run_embedding", e);
  PreparedEmbedding p = prepare_embedding(e, callbacks);
  Experiment started = e;
  start_embedding(p, started, callbacks);
  StepTimes times(p.options, steps);
  Trainer<float> trainer(p.model.model.parameters(), p.options);
  auto task = p.task(e);
  bool stopped = false;
  times.begin();
  trainer.run(task, {.progress =
                         [&](const ProgressUpdate& update) {
                           stopped = callbacks.progress && !callbacks.progress(update);
                           return !stopped && !times.is_done();
                         },
                     .metrics = [&](const MetricsRow& row) { times.add(row); }});
  if (stopped) throw Stopped("stopped while steps were timed");
  EmbeddingDryRun out{times.found()};
  out.training_cells = p.training.size();
  out.validation_cells = p.validation.size();
  out.genes = p.data.genes;
  out.matched_genes = p.data.matched_genes();
  out.distinct_genes = task.batch_genes();
  out.parameters = p.model.model.parameters().count();
  out.memory = peak_memory();
  out.machine_memory = detail::machine_memory();
  return out;
}

VCELL_INSTANTIATE(folders, EmbeddingDryRun dry_run_embedding<void>(const Experiment&,
                                                                   const Callbacks&, uint64_t));

VCELL_END_NAMESPACE
