#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/read_name_list.hpp"
#include "vcell/pipeline/bytes_of_x.hpp"
#include "vcell/pipeline/experiment_files.hpp"
#include "vcell/pipeline/join_data_sets.hpp"
#include "vcell/pipeline/prepare.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/train/embedding_folder.hpp"
#include "vcell/train/perturbation_features_file.hpp"

VCELL_BEGIN_NAMESPACE

/// What an experiment names, read.
struct ExperimentInputs {
  ScreenCells cells;  ///< X, obs, var and uns
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

/// Says what is wrong with settings that want more of X in memory than it is granted.
template <class = void>
void check_fits_in_blocks(const Experiment& e, bool has_embedder) {
  const char* const more = "grant it more ([data] memory), or ";
  if (e.all_genes || (e.hvgs == 0 && e.gene_list.empty()))
    throw ConfigError(message(
        "X does not fit into the memory that it is granted, and ",
        e.all_genes ? "[data] all_genes wants" : "[data] hvgs 0 wants", " all of it there; ", more,
        e.all_genes ? "leave that out" : "choose genes ([data] hvgs or gene_list)"));
  if (is_in_embedding(e) && !is_obsm(e.cell_embedding) && !has_embedder)
    throw ConfigError(message("X does not fit into the memory that it is granted, and the small ",
                              "State Embedding that is trained first has all of it there; ", more,
                              "name an embedding of these cells ([data] embedding)"));
}

/// The cells of an experiment's files: X in memory where it fits, as one matrix, else left where it
/// is.
template <class = void>
ScreenCells read_screen_cells(const Experiment& e, const std::vector<std::string>& files,
                              const std::vector<SplitDataset>& datasets, bool has_embedder,
                              const Callbacks& callbacks) {
  double needed = 0;
  for (const std::string& file : files) needed += bytes_of_x(file, e.input);
  const double memory = e.memory > 0 ? e.memory * 1e9 : machine_memory() / 2;
  const bool fits = needed <= memory || memory == 0;
  if (!fits) {
    const auto megabytes = [](double bytes) { return std::round(bytes / 1e5) / 10; };
    note(callbacks, "X takes ", megabytes(needed), " MB, more than the ", megabytes(memory),
         " MB granted, so it is read in blocks, several times, and the model's genes are kept");
    check_fits_in_blocks(e, has_embedder);
  }
  std::vector<std::string> remarks;
  ReadCellsOptions reading = {.h5ad = {.layers = false,
                                       .obsm = is_obsm(e.cell_embedding),
                                       .varm = false,
                                       .obsp = false,
                                       .varp = false,
                                       .raw = false,
                                       .budget = fits ? size_t(e.memory * 1e9) : 0,
                                       .warnings = &remarks,
                                       .progress = callbacks.progress},
                              .input = e.input};
  if (files.size() > 1) {
    std::vector<std::string> names;
    for (const SplitDataset& dataset : datasets) names.push_back(dataset.name);
    JoinedCells all = join_data_sets(files, names, e.dataset_column, reading, callbacks);
    if (!fits) return {std::move(all.cells), AnyRows::of(std::move(all.X))};
    all.cells.X = collect_rows(WatchedRows(BorrowedRows(all.X), callbacks.progress, "read"));
    return std::move(all.cells);
  }
  const auto say = [&](const AnnData& cells) {
    for (const auto& remark : remarks) note(callbacks, remark);
    note(callbacks, e.data, ": ", cells.cells(), " cells x ", cells.genes(), " genes");
  };
  if (fits) {
    AnnData cells = read_cells(e.data, reading);
    say(cells);
    return cells;
  }
  OpenCells open = open_cells(e.data, reading);
  say(open.cells);
  return {std::move(open.cells), AnyRows::of(std::move(open.X))};
}

}  // namespace detail

/// Reads the screen, the split, the genes and the features of an experiment. Cells of several files
/// are one screen (open_joined), in which obs [data] dataset_column says where each is from. X that
/// does not fit into [data] memory stays where it is.
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
  PrepareInputs inputs;
  const auto files = experiment_files(e);
  std::vector<std::string> names;
  const std::filesystem::path path = split.empty() ? e.split : split.string();
  if (split.empty() && e.split.starts_with("obs:")) {
    names = detail::names_of_files(files);
    inputs.split.emplace();
    for (size_t i = 0; i < files.size(); ++i) {
      inputs.split->datasets[names[i]] = std::filesystem::absolute(files[i]).string();
      inputs.split->training.insert(names[i]);
    }
    inputs.split->column = e.split.substr(4);
    if (inputs.split->column.empty())
      throw ConfigError("[split] path is 'obs:', expected the name of an obs column behind it");
    inputs.split_text = e.split;
  } else if (path.empty()) {
    names = detail::names_of_files(files);
  } else {
    std::vector<std::string> remarks;
    const bool own = split.empty() && e.split_paths == PathsBegin::working_directory;
    inputs.split =
        read_split(path, &remarks, own ? std::filesystem::current_path() : std::filesystem::path());
    for (const auto& remark : remarks) note(callbacks, remark);
    inputs.split_text = path.string();
    for (const std::string& file : files) names.push_back(dataset_name(*inputs.split, file));
  }
  inputs.dataset = names[0];
  if (files.size() > 1)
    for (size_t i = 0; i < files.size(); ++i)
      inputs.datasets.push_back({names[i], std::filesystem::absolute(files[i]).string()});
  if (!e.perturbation_features.empty())
    inputs.features = read_perturbation_features(e.perturbation_features);
  if (is_in_embedding(e) && !is_obsm(e.cell_embedding))
    if (const auto folder = embedder.empty() ? e.cell_embedding : embedder.string();
        !folder.empty())
      inputs.embedder = std::make_shared<const TrainedEmbedding>(load_embedding(folder));
  ScreenCells cells =
      detail::read_screen_cells(e, files, inputs.datasets, inputs.embedder != nullptr, callbacks);
  if (!e.gene_list.empty()) inputs.genes = detail::read_gene_list(e, cells.adata);
  return {std::move(cells), std::move(inputs)};
}

VCELL_INSTANTIATE(folders, ExperimentInputs read_inputs<void>(const Experiment&, const Callbacks&,
                                                              const std::filesystem::path&,
                                                              const std::filesystem::path&));

VCELL_END_NAMESPACE
