#pragma once

#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/pipeline/experiment_files.hpp"
#include "vcell/pipeline/initial_model.hpp"
#include "vcell/pipeline/train_embedding.hpp"
#include "vcell/train/embedding_folder.hpp"
#include "vcell/train/gene_table_file.hpp"
#include "vcell/train/start_embedding_from.hpp"

VCELL_BEGIN_NAMESPACE

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
  return make_gene_table(s, var, seed);
}

}  // namespace detail

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
/// [data] path and more_files, in memory with the genes that have a vector in every file; their
/// perturbations play no part.
/// @throws ConfigError, IoError, FormatError
template <class = void>
PreparedEmbedding prepare_embedding(const Experiment& e, const Callbacks& callbacks = {}) {
  const auto files = experiment_files(e);
  const auto names = detail::names_of_files(files);
  std::optional<GeneTable> table;
  std::optional<EmbeddingCells> all;
  for (size_t i = 0; i < files.size(); ++i) {
    std::vector<std::string> remarks;
    const auto [adata, X] =
        open_cells(files[i], {.h5ad = {.X = false, .warnings = &remarks}, .input = e.input});
    for (const std::string& remark : remarks) note(callbacks, remark);
    note(callbacks, files[i], ": ", adata.cells(), " cells x ", adata.genes(), " genes");
    if (!table) table = detail::gene_table_of(e.embedding, adata.var, e.training.seed, callbacks);
    auto cells = embedding_cells(e, *table, adata, X, names[i], callbacks);
    if (all)
      join_cells(*all, std::move(cells), files[i], callbacks);
    else
      all = std::move(cells);
  }
  std::vector<size_t> chosen(all->cells());
  std::iota(chosen.begin(), chosen.end(), size_t(0));
  return embedding_on(e, std::move(*table), std::move(*all), chosen, callbacks);
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
