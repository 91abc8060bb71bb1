#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vcell/models/standardise_embedding.hpp"
#include "vcell/pipeline/embed_cells.hpp"
#include "vcell/pipeline/embedding_in.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/pipeline/train_embedding.hpp"

VCELL_BEGIN_NAMESPACE

/// The small State Embedding that is trained for an experiment in an embedding which names none: a
/// random gene table, width 128, 2 layers, sentences of all genes or 256 tokens at most.
/// @param genes  of the cells
template <class = void>
Experiment small_embedding(const Experiment& e, size_t genes) {
  Experiment out;
  out.kind = ModelKind::state_embedding;
  out.data = e.data;
  out.scale = e.scale;
  out.validation_batches = 16;
  out.embedding.sentence_length = std::min<size_t>(genes + 2, 256);
  out.embedding.gene_table_width = 128;
  out.embedding.tasks = {
      .rule = TaskRule::masked, .masked = 128, .shared = std::min<size_t>(genes / 4, 64)};
  auto& t = out.training;
  t.seed = e.training.seed;
  t.max_steps = 300;
  t.learning_rate = 1e-3;
  t.schedule = ScheduleShape::cosine;
  t.warmup = 20;
  t.validate_every = 100;
  return out;
}

/// The cells that an embedding may be learnt from: controls, and those that train in every member
/// of an ensemble. Nothing of test, and nothing that any member is validated by.
template <class = void>
std::vector<size_t> cells_to_embed_by(const Experiment& e, const Prepared& p) {
  std::vector<uint8_t> learns(p.parts.size(), 1);
  for (size_t member = 1; member <= e.ensemble; ++member) {
    const auto parts = member_parts(e, p.screen, p.parts, p.split_parts, member);
    for (size_t i = 0; i < parts.size(); ++i)
      learns[i] &= parts[i] == Part::train || p.screen.serves_all(i);
  }
  std::vector<size_t> out;
  for (size_t i = 0; i < learns.size(); ++i)
    if (learns[i]) out.push_back(i);
  return out;
}

/// The small State Embedding before training, on cells with a table of their own genes.
/// @param X  of the cells; taken into memory
template <class S>
PreparedEmbedding small_embedding_on(const Experiment& small, const AnnData& cells, const S& X,
                                     std::span<const size_t> chosen, const Callbacks& callbacks) {
  auto table = make_gene_table(small.embedding, cells.var, small.training.seed);
  auto read = embedding_cells(small, table, cells, X, "", callbacks);
  return embedding_on(small, std::move(table), std::move(read), chosen, callbacks);
}

/// Where the training of the small State Embedding can be kept and gone on with. All may be empty.
struct EmbeddingHooks {
  /// Data and settings were found to fit, also those of the model that is trained in the embedding,
  /// and the first step is next.
  std::function<void(const Prepared&)> begin = {};
  TrainingHooks training = {};  ///< but for `member` and `begin`
};

/// Embeds the cells of a screen, as PrepareInputs::embed: by the key of obsm that the experiment
/// names, by the given model, or by a small one that is trained first. What a model makes is
/// standardised by the cells that train (standardise_embedding), where it was not before.
/// @param cells  filtered, as the file has them, and X of them
/// @throws ConfigError if the key, or the model's genes, do not fit the cells; Stopped
template <class = void>
void embed_screen(const Experiment& e, const AnnData& cells, const AnyRows& X, Prepared& p,
                  std::shared_ptr<const TrainedEmbedding> given, const Callbacks& callbacks,
                  const EmbeddingHooks& hooks = {}) {
  if (is_obsm(e.cell_embedding)) {
    p.embedding = embedding_in(cells, e.cell_embedding.substr(5));
    note(callbacks, "cells are read as ", e.cell_embedding, ", ", p.embedding.columns, " values");
    return;
  }
  p.embedder = std::move(given);
  if (!p.embedder) {
    const auto chosen = cells_to_embed_by(e, p);
    note(callbacks, "a small State Embedding is trained on ", chosen.size(), " of ", cells.cells(),
         " cells: controls, and what neither test nor validation holds out");
    const Experiment small = small_embedding(e, cells.genes());
    Callbacks told = callbacks;
    told.progress = [&](const ProgressUpdate& update) {
      return !callbacks.progress ||
             callbacks.progress({"train embedding", update.done, update.total, update.note});
    };
    PreparedEmbedding prepared = small_embedding_on(small, cells, X, chosen, callbacks);
    train_embedding(small, prepared, told, hooks.training, [&] {
      if (hooks.begin) hooks.begin(p);
    });
    p.embedder = std::make_shared<const TrainedEmbedding>(std::move(prepared.model));
  }
  p.embedding = embed_cells(*p.embedder, cells, X, {.scale = e.scale, .callbacks = callbacks});
  if (p.embedder->centre.empty())
    p.embedder = std::make_shared<const TrainedEmbedding>(
        standardise_embedding(*p.embedder, p.embedding, cells_to_embed_by(e, p)));
  note(callbacks, "cells are read as an embedding of ", p.embedding.columns, " values");
}

/// What prepare() is to be given where the experiment is in an embedding; else nothing.
/// @param e, callbacks  are not copied
template <class = void>
std::function<void(const AnnData&, const AnyRows&, Prepared&)> screen_embedder(
    const Experiment& e, const std::shared_ptr<const TrainedEmbedding>& given,
    const Callbacks& callbacks, const EmbeddingHooks& hooks = {}) {
  if (!is_in_embedding(e)) return {};
  return [&e, given, &callbacks, hooks](const AnnData& cells, const AnyRows& X, Prepared& p) {
    embed_screen(e, cells, X, p, given, callbacks, hooks);
  };
}

VCELL_INSTANTIATE(pipeline,
                  void embed_screen<void>(const Experiment&, const AnnData&, const AnyRows&,
                                          Prepared&, std::shared_ptr<const TrainedEmbedding>,
                                          const Callbacks&, const EmbeddingHooks&));

VCELL_END_NAMESPACE
