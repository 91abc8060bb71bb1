#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "vcell/sets/screen.hpp"
#include "vcell/sets/task_genes.hpp"
#include "vcell/train/embedding_fields.hpp"

VCELL_BEGIN_NAMESPACE

constexpr std::array<std::string_view, 2> choices(TaskRule) { return {"package", "masked"}; }

/// What an experiment says of State Embedding and no other kind of model reads: its shape, what it
/// knows of genes, and the sentences that it trains on.
struct StateEmbeddingSettings : StateEmbeddingConfig {
  /// A file of vectors (read_gene_table), `random` or `identity`.
  std::string gene_table = "random";
  size_t gene_table_width = random_gene_width;  ///< of a random table
  /// CSV of isoform and gene: the table's vectors are isoforms', and a gene's their mean. Empty:
  /// the table has genes.
  std::string isoforms;
  std::string gene_table_source;  ///< the model that made a file's vectors; empty: the file's name
  std::string gene_column;        ///< var column that names genes as the table does; empty: found
  double gene_share = 0.5;        ///< fewer of the data's genes in the table are an error
  std::string dataset_key;        ///< obs column of the dataset; empty: no dataset token
  bool file_datasets = false;     ///< every file is a dataset, and there is a token of it
  TaskGeneOptions tasks = {};
  size_t batch_size = 16;     ///< cells in a step
  size_t copies = 1;          ///< of each cell
  double least_fraction = 1;  ///< counts are drawn anew at U(least_fraction, 1)
  double epochs = 0;          ///< passes over the training cells; 0: as many steps as max_steps

  /// Whether the table is made from the names of the data's genes, and no file is read.
  bool makes_table() const { return gene_table == "random" || gene_table == "identity"; }

  bool operator==(const StateEmbeddingSettings&) const = default;
};

/// Calls f(table, key, field, help) for every setting (see visit_experiment).
template <class Settings, class F>
requires std::same_as<std::remove_const_t<Settings>, StateEmbeddingSettings>
void visit_settings(Settings& s, F&& f) {
  visit_embedding_shape(
      s, [&](const char* key, auto& field, const char* help) { f("model", key, field, help); });
  f("sets", "set_size", s.set_size,
    "cells that are one set of the loss tabular_sets; with other losses copies are");
  f("sets", "batch_size", s.batch_size, "cells in a step");
  f("sets", "copies", s.copies, "of each cell in a step, with draws of their own");
  f("sets", "least_fraction", s.least_fraction,
    "counts are drawn anew at a share of a cell's between this and 1; 1: they are kept");
  f("genes", "gene_table", s.gene_table,
    "a vector for each gene: a file (.pt, .safetensors, .npz, .csv), random, or identity");
  f("genes", "gene_table_width", s.gene_table_width, "of a random table");
  f("genes", "isoforms", s.isoforms,
    "CSV with columns isoform and gene: gene_table has a vector for each isoform, and a gene the "
    "mean of its isoforms'");
  f("genes", "gene_table_source", s.gene_table_source,
    "the model that made a file's vectors, kept with the model; empty: the file's name");
  f("genes", "gene_column", s.gene_column,
    "var column that names genes as the table does; empty: found");
  f("genes", "gene_share", s.gene_share, "fewer genes with a vector than this share are an error");
  f("genes", "dataset_key", s.dataset_key, "obs column of datasets; empty: no dataset token");
  f("genes", "file_datasets", s.file_datasets, "every file is a dataset, in place of dataset_key");
  f("tasks", "task_rule", s.tasks.rule,
    "genes to predict: package, at random; masked, stratified and out of the sentence");
  f("tasks", "expressed", s.tasks.expressed, "task genes of package that are expressed");
  f("tasks", "unexpressed", s.tasks.unexpressed, "task genes of package below log expression 1");
  f("tasks", "masked", s.tasks.masked, "task genes of masked");
  f("tasks", "shared", s.tasks.shared, "task genes that all cells of a step share");
  f("training", "epochs", s.epochs,
    "passes over the training cells, which stand above max_steps; 0: max_steps");
}

/// @throws ConfigError naming the setting and what it may be. The shape is checked when the model
///         is made.
template <class = void>
void check_settings(const StateEmbeddingSettings& s, const ScreenOptions&) {
  check_positive("Experiment", "[sets] batch_size", s.batch_size);
  check_positive("Experiment", "[sets] copies", s.copies);
  check_positive("Experiment", "[genes] gene_table_width", s.gene_table_width);
  if (s.file_datasets && !s.dataset_key.empty())
    throw ConfigError(message("Experiment: [genes] dataset_key is ", quoted(s.dataset_key),
                              ", and [genes] file_datasets is true; leave one of them out"));
  if (!(s.least_fraction > 0 && s.least_fraction <= 1))
    throw ConfigError(message("Experiment: [sets] least_fraction is ", s.least_fraction,
                              ", expected a share in (0, 1]"));
  if (!(s.gene_share >= 0 && s.gene_share <= 1))
    throw ConfigError(message("Experiment: [genes] gene_share is ", s.gene_share,
                              ", expected a share in [0, 1]"));
  if (!(s.epochs >= 0 && s.epochs < 1e9))
    throw ConfigError(message("Experiment: [training] epochs is ", s.epochs,
                              ", expected passes over the cells from 0 to 1e9"));
  for (const auto& [key, value] :
       {std::pair("isoforms", &s.isoforms), std::pair("gene_table_source", &s.gene_table_source)})
    if (s.makes_table() && !value->empty())
      throw ConfigError(message("Experiment: [genes] ", key, " is ", quoted(*value),
                                ", and [genes] gene_table is ", s.gene_table,
                                "; name a file of vectors there, or leave this out"));
  if (s.gene_table.empty())
    throw ConfigError(
        "Experiment: [genes] gene_table is empty, expected a file, random or identity");
}

VCELL_END_NAMESPACE
