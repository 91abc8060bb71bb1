#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/match_genes.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/initial_model.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/train/embedding_folder.hpp"
#include "vcell/train/experiment.hpp"
#include "vcell/train/gene_table_file.hpp"
#include "vcell/train/start_embedding_from.hpp"
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

namespace detail {

/// The table that the settings name, or one of the data's own genes.
template <class = void>
GeneTable gene_table_of(const StateEmbeddingSettings& s, const DataFrame& var, uint64_t seed,
                        const Callbacks& callbacks) {
  if (!s.makes_table() && s.isoforms.empty())
    return read_gene_table(s.gene_table, s.gene_table_source);
  if (!s.makes_table()) {
    std::vector<std::string> remarks;
    auto table = read_isoform_table(s.gene_table, s.isoforms, s.gene_table_source, &remarks);
    for (const std::string& remark : remarks) note(callbacks, remark);
    return table;
  }
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

/// @param function  that is asked to train it
/// @throws ConfigError if an experiment is not sound, or not of State Embedding
template <class = void>
void check_embedding_experiment(const char* function, const Experiment& e) {
  check_experiment(e);
  if (e.kind != ModelKind::state_embedding)
    throw ConfigError(message(function, ": [model] kind is ", name_of_choice(e.kind),
                              ", expected state_embedding"));
}

/// Reads the cells and the gene table of an experiment and makes its model. The cells are those of
/// [data] path, in memory with the genes that have a vector; their perturbations play no part.
/// @throws ConfigError, IoError, FormatError
template <class = void>
PreparedEmbedding prepare_embedding(const Experiment& e, const Callbacks& callbacks = {}) {
  const StateEmbeddingSettings& s = e.embedding;
  TrainOptions t = e.training;
  std::vector<std::string> remarks;
  AnnData adata = read_h5ad(e.data, {.X = false, .warnings = &remarks});
  const H5adRows X(e.data, {.turn_columns = true, .warnings = &remarks});
  for (const std::string& remark : remarks) note(callbacks, remark);
  note(callbacks, e.data, ": ", adata.cells(), " cells x ", adata.genes(), " genes");
  const auto scale = declared_scale(adata, X, e.scale);
  if (scale.inferred)
    note(callbacks, "X holds whole numbers only: they are taken for counts (--scale counts)");
  GeneTable table = detail::gene_table_of(s, adata.var, t.seed, callbacks);
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
  auto [training, validation] = detail::hold_out_share(cells.x.rows, e.validation, t.seed);
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

/// Gives the model the weights of the one that [training] init_from names, if it names one, and
/// writes the SHA-256 of that folder into the experiment.
/// @throws ConfigError as start_from and initial_sha256; IoError, FormatError
template <class = void>
void start_embedding(PreparedEmbedding& p, Experiment& e, const Callbacks& callbacks = {}) {
  if (e.init_from.empty()) return;
  e.init_sha256 = initial_sha256(e.init_from, e.init_sha256);
  note_start(start_from(p.model, load_embedding(e.init_from)), callbacks);
}

VCELL_INSTANTIATE(folders,
                  PreparedEmbedding prepare_embedding<void>(const Experiment&, const Callbacks&));

VCELL_END_NAMESPACE
