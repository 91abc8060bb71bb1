#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/models/reference_arrays.hpp"
#include "vcell/nn/gpt2.hpp"
#include "vcell/nn/load_parameters.hpp"

using namespace vcell;
using vcell_test::largest_difference, vcell_test::largest_magnitude, vcell_test::relative_error;

namespace {

/// The arrays of a case whose names begin alike, as ours hold them.
std::map<std::string, Array> arrays_of(const Safetensors& file, const std::string& beginning) {
  std::map<std::string, Array> arrays;
  for (const auto& [name, array] : file.tensors)
    if (name.starts_with(beginning + "param."))
      arrays["transformer_backbone." + name.substr(beginning.size() + 6)] = array;
  return from_reference({.backbone = BackboneKind::gpt2}, std::move(arrays));
}

template <class T>
void check_gpt2(const Safetensors& file, const std::string& name, const nlohmann::json& n,
                double bound) {
  INFO(name);
  REQUIRE(n.at("bidirectional") == true);
  const auto& shape = file.tensors.at(name + ".in.x").shape;
  const size_t width = shape.at(2), heads = n.at("heads");
  const auto arrays = arrays_of(file, name + ".in.");
  for (const bool recompute : {false, true}) {
    Parameters<T> parameters;
    const Gpt2<T> model(parameters, "transformer_backbone",
                        {.width = width,
                         .layers = n.at("layers"),
                         .heads = heads,
                         .head_dim = width / heads,
                         .mlp_width = arrays.at("transformer_backbone.h.0.mlp.c_fc.bias").count(),
                         .epsilon = n.at("eps"),
                         .recompute = recompute});
    load_parameters(parameters, arrays);
    const auto numbers = [&](const std::string& key) {
      return file.tensors.at(name + "." + key).as<T>();
    };
    const Variable<T, 3> x(Tensor<T, 3>({shape.at(0), shape.at(1), width}, numbers("in.x")), true);
    const auto out = model(x);
    CHECK(relative_error(out.value(), file.tensors.at(name + ".f64.out").as<double>()) < bound);
    const Tensor<T, 3> cotangent(out.shape(), numbers("cot"));
    backward(out, cotangent.view());
    CHECK(relative_error(x.gradient(), file.tensors.at(name + ".f64.grad.x").as<double>()) < bound);
    const auto gradients = arrays_of(file, name + ".f64.grad.");
    double largest = 0;
    for (const auto& [key, g] : gradients)
      largest = std::max(largest, largest_magnitude(g.template as<double>()));
    for (const auto& p : parameters.all()) {
      INFO(p.name);
      const auto g = gradients.at(p.name).template as<double>();
      // That of the keys' bias is zero, but for rounding.
      CHECK(largest_difference(p.gradient(), g) <
            bound * std::max(largest_magnitude(g), 1e-3 * largest));
    }
  }
}

}  // namespace

TEST_CASE("Gpt2 golden", "[nn][golden]") {
  const auto folder = vcell_test::golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  const auto file = read_safetensors(*folder / "gpt2_model.safetensors");
  std::ifstream text(*folder / "ops.json");
  const auto cases = nlohmann::json::parse(text).at("ops").at("gpt2_model");
  REQUIRE_FALSE(cases.empty());
  for (const auto& [name, attributes] : cases.items()) {
    check_gpt2<double>(file, name, attributes, 1e-12);
    check_gpt2<float>(file, name, attributes, 1e-5);
  }
}
