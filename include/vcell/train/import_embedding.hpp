#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/torch_archive.hpp"
#include "vcell/io/yaml.hpp"
#include "vcell/models/trained_embedding.hpp"
#include "vcell/nn/load_parameters.hpp"
#include "vcell/train/embedding_folder.hpp"
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

/// The settings of State Embedding, as its configurations spell them.
template <class = void>
StateEmbeddingConfig embedding_config(FlatReader& r) {
  const std::string genes = message("embeddings.", r.text("embeddings.current", ""), '.'),
                    data = message("dataset.", r.text("dataset.current", ""), '.');
  const std::string loss = r.text("loss.name", "tabular");
  StateEmbeddingConfig c;
  c.gene_width = r.whole(genes + "size");
  c.width = r.whole("model.emsize");
  c.layers = r.whole("model.nlayers");
  c.heads = r.whole("model.nhead");
  c.mlp_width = r.whole("model.d_hid");
  c.output_width = r.whole("model.output_dim");
  c.sentence_length = r.whole("dataset.pad_length");
  c.cls_value = ClsValue::gene;
  c.cls_gene = r.whole("dataset.cls_token_idx", 3);
  if (r.truth("model.dataset_correction", false)) c.datasets = r.whole(data + "num_datasets");
  if (!r.truth("model.counts", true))
    r.fail("model.counts", "false", "true: tokens without values are not offered");
  c.dropout = r.number("model.dropout", 0.1);
  c.set_size = r.whole("model.num_downsample", 1);
  c.floor_squared = 1e-8;
  if (loss == "tabular")
    c.loss = EmbeddingLoss::tabular;
  else if (loss == "mse")
    c.loss = EmbeddingLoss::mean_squared_error;
  else if (loss == "mmd")
    c.loss = EmbeddingLoss::energy_distance;
  else if (loss == "cross_entropy")
    c.loss = EmbeddingLoss::binary_cross_entropy;
  else
    r.fail("loss.name", loss, "tabular, mse, mmd or cross_entropy");
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
