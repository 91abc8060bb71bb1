#pragma once

#include <array>
#include <string_view>

#include "vcell/data/gene_table.hpp"
#include "vcell/models/state_embedding_config.hpp"

// The names that settings of State Embedding have in files.

VCELL_BEGIN_NAMESPACE

constexpr std::array<std::string_view, 2> choices(ClsValue) { return {"gene", "zero"}; }
constexpr std::array<std::string_view, 5> choices(EmbeddingLoss) {
  return {"tabular", "tabular_sets", "energy_distance", "mean_squared_error",
          "binary_cross_entropy"};
}
constexpr std::array<std::string_view, 3> choices(GeneTableKind) {
  return {"given", "identity", "random"};
}

/// Calls f(key, field, help) for every setting of an embedding model's shape that people choose;
/// set_size, and what follows from the data, are apart.
/// @param config  a StateEmbeddingConfig, const or not
template <class Config, class F>
void visit_embedding_shape(Config& config, F&& f) {
  f("width", config.width, "of a token inside the model");
  f("layers", config.layers, "of the encoder");
  f("heads", config.heads, "attention heads of a layer");
  f("mlp_width", config.mlp_width, "inner width of a layer's MLP");
  f("output_width", config.output_width, "of a cell's embedding, without its dataset's values");
  f("sentence_length", config.sentence_length, "tokens of a cell, CLS among them");
  f("norm_first", config.norm_first, "pre-norm layers in place of post-norm");
  f("cls_value", config.cls_value, "what CLS has for a value: gene, as State does, or zero");
  f("cls_gene", config.cls_gene, "which gene's value that is, among those that have a vector");
  f("dropout", config.dropout, "in the encoder's layers, while training");
  f("dataset_dropout", config.dataset_dropout, "in what names the dataset, while training");
  f("loss", config.loss,
    "tabular, tabular_sets, energy_distance, mean_squared_error or binary_cross_entropy");
  f("floor_squared", config.floor_squared, "least squared distance in the loss; 0: exact");
}

VCELL_END_NAMESPACE
