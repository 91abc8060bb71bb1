#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/torch_archive.hpp"
#include "vcell/io/yaml.hpp"
#include "vcell/models/trained_embedding.hpp"
#include "vcell/nn/load_parameters.hpp"
#include "vcell/train/embedding_folder.hpp"
#include "vcell/train/reference_values.hpp"
#include "vcell/train/state_source.hpp"

VCELL_BEGIN_NAMESPACE

/// Whether a file is a checkpoint of the reference's State Embedding.
/// @throws IoError, FormatError
template <class = void>
bool is_embedding_checkpoint(const std::filesystem::path& path) {
  const TorchArchive archive(path);
  return detail::is_embedding_checkpoint(archive.root());
}

/// A State Embedding model out of a checkpoint of the reference.
struct ImportedEmbedding {
  TrainedEmbedding model;
  std::vector<std::string> unused;  ///< settings that have no counterpart
};

namespace detail {

/// The settings of State Embedding, as its configurations spell them, by the table.
template <class = void>
StateEmbeddingConfig embedding_config(FlatReader& r) {
  const std::string genes = message("embeddings.", r.text("embeddings.current", ""), '.'),
                    data = message("dataset.", r.text("dataset.current", ""), '.');
  // A saved model has them, whatever is published.
  constexpr std::array<std::string_view, 6> needed = {"model.emsize",     "model.nlayers",
                                                      "model.nhead",      "model.d_hid",
                                                      "model.output_dim", "dataset.pad_length"};
  Experiment e;
  e.kind = ModelKind::state_embedding;
  StateEmbeddingConfig& c = e.embedding;
  c.gene_width = r.whole(genes + "size");
  for (const ReferenceSetting& row : embedding_table) {
    if (!row.ours.starts_with("model.") && row.ours != "sets.copies") continue;
    const std::string key(row.name);
    if (std::find(needed.begin(), needed.end(), row.name) == needed.end())
      r.give(key, std::string(row.silent));
    read_row(r, key, row, e);
  }
  c.cls_value = ClsValue::gene;
  if (r.truth("model.dataset_correction", false)) c.datasets = r.whole(data + "num_datasets");
  if (!r.truth("model.counts", true))
    r.fail("model.counts", "false", "true: tokens without values are not offered");
  c.set_size = e.embedding.copies;
  c.floor_squared = 1e-8;
  return c;
}

/// The vectors of a dict name -> (width), in its order.
template <class = void>
GeneTable imported_gene_table(TorchArchive& archive, const PickleValue& dict,
                              const std::string& source) {
  const std::map<std::string, Array> arrays = archive.arrays(dict);
  const std::vector<std::string> names = dict.keys();
  const size_t width = names.empty() ? 0 : arrays.at(names[0]).count();
  std::vector<float> values;
  values.reserve(names.size() * width);
  for (const std::string& name : names) {
    const Array& array = arrays.at(name);
    if (array.shape != std::vector<size_t>{width})
      dict.fail(message("has a vector ", quoted(name), " of shape ", array.shape, ", expected (",
                        width, ") as the first has"));
    const auto vector = array.as<float>();
    values.insert(values.end(), vector.begin(), vector.end());
  }
  return GeneTable::given(names, width, std::move(values), source);
}

}  // namespace detail

/// Reads a checkpoint (`.ckpt`) of State Embedding that the reference's package wrote: its settings
/// (cfg_yaml), weights, and the gene table that is in it (protein_embeds_dict). Datasets have
/// numbers for names; the scale is counts.
///
/// @param genes  a file of the gene table (a dict of torch), for a checkpoint without one
/// @throws IoError; FormatError or ConfigError naming the file and what is wrong with it
template <class = void>
ImportedEmbedding import_embedding(const std::filesystem::path& path,
                                   const std::filesystem::path& genes = {}) {
  const std::string where = message("import_embedding: ", quoted(path.string()));
  TorchArchive archive(path);
  const PickleValue root = archive.root();
  const auto settings = root.find("cfg_yaml"), table = root.find("protein_embeds_dict");
  if (!settings)
    throw ConfigError(message(where, " has no cfg_yaml, the settings it was trained with, which ",
                              "checkpoints of State Embedding have"));
  if (!table && genes.empty())
    throw ConfigError(message(where, " has no gene table (protein_embeds_dict); name its file, a ",
                              "dict of a vector for each gene"));
  try {
    FlatReader reader(flat_settings(parse_yaml(settings->text(), "cfg_yaml")), "cfg_yaml");
    const StateEmbeddingConfig config = detail::embedding_config(reader);
    auto weights = archive.arrays(root.at("state_dict"));
    detail::check_fits_embedding(config, weights);
    std::vector<std::string> datasets;
    for (size_t i = 0; i < config.datasets; ++i) datasets.push_back(message(i));
    const auto table_of = [&] {
      if (genes.empty())
        return detail::imported_gene_table(archive, *table, path.filename().string());
      TorchArchive other(genes);
      return detail::imported_gene_table(other, other.root(), genes.filename().string());
    };
    ImportedEmbedding out{{StateEmbedding<float>(config), table_of(), std::move(datasets)},
                          reader.unread()};
    check_trained_embedding(out.model);
    load_parameters(out.model.model.parameters(), std::move(weights),
                    StateEmbedding<float>::is_ignored, where);
    out.model.model.parameters().values();
    return out;
  } catch (const ShapeError& error) {
    throw ConfigError(message(where, ": ", error.what()));
  } catch (const ConfigError& error) {
    throw ConfigError(message(where, ": ", error.what()));
  }
}

VCELL_END_NAMESPACE
