#pragma once

#include <cstddef>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// What the CLS token has for a value.
enum class ClsValue {
  gene,  ///< that of one gene of the cell's data, by its place: what the State package does
  zero   ///< none
};

/// What a State Embedding model is trained to make small, of predicted and observed task genes.
enum class EmbeddingLoss {
  /// The energy distance between sets of copies of a cell in the space of its task genes, plus for
  /// every shared gene that in the space of cells: what the State package does. With one copy,
  /// distances between vectors.
  tabular,
  /// The energy distance between sets of cells in the space of task genes, plus that between their
  /// shared genes in the space of cells.
  tabular_sets,
  energy_distance,      ///< the first part of tabular alone
  mean_squared_error,   ///< gene by gene
  binary_cross_entropy  ///< whether a gene is expressed; targets are 0 or 1
};

/// The shape of a State Embedding model. The defaults are a small model for a laptop.
struct StateEmbeddingConfig {
  size_t gene_width = 0;          ///< E: values of a gene's vector
  size_t width = 128;             ///< d: of a token
  size_t layers = 2;              ///< of the encoder
  size_t heads = 4;               ///< attention heads of a layer
  size_t mlp_width = 256;         ///< inner width of a layer's MLP
  size_t output_width = 128;      ///< d_out: of a cell's embedding
  size_t sentence_length = 2048;  ///< L: tokens of a cell, CLS among them and the dataset's not
  bool norm_first = false;        ///< pre-norm layers in place of post-norm
  ClsValue cls_value = ClsValue::zero;
  /// Which gene's value CLS has with ClsValue::gene: its place among the genes of the data that
  /// have a vector.
  size_t cls_gene = 3;
  /// Datasets that are told apart: one more token carries what is a dataset's, and is trained to
  /// name it. 0 for none.
  size_t datasets = 0;
  double dropout = 0;            ///< in the encoder's layers, while training
  double dataset_dropout = 0.1;  ///< in what names the dataset, while training
  EmbeddingLoss loss = EmbeddingLoss::tabular;
  /// Copies of a cell, or cells with tabular_sets, that are one set of the loss.
  size_t set_size = 1;
  /// Least squared distance within the energy distance: 0 is exact, 1e-8 what the reference does.
  double floor_squared = 0;

  bool operator==(const StateEmbeddingConfig&) const = default;
};

VCELL_END_NAMESPACE
