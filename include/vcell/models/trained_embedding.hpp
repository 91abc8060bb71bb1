#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "vcell/data/gene_table.hpp"
#include "vcell/models/state_embedding.hpp"
#include "vcell/nn/copy_parameters.hpp"
#include "vcell/preprocess/scale.hpp"
#include "vcell/sets/cell_sentences.hpp"

VCELL_BEGIN_NAMESPACE

/// A State Embedding model with all that it takes to use it on other data.
struct TrainedEmbedding {
  StateEmbedding<float> model;
  GeneTable genes;                    ///< what it knows of genes; data have others
  std::vector<std::string> datasets;  ///< those its dataset token tells apart; empty without one
  Scale scale = Scale::counts;        ///< of X in the file it was trained on
  /// (E) what embeddings are centred at and divided by (standardise_embedding); empty: nothing.
  std::vector<float> centre = {}, spread = {};
};

/// Centres embeddings and divides them, in place, as the model says.
/// @param values  (cells, E)
template <class = void>
void standardise(const TrainedEmbedding& m, std::span<float> values) {
  const size_t width = m.centre.size();
  for (size_t i = 0; width && i < values.size(); ++i)
    values[i] = (values[i] - m.centre[i % width]) / m.spread[i % width];
}

/// @throws ShapeError if widths do not fit each other
template <class = void>
void check_trained_embedding(const TrainedEmbedding& m) {
  const auto& c = m.model.config();
  check_size_match("TrainedEmbedding", "width of the gene table", m.genes.width(),
                   "config.gene_width", c.gene_width);
  check_size_match("TrainedEmbedding", "datasets", m.datasets.size(), "config.datasets",
                   c.datasets);
  check_size_match("TrainedEmbedding", "spread", m.spread.size(), "centre", m.centre.size());
  if (!m.centre.empty())
    check_size_match("TrainedEmbedding", "centre", m.centre.size(), "width of an embedding",
                     m.model.embedding_width());
}

/// A model of its own with the same weights and all else. A model itself is moved, never copied by
/// accident.
template <class = void>
TrainedEmbedding copy_of(const TrainedEmbedding& m) {
  TrainedEmbedding out{
      StateEmbedding<float>(m.model.config()), m.genes, m.datasets, m.scale, m.centre, m.spread};
  copy_parameters(m.model.parameters(), out.model.parameters());
  return out;
}

/// The sentences that a model reads.
template <class = void>
SentenceOptions sentence_options(const StateEmbeddingConfig& c) {
  SentenceOptions options{.length = c.sentence_length};
  if (c.cls_value == ClsValue::gene) options.cls_gene = c.cls_gene;
  return options;
}

/// Vectors of some genes of a table, one below the other.
/// @param rows  of the table
template <class T>
Tensor<T, 2> gene_vectors(const GeneTable& table, std::span<const int32_t> rows) {
  auto vectors = Tensor<T, 2>::uninitialized({rows.size(), table.width()});
  parallel_for(rows.size(), 16, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i)
      table.copy<T>(size_t(rows[i]), {vectors[i].data, table.width()});
  });
  return vectors;
}

/// The gene encoder applied once to some genes of a table, for embed() alone: no task genes. Their
/// vectors are in memory some at a time.
template <class T>
EncodedGenes<T> encode_table(const StateEmbedding<T>& model, const GeneTable& table,
                             std::span<const int32_t> rows) {
  constexpr size_t at_once = 1024;
  const NoGrad no_grad;
  const size_t special = model.config().datasets ? 2 : 1, width = model.config().width;
  auto tokens = Tensor<T, 2>::uninitialized({rows.size() + special, width});
  for (size_t begin = 0; begin == 0 || begin < rows.size(); begin += at_once) {
    const auto part = rows.subspan(begin, std::min(at_once, rows.size() - begin));
    const auto done = model.encode(gene_vectors<T>(table, part), false).tokens;
    // The last rows are those of CLS and the dataset, and overwritten by the next part.
    std::copy_n(done.value().data, done.count(), tokens.data() + begin * width);
  }
  return {Variable<T, 2>(std::move(tokens)), {}};
}

VCELL_END_NAMESPACE
