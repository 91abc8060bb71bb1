// One variant of the State Transition goldens: its configuration, weights and data.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/models/reference_arrays.hpp"
#include "vcell/models/state_transition_terms.hpp"
#include "vcell/nn/load_parameters.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/train/reference_config.hpp"

namespace vcell_test {

/// Nested settings with every nesting gone.
inline vcell::FlatSettings flat(const nlohmann::json& nested) {
  vcell::FlatSettings out;
  const auto add = [&](const auto& self, const std::string& key,
                       const nlohmann::json& value) -> void {
    if (value.is_structured())
      for (const auto& [name, item] : value.items())
        self(self, key.empty() ? name : key + '.' + name, item);
    else if (!value.is_null())
      out[key] = value.is_string() ? value.get<std::string>() : value.dump();
  };
  add(add, "", nested);
  return out;
}

/// All variants that a folder has.
inline std::vector<std::string> variants_of(const std::filesystem::path& folder) {
  std::ifstream file(folder / "index.json");
  return nlohmann::json::parse(file).at("variants");
}

struct StateTransitionGolden {
  nlohmann::json description;
  std::string name;
  vcell::Safetensors weights, data;

  StateTransitionGolden(const std::filesystem::path& folder, const std::string& variant)
      : name(variant),
        weights(vcell::read_safetensors(folder / (variant + ".weights.safetensors"))),
        data(vcell::read_safetensors(folder / (variant + ".data.safetensors"))) {
    std::ifstream file(folder / (variant + ".json"));
    if (!file) throw std::runtime_error("no file " + (folder / (variant + ".json")).string());
    file >> description;
  }

  vcell::StateTransitionConfig config() const {
    auto c = vcell::reference_config(flat(description.at("arguments"))).model;
    // The arguments of both gpt2 variants are the same.
    if (name == "gpt2_bidirectional") c.attention = vcell::AttentionPattern::everybody;
    return c;
  }

  template <class T, class Device = vcell::Cpu>
  vcell::StateTransition<T, Device> model(const vcell::StateTransitionConfig& c) const {
    vcell::StateTransition<T, Device> m(c);
    vcell::load_parameters(m.parameters(), vcell::from_reference(c, weights.tensors));
    return m;
  }
  template <class T, class Device = vcell::Cpu>
  vcell::StateTransition<T, Device> model() const {
    return model<T, Device>(config());
  }

  /// Arrays of the data whose names begin alike, as ours hold them.
  std::map<std::string, vcell::Array> arrays(const std::string& beginning) const {
    std::map<std::string, vcell::Array> found;
    for (const auto& [key, array] : data.tensors)
      if (key.starts_with(beginning)) found[key.substr(beginning.size())] = array;
    return vcell::from_reference(config(), std::move(found));
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
  template <class T, class Device = vcell::Cpu>
  struct Batch {
    vcell::Variable<T, 3, Device> control;
    vcell::Variable<T, 2, Device> perturbation;  // the row that all cells of a set share
    vcell::Tensor<int32_t, 2> batch;             // for a batch encoder, on the host
    vcell::StateTransitionTargets<T, Device> targets;
  };
  template <class T, class Device = vcell::Cpu>
  Batch<T, Device> batch(int step) const {
    const auto c = config();
    const auto key = [&](const char* part) { return vcell::message("step", step, '.', part); };
    const auto pert = tensor<T, 3>(key("pert"));
    vcell::Tensor<T, 2> row({pert.shape(0), pert.shape(2)});
    for (size_t b = 0; b < pert.shape(0); ++b)
      for (size_t s = 0; s < pert.shape(1); ++s)
        for (size_t p = 0; p < pert.shape(2); ++p) {
          if (s == 0) row(b, p) = pert(b, s, p);
          REQUIRE(row(b, p) == pert(b, s, p));
        }
    Batch<T, Device> out;
    const auto cells = [&](const char* part) {
      return vcell::Variable<T, 3, Device>(vcell::to_device<Device>(tensor<T, 3>(key(part))));
    };
    out.control = cells("ctrl");
    out.perturbation = vcell::Variable<T, 2, Device>(vcell::to_device<Device>(row));
    if (c.batches) out.batch = tensor<int32_t, 2>(key("batch"));
    out.targets.cells = cells("target");
    if (c.gene_width) out.targets.genes = cells("counts");
    if (c.token_batches)
      out.targets.batches = vcell::batch_of_sets(tensor<int32_t, 2>(key("batch")));
    return out;
  }
};

}  // namespace vcell_test
