#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/nn/llama.hpp"

using namespace vcell;
using vcell_test::relative_error;

namespace {

template <class T>
void check_llama(const Safetensors& file, const std::string& name, const nlohmann::json& n,
                 double bound) {
  INFO(name);
  const auto numbers = [&](const std::string& key) {
    return file.tensors.at(name + "." + key).as<T>();
  };
  const auto doubles = [&](const std::string& key) {
    return file.tensors.at(name + "." + key).as<double>();
  };
  Parameters<T> parameters;
  const Llama<T> model(parameters, "param",
                       {.width = n.at("hidden_size"),
                        .layers = n.at("num_hidden_layers"),
                        .heads = n.at("num_attention_heads"),
                        .head_dim = n.at("head_dim"),
                        .mlp_width = n.at("intermediate_size"),
                        .epsilon = n.at("eps")});
  for (const auto& p : parameters.all()) {
    const auto values = numbers("in." + p.name);
    REQUIRE(file.tensors.at(name + ".in." + p.name).shape == p.shape);
    std::copy(values.begin(), values.end(), p.mutable_value().begin());
  }
  const auto& shape = file.tensors.at(name + ".in.x").shape;
  const Variable<T, 3> x(Tensor<T, 3>({shape.at(0), shape.at(1), shape.at(2)}, numbers("in.x")),
                         true);
  const auto out = model(x);
  CHECK(relative_error(out.value(), doubles("f64.out")) < bound);
  const Tensor<T, 3> cotangent(out.shape(), numbers("cot"));
  backward(out, cotangent.view());
  CHECK(relative_error(x.gradient(), doubles("f64.grad.x")) < bound);
  for (const auto& p : parameters.all()) {
    INFO(p.name);
    CHECK(relative_error(p.gradient(), doubles("f64.grad." + p.name)) < bound);
  }
}

}  // namespace

TEST_CASE("Llama golden", "[nn][golden]") {
  const auto folder = vcell_test::golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  const auto file = read_safetensors(*folder / "llama_model.safetensors");
  std::ifstream text(*folder / "ops.json");
  const auto cases = nlohmann::json::parse(text).at("ops").at("llama_model");
  REQUIRE_FALSE(cases.empty());
  for (const auto& [name, attributes] : cases.items()) {
    check_llama<double>(file, name, attributes, 1e-12);
    // Errors of single operations, at most 2e-6, add up over the layers.
    check_llama<float>(file, name, attributes, 1e-5);
  }
}
