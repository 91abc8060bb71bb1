// One variant of the State Transition goldens: its configuration, weights and data.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/models/state_transition.hpp"
#include "vcell/nn/load_parameters.hpp"

namespace vcell_test {

struct StateTransitionGolden {
  nlohmann::json description;
  vcell::Safetensors weights, data;

  StateTransitionGolden(const std::filesystem::path& folder, const std::string& variant)
      : weights(vcell::read_safetensors(folder / (variant + ".weights.safetensors"))),
        data(vcell::read_safetensors(folder / (variant + ".data.safetensors"))) {
    std::ifstream file(folder / (variant + ".json"));
    if (!file) throw std::runtime_error("no file " + (folder / (variant + ".json")).string());
    file >> description;
  }

  static vcell::SetLoss loss_of(const std::string& name) {
    if (name == "energy") return vcell::SetLoss::energy_distance;
    if (name == "mse") return vcell::SetLoss::mean_squared_error;
    if (name == "sinkhorn") return vcell::SetLoss::sinkhorn;
    if (name == "se") return vcell::SetLoss::energy_sinkhorn;
    throw std::runtime_error("the goldens name an unknown loss " + name);
  }

  vcell::StateTransitionConfig config() const {
    const auto& a = description.at("arguments");
    const auto& backbone = a.at("transformer_backbone_kwargs");
    vcell::StateTransitionConfig c;
    c.input_width = a.at("input_dim");
    c.output_width = a.at("output_dim");
    c.perturbation_width = a.at("pert_dim");
    c.hidden = a.at("hidden_dim");
    c.layers = backbone.at("num_hidden_layers");
    c.heads = backbone.at("num_attention_heads");
    c.head_dim = backbone.at("head_dim");
    c.mlp_width = backbone.at("intermediate_size");
    c.encoder_layers = a.at("n_encoder_layers");
    c.decoder_layers = a.at("n_decoder_layers");
    c.basal_mlp = a.at("use_basal_projection");
    c.predict_residual = a.at("predict_residual");
    c.batches = a.at("batch_encoder") ? size_t(a.at("batch_dim")) : 0;
    c.output_space =
        a.at("output_space") == "all" ? vcell::OutputSpace::all_genes : vcell::OutputSpace::hvg;
    c.dropout = a.at("dropout");
    c.loss = loss_of(a.at("loss"));
    c.blur = a.at("blur");
    c.loss_chunks = a.value("mmd_num_chunks", size_t(1));
    c.floor_squared = 1e-8;  // geomloss, see the README of the goldens
    return c;
  }

  template <class T>
  vcell::StateTransition<T> model() const {
    const auto c = config();
    vcell::StateTransition<T> m(c);
    vcell::load_parameters(m.parameters(), weights.tensors, [&](std::string_view name) {
      return vcell::StateTransition<T>::is_ignored(name, c);
    });
    return m;
  }

  template <class T, int rank>
  vcell::Tensor<T, rank> tensor(const std::string& key) const {
    const auto& array = data.tensors.at(key);
    vcell::Shape<rank> shape{};
    REQUIRE(array.shape.size() == size_t(rank));
    std::copy(array.shape.begin(), array.shape.end(), shape.begin());
    return vcell::Tensor<T, rank>(shape, array.template as<T>());
  }

  /// The inputs of one step.
  template <class T>
  struct Batch {
    vcell::Variable<T, 3> control, target;
    vcell::Variable<T, 2> perturbation;  // the row that all cells of a set share
    vcell::Tensor<int32_t, 2> batch;
  };
  template <class T>
  Batch<T> batch(int step) const {
    const auto key = [&](const char* name) { return vcell::message("step", step, '.', name); };
    const auto pert = tensor<T, 3>(key("pert"));
    vcell::Tensor<T, 2> row({pert.shape(0), pert.shape(2)});
    for (size_t b = 0; b < pert.shape(0); ++b)
      for (size_t s = 0; s < pert.shape(1); ++s)
        for (size_t p = 0; p < pert.shape(2); ++p) {
          if (s == 0) row(b, p) = pert(b, s, p);
          REQUIRE(row(b, p) == pert(b, s, p));
        }
    return {vcell::Variable<T, 3>(tensor<T, 3>(key("ctrl"))),
            vcell::Variable<T, 3>(tensor<T, 3>(key("target"))), vcell::Variable<T, 2>(row),
            config().batches ? tensor<int32_t, 2>(key("batch")) : vcell::Tensor<int32_t, 2>()};
  }
};

}  // namespace vcell_test
