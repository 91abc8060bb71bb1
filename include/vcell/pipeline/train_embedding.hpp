#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/match_genes.hpp"
#include "vcell/pipeline/state_transition_predictor.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/train/state_embedding_task.hpp"

VCELL_BEGIN_NAMESPACE

/// Cells of one file or several, as State Embedding is trained on them.
struct EmbeddingCells {
  size_t genes = 0;         ///< of the first file
  std::string gene_report;  ///< for people: which of them have a vector
  SentenceCells sentences;  ///< all cells, with the genes that have a vector in every file
  std::vector<std::string> datasets;  ///< that sentences.dataset numbers
  Scale scale = Scale::counts;        ///< of what the files hold

  size_t cells() const { return sentences.x.rows; }
  size_t matched_genes() const { return sentences.table_rows.size(); }
};

/// What a model of State Embedding is trained on, and the model before that.
struct PreparedEmbedding {
  EmbeddingCells data;
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
  return {model.model, model.genes, data.sentences, training, validation, task_options, first};
}

/// The cells of a file with what an experiment says of genes and datasets.
/// @param table    that the model is to know genes by
/// @param X        of adata, in memory or not; the genes that have a vector are kept
/// @param dataset  the file's name as a dataset, with [genes] file_datasets
/// @throws ConfigError naming the setting that does not fit the data
template <class S>
EmbeddingCells embedding_cells(const Experiment& e, const GeneTable& table, const AnnData& adata,
                               const S& X, const std::string& dataset,
                               const Callbacks& callbacks = {}) {
  const StateEmbeddingSettings& s = e.embedding;
  const auto scale = declared_scale(adata, X, e.scale);
  if (scale.inferred)
    note(callbacks, "X holds whole numbers only: they are taken for counts (--scale counts)");
  const auto match =
      match_genes(adata.var, table.names(), {.column = s.gene_column, .least_share = s.gene_share});
  note(callbacks, match.report());
  EmbeddingCells out{adata.genes(),
                     match.report(),
                     sentence_cells(X, match.rows, scale.scale == Scale::counts),
                     {},
                     scale.scale};
  if (s.file_datasets) {
    out.sentences.dataset.assign(adata.cells(), 0);
    out.datasets = {dataset};
  } else if (!s.dataset_key.empty()) {
    Factor of_cell = factor(adata.obs.column(s.dataset_key));
    const auto missing = std::ranges::find(of_cell.codes, -1);
    if (missing != of_cell.codes.end())
      throw ConfigError(message("[genes] dataset_key ", quoted(s.dataset_key), ": the cell ",
                                quoted(adata.obs.index[size_t(missing - of_cell.codes.begin())]),
                                " has none; every cell needs a dataset"));
    out.sentences.dataset = std::move(of_cell.codes);
    out.datasets = std::move(of_cell.names);
  }
  return out;
}

/// Adds the cells of another file. The genes that have a vector in both stay: what a file did not
/// measure is not learnt as 0. Genes are the same by their row in the table, datasets by name.
/// @param file  names it in messages
/// @throws ConfigError if the files are on different scales or have no gene in common
template <class = void>
void join_cells(EmbeddingCells& to, EmbeddingCells more, const std::string& file,
                const Callbacks& callbacks = {}) {
  if (to.scale != more.scale)
    throw ConfigError(message("[data] more_files: ", quoted(file), " holds ",
                              name_of_choice(more.scale), ", and the files before it ",
                              name_of_choice(to.scale), "; bring them to one scale"));
  auto& first = to.sentences;
  auto& second = more.sentences;
  std::vector<int32_t> rows;
  std::vector<size_t> columns, other;
  std::unordered_map<int32_t, size_t> in_second;
  for (size_t g = 0; g < second.table_rows.size(); ++g) in_second.emplace(second.table_rows[g], g);
  for (size_t g = 0; g < first.table_rows.size(); ++g) {
    const auto found = in_second.find(first.table_rows[g]);
    if (found == in_second.end()) continue;
    rows.push_back(first.table_rows[g]);
    columns.push_back(g);
    other.push_back(found->second);
  }
  if (rows.empty())
    throw ConfigError(message("[data] more_files: ", quoted(file), " has no gene with a vector ",
                              "that the files before it have, too"));
  if (rows.size() < first.table_rows.size() || rows.size() < second.table_rows.size())
    note(callbacks, file, ": ", rows.size(), " genes have a vector here and in the files before, ",
         first.table_rows.size() - rows.size(), " in those alone and ",
         second.table_rows.size() - rows.size(), " here alone, which are left out");
  if (rows.size() < first.table_rows.size()) first.x = select_columns(first.x, columns);
  first.table_rows = std::move(rows);
  first.x.append(select_columns(second.x, other).view());
  std::vector<int32_t> codes;
  for (const std::string& name : more.datasets) {
    const auto found = std::ranges::find(to.datasets, name);
    codes.push_back(int32_t(found - to.datasets.begin()));
    if (found == to.datasets.end()) to.datasets.push_back(name);
  }
  for (const int32_t code : second.dataset) first.dataset.push_back(codes[size_t(code)]);
  to.gene_report = message(to.matched_genes(), " genes have a vector in every file");
}

/// A new model, and what it is trained on.
/// @param table   that the model is to know genes by, as the cells were read by it
/// @param chosen  cells that are trained on, and validated with, by [split] validation; what the
///                others hold changes nothing
/// @throws ConfigError naming the setting that does not fit the data
template <class = void>
PreparedEmbedding embedding_on(const Experiment& e, GeneTable table, EmbeddingCells cells,
                               std::span<const size_t> chosen, const Callbacks& callbacks = {}) {
  const StateEmbeddingSettings& s = e.embedding;
  TrainOptions t = e.training;
  StateEmbeddingConfig config = s;
  config.gene_width = table.width();
  if (config.loss != EmbeddingLoss::tabular_sets) config.set_size = s.copies;
  config.datasets = cells.datasets.size();
  auto [training, validation] = detail::hold_out_share(chosen, e.validation, t.seed);
  if (s.epochs > 0) {
    const double batches = std::floor(double(training.size()) / double(s.batch_size));
    t.max_steps = uint64_t(std::max(1.0, std::ceil(s.epochs * batches / double(t.accumulate))));
    check_train_options(t);
  }
  const auto datasets = cells.datasets;
  const Scale scale = cells.scale;
  PreparedEmbedding out{std::move(cells),
                        std::move(training),
                        std::move(validation),
                        t,
                        {StateEmbedding<float>(config, t.seed), std::move(table), datasets, scale}};
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
