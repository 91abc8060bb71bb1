#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/io/safetensors.hpp"
#include "vcell/io/torch_archive.hpp"
#include "vcell/io/yaml.hpp"
#include "vcell/train/reference_settings.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What files of the reference say of a State Transition model, wherever it stands.
struct StateSource {
  std::filesystem::path weights;              ///< the file that the arrays are from
  FlatSettings settings;                      ///< of the model, without "model.kwargs."
  FlatSettings data;                          ///< of what it was trained on
  std::map<std::string, Array> arrays;        ///< its state_dict
  std::vector<std::string> genes;             ///< empty where the files do not say
  std::vector<std::string> perturbations;     ///< likewise
  std::optional<std::filesystem::path> maps;  ///< the folder that may have maps of names
};

/// Settings of the same name stay as they are.
template <class = void>
void add_missing(FlatSettings& to, const FlatSettings& from) {
  to.insert(from.begin(), from.end());
}

/// The names of a list of texts under a key, taken out of the settings.
template <class = void>
std::vector<std::string> take_names(FlatSettings& settings, const std::string& key) {
  std::vector<std::string> names;
  for (auto found = settings.find(key + ".0"); found != settings.end();
       found = settings.find(message(key, '.', names.size()))) {
    names.push_back(std::move(found->second));
    settings.erase(found);
  }
  return names;
}

/// Whether a file is a checkpoint of the reference's State Embedding.
template <class = void>
bool is_embedding_checkpoint(const PickleValue& root) {
  return root.find("cfg_yaml") || root.find("protein_embeds_dict");
}

/// The arguments of the model out of a checkpoint, and its weights.
template <class = void>
void read_checkpoint(StateSource& source) {
  TorchArchive archive(source.weights);
  const PickleValue root = archive.root();
  if (is_embedding_checkpoint(root))
    throw ConfigError(message("import_state: ", quoted(source.weights.string()),
                              " is a checkpoint of State Embedding; import_embedding reads it"));
  const auto state = root.find("state_dict");
  if (!state)
    root.fail(
        "is no checkpoint of a model: it has no state_dict; name a `.ckpt` that training wrote");
  source.arrays = archive.arrays(*state);
  if (const auto settings = root.find("hyper_parameters")) {
    FlatSettings own = flat_settings(*settings);
    add_missing(own, source.settings);
    source.settings = std::move(own);
  }
}

/// The checkpoint of a run folder: the one asked for, else final, else last, else best.
template <class = void>
std::filesystem::path choose_checkpoint(const std::filesystem::path& run,
                                        const std::string& asked) {
  const auto folder = run / "checkpoints";
  const auto file = [&](const std::string& name) { return folder / (name + ".ckpt"); };
  if (asked.empty()) {
    for (const char* name : {"final", "last", "best"})
      if (std::filesystem::is_regular_file(file(name))) return file(name);
    throw IoError(message("import_state: ", quoted(folder.string()),
                          " has no final.ckpt, last.ckpt or best.ckpt; name another checkpoint"));
  }
  for (const auto& path : {file(asked), folder / asked, run / asked, std::filesystem::path(asked)})
    if (std::filesystem::is_regular_file(path)) return path;
  std::vector<std::string> there;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    there.push_back(entry.path().filename().string());
  std::sort(there.begin(), there.end());
  throw IoError(message("import_state: there is no checkpoint ", quoted(asked), "; ",
                        quoted(folder.string()), " has ", list_of(there)));
}

/// Settings of a folder: those of the model are alone or under model.kwargs.
template <class = void>
void read_folder_settings(StateSource& source, const std::filesystem::path& folder) {
  FlatSettings all;
  const auto yaml = folder / "config.yaml", json = folder / "config.json";
  if (std::filesystem::exists(yaml))
    all = flat_settings(read_yaml(yaml));
  else if (std::filesystem::exists(json))
    all = flat_settings(
        parse_json_object(read_text(json), message("import_state: ", quoted(json.string()))));
  source.data = settings_below(all, "data.kwargs");
  source.settings = settings_below(all, "model.kwargs");
  if (source.settings.empty()) source.settings = all;
  for (const char* key : {"embed_key", "output_space"})
    if (const auto found = source.data.find(key); found != source.data.end())
      source.settings.emplace(*found);
}

/// What var_dims.pkl and data_module.torch of a run folder say.
template <class = void>
void read_folder_pickles(StateSource& source, const std::filesystem::path& folder) {
  if (const auto path = folder / "data_module.torch"; std::filesystem::exists(path)) {
    const TorchArchive archive(path);
    add_missing(source.data, flat_settings(archive.root()));
  }
  const auto path = folder / "var_dims.pkl";
  if (!std::filesystem::exists(path)) return;
  const TorchArchive archive(path);
  FlatSettings sizes = flat_settings(archive.root());
  source.genes = take_names(sizes, "gene_names");
  source.perturbations = take_names(sizes, "pert_names");
  add_missing(source.settings, sizes);
}

template <class = void>
StateSource state_source(const std::filesystem::path& from, const std::string& checkpoint) {
  StateSource source;
  if (!std::filesystem::exists(from))
    throw IoError(message("import_state: there is no ", quoted(from.string()),
                          "; name a run folder or a checkpoint"));
  const bool is_folder = std::filesystem::is_directory(from);
  const auto hub = from / "model.safetensors";
  if (is_folder) {
    source.maps = from;
    read_folder_settings(source, from);
    read_folder_pickles(source, from);
    if (std::filesystem::exists(hub) && checkpoint.empty()) {
      source.weights = hub;
      source.arrays = read_safetensors(hub).tensors;
    } else {
      source.weights = choose_checkpoint(from, checkpoint);
    }
  } else {
    source.weights = from;
  }
  if (source.weights != hub) read_checkpoint(source);
  auto genes = take_names(source.settings, "gene_names");
  if (source.genes.empty()) source.genes = std::move(genes);
  take_names(source.settings, "pert_names");
  add_missing(source.data, source.settings);  // the control's name is there, too
  return source;
}

}  // namespace detail
VCELL_END_NAMESPACE
