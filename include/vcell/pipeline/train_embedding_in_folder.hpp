#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/match_genes.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/run_folder.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/train/embedding_folder.hpp"
#include "vcell/train/gene_table_file.hpp"
#include "vcell/train/state_embedding_task.hpp"

VCELL_BEGIN_NAMESPACE

struct TrainEmbeddingOptions {
  OldRun old = OldRun::keep;
  /// The folder is this run's: what is written there now stays.
  std::function<void()> begun = {};
  Callbacks callbacks = {};
};

namespace detail {

/// The table that the settings name, or one of the data's own genes.
template <class = void>
GeneTable gene_table_of(const StateEmbeddingSettings& s, const DataFrame& var, uint64_t seed) {
  if (!s.makes_table()) return read_gene_table(s.gene_table);
  const auto text = s.gene_column.empty() ? var.index : var.column(s.gene_column).text();
  std::vector<std::string> names;  // each once
  const NamePlaces places(text);
  for (size_t g = 0; g < text.size(); ++g)
    if (!text[g].empty() && places.find(text[g]) == g) names.push_back(text[g]);
  if (s.gene_table == "identity") return GeneTable::identity(std::move(names));
  return GeneTable::random(std::move(names), s.gene_table_width, seed);
}

/// Cells to train on and to validate with, each in its order: a share of all, drawn by the seed.
template <class = void>
std::pair<std::vector<size_t>, std::vector<size_t>> hold_out_share(size_t cells, double share,
                                                                   uint64_t seed) {
  Rng rng(seed, stream_of("validation of embeddings"));
  auto order = permutation(cells, rng);
  const auto held = order.begin() + std::ptrdiff_t(std::floor(share * double(cells)));
  std::pair out{std::vector<size_t>(held, order.end()), std::vector<size_t>(order.begin(), held)};
  std::ranges::sort(out.first);
  std::ranges::sort(out.second);
  return out;
}

}  // namespace detail

/// Trains State Embedding as an experiment says, in a folder: checkpoints, metrics.csv, model/. The
/// cells are those of [data] path, in memory with the genes that have a vector; their perturbations
/// play no part.
/// @return  the model, with the parameters of the best validation
/// @throws ConfigError, IoError, FormatError; Stopped with a last checkpoint written
template <class = void>
TrainedEmbedding train_embedding_in_folder(const Experiment& e, const std::filesystem::path& path,
                                           const TrainEmbeddingOptions& options = {}) {
  const RunFolder folder(path);
  const Callbacks& callbacks = options.callbacks;
  const StateEmbeddingSettings& s = e.embedding;
  const TrainOptions& t = e.training;
  folder.check(options.old);
  check_experiment(e);
  if (e.kind != ModelKind::state_embedding)
    throw ConfigError(message("train_embedding_in_folder: [model] kind is ", name_of_choice(e.kind),
                              ", expected state_embedding"));
  if (options.old == OldRun::resume) check_data_files(folder / "data.csv", e, callbacks);
  std::vector<std::string> remarks;
  AnnData adata = read_h5ad(e.data, {.X = false, .warnings = &remarks});
  const H5adRows X(e.data, {.warnings = &remarks});
  for (const std::string& remark : remarks) note(callbacks, remark);
  note(callbacks, e.data, ": ", adata.cells(), " cells x ", adata.genes(), " genes");
  const auto scale = declared_scale(adata, X, e.scale);
  if (scale.inferred)
    note(callbacks, "X holds whole numbers only: they are taken for counts (--scale counts)");
  GeneTable table = detail::gene_table_of(s, adata.var, t.seed);
  const auto match =
      match_genes(adata.var, table.names(), {.column = s.gene_column, .least_share = s.gene_share});
  note(callbacks, match.report());
  auto cells = sentence_cells(X, match.rows, scale.scale == Scale::counts);
  StateEmbeddingConfig config = s;
  config.gene_width = table.width();
  if (config.loss != EmbeddingLoss::tabular_sets) config.set_size = s.copies;
  std::vector<std::string> datasets;
  if (!s.dataset_key.empty()) {
    Factor of_cell = factor(adata.obs.column(s.dataset_key));
    const auto missing = std::ranges::find(of_cell.codes, -1);
    if (missing != of_cell.codes.end())
      throw ConfigError(message("[genes] dataset_key ", quoted(s.dataset_key), ": the cell ",
                                quoted(adata.obs.index[size_t(missing - of_cell.codes.begin())]),
                                " has none; every cell needs a dataset"));
    cells.dataset = std::move(of_cell.codes);
    datasets = std::move(of_cell.names);
  }
  config.datasets = datasets.size();
  TrainedEmbedding model{StateEmbedding<float>(config, t.seed), std::move(table),
                         std::move(datasets), scale.scale};
  note(callbacks, "State Embedding: ", model.model.parameters().count(), " parameters, width ",
       config.width, ", ", config.layers, " layers, ", config.heads, " heads, MLP ",
       config.mlp_width, ", sentences of ", config.sentence_length, "; ", t.max_steps, " steps of ",
       t.accumulate * s.batch_size, " cells");
  const TrainingHooks hooks = folder.hooks(e, options.old,
                                           []() -> const SplitSpec& {
                                             static const SplitSpec none;
                                             return none;
                                           },
                                           {});
  Trainer<float> trainer(model.model.parameters(), t);
  if (hooks.restore) hooks.restore(trainer);
  if (trainer.state().step) note(callbacks, "going on after step ", trainer.state().step);
  auto [training, validation] = detail::hold_out_share(cells.x.rows, e.validation, t.seed);
  StateEmbeddingTaskOptions task_options;
  task_options.sentences = {.tasks = s.tasks,
                            .batch_size = s.batch_size,
                            .copies = s.copies,
                            .least_fraction = s.least_fraction,
                            .seed = t.seed};
  task_options.validation_batches = e.validation_batches;
  StateEmbeddingTask<float> task(model.model, model.genes, cells, std::move(training),
                                 std::move(validation), task_options, trainer.batches());
  if (options.old != OldRun::resume) folder.begin(e, SplitSpec(), Anchor::none);
  if (options.begun) options.begun();
  const auto result = trainer.run(
      task, {.progress = callbacks.progress,
             .metrics = hooks.metrics,
             .checkpoint = [&](CheckpointKind kind) { hooks.checkpoint(trainer, kind); }});
  if (result.stopped)
    throw Stopped(message("stopped after step ", result.state.step, " of ", t.max_steps));
  trainer.use_best();
  if (result.state.best_step)
    note(callbacks, "the model of step ", result.state.best_step, " is kept: validation loss ",
         std::round(result.state.best_validation_loss * 1e4) / 1e4);
  else
    note(callbacks, "nothing to validate on: the model of the last step is kept");
  save_embedding(folder / "model", model);
  return model;
}

VCELL_INSTANTIATE(folders,
                  TrainedEmbedding train_embedding_in_folder<void>(const Experiment&,
                                                                   const std::filesystem::path&,
                                                                   const TrainEmbeddingOptions&));

VCELL_END_NAMESPACE
