#pragma once

#include <numeric>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/h5ad.hpp"
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
/// [data] path, in memory with the genes that have a vector; their perturbations play no part.
/// @throws ConfigError, IoError, FormatError
template <class = void>
PreparedEmbedding prepare_embedding(const Experiment& e, const Callbacks& callbacks = {}) {
  std::vector<std::string> remarks;
  AnnData adata = read_h5ad(e.data, {.X = false, .warnings = &remarks});
  const H5adRows X(e.data, {.turn_columns = true, .warnings = &remarks});
  for (const std::string& remark : remarks) note(callbacks, remark);
  note(callbacks, e.data, ": ", adata.cells(), " cells x ", adata.genes(), " genes");
  std::vector<size_t> all(adata.cells());
  std::iota(all.begin(), all.end(), size_t(0));
  return embedding_on(e, detail::gene_table_of(e.embedding, adata.var, e.training.seed, callbacks),
                      adata, X, all, callbacks);
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
