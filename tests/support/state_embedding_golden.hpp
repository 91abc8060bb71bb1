// One variant of the State Embedding goldens: its configuration, weights and data.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/models/state_embedding.hpp"
#include "vcell/nn/load_parameters.hpp"

namespace vcell_test {

/// All variants that a folder has.
inline std::vector<std::string> embedding_variants_of(const std::filesystem::path& folder) {
  std::ifstream file(folder / "index.json");
  return nlohmann::json::parse(file).at("variants");
}

struct StateEmbeddingGolden {
  nlohmann::json description;
  vcell::Safetensors weights, data, table;

  StateEmbeddingGolden(const std::filesystem::path& folder, const std::string& variant)
      : data(vcell::read_safetensors(folder / (variant + ".data.safetensors"))),
        table(vcell::read_safetensors(folder / "gene_embeddings.safetensors")) {
    auto start = folder / (variant + ".weights.safetensors");
    if (!std::filesystem::exists(start)) start = folder / "tabular.weights.safetensors";
    weights = vcell::read_safetensors(start);
    std::ifstream file(folder / (variant + ".json"));
    if (!file) throw std::runtime_error("no file " + (folder / (variant + ".json")).string());
    file >> description;
  }

  const nlohmann::json& setting(const char* section, const char* key) const {
    return description.at("configuration").at(section).at(key);
  }
  vcell::StateEmbeddingConfig config() const {
    const auto& all = description.at("configuration");
    const auto &m = all.at("model"), &genes = all.at("embeddings"), &sets = all.at("dataset");
    const std::string loss = all.at("loss").at("name");
    vcell::StateEmbeddingConfig c;
    c.gene_width = genes.at(std::string(genes.at("current"))).at("size");
    c.width = m.at("emsize");
    c.layers = m.at("nlayers");
    c.heads = m.at("nhead");
    c.mlp_width = m.at("d_hid");
    c.output_width = m.at("output_dim");
    c.sentence_length = sets.at("pad_length");
    c.cls_value = vcell::ClsValue::gene;
    c.cls_gene = sets.at("cls_token_idx");
    if (m.at("dataset_correction"))
      c.datasets = sets.at(std::string(sets.at("current"))).at("num_datasets");
    c.dataset_dropout = 0;
    c.loss = loss == "tabular" ? vcell::EmbeddingLoss::tabular
             : loss == "mse"   ? vcell::EmbeddingLoss::mean_squared_error
             : loss == "mmd"   ? vcell::EmbeddingLoss::energy_distance
                               : vcell::EmbeddingLoss::binary_cross_entropy;
    c.set_size = m.at("num_downsample");
    c.floor_squared = 1e-8;  // geomloss
    return c;
  }

  template <class T, class Device = vcell::Cpu>
  vcell::StateEmbedding<T, Device> model() const {
    vcell::StateEmbedding<T, Device> m(config());
    vcell::load_parameters(m.parameters(), weights.tensors, m.is_ignored);
    return m;
  }

  template <class T, int rank>
  static vcell::Tensor<T, rank> tensor(const vcell::Array& array) {
    vcell::Shape<rank> shape{};
    REQUIRE(array.shape.size() == size_t(rank));
    std::copy(array.shape.begin(), array.shape.end(), shape.begin());
    return vcell::Tensor<T, rank>(shape, array.template as<T>());
  }
  template <class T, int rank>
  vcell::Tensor<T, rank> tensor(const std::string& key) const {
    return tensor<T, rank>(data.tensors.at(key));
  }
  /// The table of genes whole.
  template <class T>
  vcell::Tensor<T, 2> genes() const {
    return tensor<T, 2>(table.tensors.at("table"));
  }
};

}  // namespace vcell_test
