#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/match_genes.hpp"
#include "vcell/pipeline/state_transition_predictor.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/train/state_embedding_task.hpp"

VCELL_BEGIN_NAMESPACE

/// What a model of State Embedding is trained on, and the model before that.
struct PreparedEmbedding {
  size_t cells = 0, genes = 0;               ///< of the file
  GeneMatch match;                           ///< its genes in the table
  SentenceCells sentences;                   ///< all cells, with the genes that have a vector
  std::vector<size_t> training, validation;  ///< cells
  TrainOptions options;                      ///< with the steps that epochs are
  TrainedEmbedding model;                    ///< not trained

  /// Training of the model on the cells; this must outlive it and stay where it is.
  /// @param first  the batch of the first loss, when training is resumed
  template <class = void>
  StateEmbeddingTask<float> task(const Experiment& e, uint64_t first = 0) const;
};

/// The table that is made from the names of the data's own genes, where the settings want one.
template <class = void>
GeneTable make_gene_table(const StateEmbeddingSettings& s, const DataFrame& var, uint64_t seed) {
  const auto text = s.gene_column.empty() ? var.index : var.column(s.gene_column).text();
  std::vector<std::string> names;  // each once
  const NamePlaces places(text);
  for (size_t g = 0; g < text.size(); ++g)
    if (!text[g].empty() && places.find(text[g]) == g) names.push_back(text[g]);
  if (s.gene_table == "identity") return GeneTable::identity(std::move(names));
  return GeneTable::random(std::move(names), s.gene_table_width, seed);
}

namespace detail {

/// Cells to train on and to validate with, each in its order: a share of all, drawn by the seed.
template <class = void>
std::pair<std::vector<size_t>, std::vector<size_t>> hold_out_share(std::span<const size_t> cells,
                                                                   double share, uint64_t seed) {
  Rng rng(seed, stream_of("validation of embeddings"));
  std::vector<size_t> order;
  for (const size_t i : permutation(cells.size(), rng)) order.push_back(cells[i]);
  const auto held = order.begin() + std::ptrdiff_t(std::floor(share * double(cells.size())));
  std::pair out{std::vector<size_t>(held, order.end()), std::vector<size_t>(order.begin(), held)};
  std::ranges::sort(out.first);
  std::ranges::sort(out.second);
  return out;
}

}  // namespace detail

template <class>
StateEmbeddingTask<float> PreparedEmbedding::task(const Experiment& e, uint64_t first) const {
  const StateEmbeddingSettings& s = e.embedding;
  StateEmbeddingTaskOptions task_options;
  task_options.sentences = {.tasks = s.tasks,
                            .batch_size = s.batch_size,
                            .copies = s.copies,
                            .least_fraction = s.least_fraction,
                            .seed = options.seed};
  task_options.validation_batches = e.validation_batches;
  return {model.model, model.genes, sentences, training, validation, task_options, first};
}

/// The cells of data with what an experiment says of genes and datasets, and a new model.
/// @param table   that the model is to know genes by
/// @param X       of adata, in memory or not; the genes that have a vector are kept
/// @param chosen  cells that are trained on, and validated with, by [split] validation; what the
///                others hold changes nothing
/// @throws ConfigError naming the setting that does not fit the data
template <class S>
PreparedEmbedding embedding_on(const Experiment& e, GeneTable table, const AnnData& adata,
                               const S& X, std::span<const size_t> chosen,
                               const Callbacks& callbacks = {}) {
  const StateEmbeddingSettings& s = e.embedding;
  TrainOptions t = e.training;
  const auto scale = declared_scale(adata, X, e.scale);
  if (scale.inferred)
    note(callbacks, "X holds whole numbers only: they are taken for counts (--scale counts)");
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
  auto [training, validation] = detail::hold_out_share(chosen, e.validation, t.seed);
  if (s.epochs > 0) {
    const double batches = std::floor(double(training.size()) / double(s.batch_size));
    t.max_steps = uint64_t(std::max(1.0, std::ceil(s.epochs * batches / double(t.accumulate))));
    check_train_options(t);
  }
  PreparedEmbedding out{
      adata.cells(),
      adata.genes(),
      match,
      std::move(cells),
      std::move(training),
      std::move(validation),
      t,
      {StateEmbedding<float>(config, t.seed), std::move(table), std::move(datasets), scale.scale}};
  note(callbacks, "State Embedding: ", out.model.model.parameters().count(), " parameters, width ",
       config.width, ", ", config.layers, " layers, ", config.heads, " heads, MLP ",
       config.mlp_width, ", sentences of ", config.sentence_length, "; ", t.max_steps, " steps of ",
       t.accumulate * s.batch_size, " cells");
  return out;
}

/// Trains its model as an experiment says, from which it was made.
/// @param hooks  but for `member` and `begin`
/// @param begin  called when data and settings were found to fit
/// Then it has the parameters of the best validation.
/// @throws ConfigError; Stopped, after a last checkpoint
template <class = void>
void train_embedding(const Experiment& e, PreparedEmbedding& p, const Callbacks& callbacks = {},
                     const TrainingHooks& hooks = {}, const std::function<void()>& begin = {}) {
  Trainer<float> trainer(p.model.model.parameters(), p.options);
  if (hooks.restore) hooks.restore(trainer);
  if (trainer.state().step) note(callbacks, "going on after step ", trainer.state().step);
  StateEmbeddingTask<float> task = p.task(e, trainer.batches());
  if (begin) begin();
  TrainCallbacks told{.progress = callbacks.progress, .metrics = hooks.metrics};
  if (hooks.checkpoint)
    told.checkpoint = [&](CheckpointKind kind) { hooks.checkpoint(trainer, kind); };
  const auto result = trainer.run(task, told);
  if (result.stopped)
    throw Stopped(message("stopped after step ", result.state.step, " of ", p.options.max_steps));
  trainer.use_best();
  if (result.state.best_step)
    note(callbacks, "the model of step ", result.state.best_step, " is kept: validation loss ",
         std::round(result.state.best_validation_loss * 1e4) / 1e4);
  else
    note(callbacks, "nothing to validate on: the model of the last step is kept");
}

VCELL_INSTANTIATE(pipeline, void train_embedding<void>(const Experiment&, PreparedEmbedding&,
                                                       const Callbacks&, const TrainingHooks&,
                                                       const std::function<void()>&));

VCELL_END_NAMESPACE
