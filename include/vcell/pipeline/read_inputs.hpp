#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/read_cells.hpp"
#include "vcell/io/read_name_list.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/sets/dataset_name.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/train/embedding_folder.hpp"
#include "vcell/train/perturbation_features_file.hpp"

VCELL_BEGIN_NAMESPACE

/// What an experiment names, read.
struct ExperimentInputs {
  AnnData adata;  ///< X, obs, var and uns
  PrepareInputs inputs;
};

namespace detail {

/// The names that [data] gene_list speaks of.
template <class = void>
std::vector<std::string> read_gene_list(const Experiment& e, const AnnData& adata) {
  if (!e.gene_list.starts_with("uns:")) return read_name_list(e.gene_list);
  const std::string key = e.gene_list.substr(4);
  const Value* found = find(adata.uns, key);
  if (!found || !found->texts())
    throw ConfigError(message("[data] gene_list is ", quoted(e.gene_list), ", and ", quoted(e.data),
                              " has ", found ? "something else than" : "no", " names in uns at ",
                              quoted(key),
                              ": 'vcell preprocess' writes X_hvg_var_names there; for ",
                              "another file give a file with a gene's name a line"));
  return *found->texts();
}

}  // namespace detail

/// Reads the screen, the split, the genes and the features of an experiment.
/// @param split     read instead of the experiment's where it is not empty, as of a run that is
///                  gone on with
/// @param embedder  folder of the model that cells are embedded by, the same
/// @throws ConfigError if no screen is named, or the model is of a kind that predicts none;
///         IoError, FormatError
template <class = void>
ExperimentInputs read_inputs(const Experiment& e, const Callbacks& callbacks = {},
                             const std::filesystem::path& split = {},
                             const std::filesystem::path& embedder = {}) {
  if (e.kind != ModelKind::state_transition)
    throw ConfigError(message("[model] kind is ", name_of_choice(e.kind), ", expected ",
                              "state_transition: models of another kind predict nothing to score; ",
                              "train_embedding_in_folder trains them (vcell train)"));
  if (e.data.empty())
    throw ConfigError("no screen was named; set [data] path to a file with cells");
  ExperimentInputs out;
  const std::filesystem::path path = split.empty() ? e.split : split.string();
  if (path.empty()) {
    out.inputs.dataset = stem_of(e.data);
  } else {
    std::vector<std::string> remarks;
    const bool own = split.empty() && e.split_paths == PathsBegin::working_directory;
    out.inputs.split =
        read_split(path, &remarks, own ? std::filesystem::current_path() : std::filesystem::path());
    for (const auto& remark : remarks) note(callbacks, remark);
    out.inputs.split_text = path.string();
    out.inputs.dataset = dataset_name(*out.inputs.split, e.data);
  }
  if (!e.perturbation_features.empty())
    out.inputs.features = read_perturbation_features(e.perturbation_features);
  if (is_in_embedding(e) && !is_obsm(e.cell_embedding))
    if (const auto folder = embedder.empty() ? e.cell_embedding : embedder.string();
        !folder.empty())
      out.inputs.embedder = std::make_shared<const TrainedEmbedding>(load_embedding(folder));
  std::vector<std::string> remarks;
  out.adata = read_cells(e.data, {.h5ad = {.layers = false,
                                           .obsm = is_obsm(e.cell_embedding),
                                           .varm = false,
                                           .obsp = false,
                                           .varp = false,
                                           .raw = false,
                                           .budget = size_t(e.memory * 1e9),
                                           .warnings = &remarks,
                                           .progress = callbacks.progress},
                                  .input = e.input});
  for (const auto& remark : remarks) note(callbacks, remark);
  note(callbacks, e.data, ": ", out.adata.cells(), " cells x ", out.adata.genes(), " genes");
  if (!e.gene_list.empty()) out.inputs.genes = detail::read_gene_list(e, out.adata);
  return out;
}

VCELL_INSTANTIATE(folders, ExperimentInputs read_inputs<void>(const Experiment&, const Callbacks&,
                                                              const std::filesystem::path&,
                                                              const std::filesystem::path&));

VCELL_END_NAMESPACE
