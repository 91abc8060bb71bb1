#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/torch_archive.hpp"
#include "vcell/models/reference_arrays.hpp"
#include "vcell/models/trained_model.hpp"
#include "vcell/nn/load_parameters.hpp"
#include "vcell/train/check_fits_weights.hpp"
#include "vcell/train/reference_config.hpp"
#include "vcell/train/reference_map.hpp"
#include "vcell/train/state_source.hpp"

VCELL_BEGIN_NAMESPACE

/// A model out of files of the reference.
struct ImportedState {
  TrainedModel model;
  std::filesystem::path weights;     ///< the file that they are from
  std::vector<std::string> unused;   ///< settings that have no counterpart
  std::vector<std::string> remarks;  ///< what was assumed or is not known, a line each
  std::string split = {};      ///< the file of the split that it was trained with; empty: not known
  std::string embedding = {};  ///< the obsm entry that it reads; empty: X, or not known
};

namespace detail {

/// The names of the files if they are as many as places, else numbers.
template <class = void>
std::vector<std::string> names_or_numbers(const char* what, const std::vector<std::string>& found,
                                          size_t n, TrainedModel& m) {
  if (found.size() == n) return found;
  m.unnamed.push_back(what);
  std::vector<std::string> numbers;
  for (size_t i = 0; i < n; ++i) numbers.push_back(message(i));
  return numbers;
}

template <class = void>
PerturbationFeatures imported_perturbations(const StateSource& source, size_t width,
                                            TrainedModel& m) {
  if (source.maps)
    if (auto map = read_reference_map(*source.maps, "pert_onehot_map")) {
      check_size_match("import_state", "width of pert_onehot_map", map->width(), "pert_dim", width);
      return std::move(*map);
    }
  return PerturbationFeatures::one_hot(
      names_or_numbers("perturbations", source.perturbations, width, m));
}

/// Names of the places of a map, numbers where there is none.
template <class = void>
std::vector<std::string> map_names(const StateSource& source, const char* name, size_t n,
                                   ImportedState& out) {
  std::optional<PerturbationFeatures> map;
  if (source.maps) map = read_reference_map(*source.maps, name);
  if (map && map->is_one_hot() && map->width() == n) return map->names();
  out.remarks.push_back(
      message("the files have no ", name, " of ", n, " names: its entries are called 0, 1, ..."));
  std::vector<std::string> numbers;
  for (size_t i = 0; i < n; ++i) numbers.push_back(message(i));
  return numbers;
}

template <class = void>
ScreenOptions imported_labels(const StateSource& source, bool with_batches, ImportedState& out) {
  FlatReader r(source.data, "import_state");
  if (!r.find("pert_col"))
    out.remarks.push_back(message(
        "the files do not say which obs columns were read: ", ScreenOptions().perturbation_key,
        " is taken for the perturbation, and ",
        "all cells for one context; say others to `predict`"));
  Experiment e;
  constexpr std::string_view data = "data.kwargs.";
  for (const ReferenceSetting& row : transition_table)
    if (const std::string key(row.name.substr(std::min(data.size(), row.name.size())));
        row.name.starts_with(data) && row.ours.starts_with("data.") && r.find(key))
      read_row(r, key, row, e);
  if (with_batches && !e.labels.batch_key) e.labels.batch_key = "batch";
  if (!with_batches) e.labels.batch_key.reset();
  return e.labels;
}

}  // namespace detail

/// Reads a State Transition model that the reference's package wrote: a run folder (config.yaml,
/// checkpoints, var_dims.pkl and the maps of names, in the files of any version), a single
/// checkpoint (`.ckpt`), or a folder as model hubs give it (config.json or config.yaml beside
/// model.safetensors). Names that the files do not have are numbers, which TrainedModel::unnamed
/// says; name_genes and name_perturbations mend it.
///
/// @param checkpoint  of a run folder: final, last or best, or a path. Empty: the first of these
///                    that is there
/// @throws IoError; FormatError or ConfigError naming the file and what is wrong with it, or that
///         it is a model of a kind that cannot be imported
template <class = void>
ImportedState import_state(const std::filesystem::path& from, const std::string& checkpoint = "") {
  detail::StateSource source = detail::state_source(from, checkpoint);
  const std::string where = message("import_state: ", quoted(source.weights.string()));
  ReferenceConfig reference;
  try {
    reference = reference_config(source.settings);
  } catch (const ConfigError& error) {
    throw ConfigError(message(where, ": ", error.what()));
  }
  const StateTransitionConfig& config = reference.model;
  auto arrays = from_reference(config, std::move(source.arrays));
  detail::check_fits_weights(config, arrays, where);
  const auto made = [&] {
    try {
      return StateTransition<float>(config);
    } catch (const Error& error) {
      throw ConfigError(message(where, ": ", error.what()));
    }
  };
  ImportedState out{{.model = made(),
                     .genes = {},
                     .perturbations = PerturbationFeatures(),
                     .contexts = {},
                     .batches = {},
                     .labels = {}},
                    source.weights,
                    std::move(reference.unused),
                    {}};
  FlatReader trained(source.data, where);
  out.split = trained.text("toml_config_path", "");
  out.embedding = trained.text("embed_key", "");
  TrainedModel& m = out.model;
  load_parameters(m.model.parameters(), std::move(arrays), {}, where);
  m.model.parameters().values();
  if (config.output_space == OutputSpace::embedding) {
    for (size_t i = 0; i < config.input_width; ++i) m.genes.push_back(message("embedding_", i));
    if (config.gene_width)
      m.decoded_genes =
          detail::names_or_numbers("decoded genes", source.genes, config.gene_width, m);
  } else {
    m.genes = detail::names_or_numbers("genes", source.genes, config.input_width, m);
  }
  const size_t batches = std::max(config.batches, config.token_batches);
  m.labels = detail::imported_labels(source, batches > 0, out);
  m.perturbations = detail::imported_perturbations(source, config.perturbation_width, m);
  if (batches) m.batches = detail::map_names(source, "batch_onehot_map", batches, out);
  if (source.maps)
    if (const auto contexts = read_reference_map(*source.maps, "cell_type_onehot_map"))
      m.contexts = contexts->names();
  FlatReader r(source.settings, where);
  m.set_size = r.whole("cell_set_len", r.whole("cell_sentence_len", m.set_size));
  if (config.output_space == OutputSpace::embedding) m.embedding_key = r.text("embed_key", "");
  std::erase_if(out.unused, [](const std::string& key) {
    return key == "cell_set_len" || key == "cell_sentence_len" || key == "control_pert";
  });
  try {
    check_trained_model(m);
  } catch (const Error& error) {
    throw ConfigError(message(where, ": ", error.what()));
  }
  return out;
}

VCELL_END_NAMESPACE
