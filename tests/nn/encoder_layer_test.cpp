#include "vcell/nn/encoder_layer.hpp"

#include "support/check_op.hpp"
#include "support/golden_op.hpp"
#include "support/threads.hpp"

using namespace vcell;

namespace {

/// The name that torch's layer has for a parameter.
std::string golden_name(const std::string& name) {
  if (name == "param.qkv_proj.weight") return "param.self_attn.in_proj_weight";
  if (name == "param.qkv_proj.bias") return "param.self_attn.in_proj_bias";
  if (name.starts_with("param.out_proj.")) return "param.self_attn." + name.substr(6);
  return name;
}

template <class T>
void check_layer(const Safetensors& file, const std::string& name, const nlohmann::json& n,
                 double bound) {
  INFO(name);
  const auto numbers = [&](const std::string& key) {
    return file.tensors.at(name + "." + key).as<T>();
  };
  const auto doubles = [&](const std::string& key) {
    return file.tensors.at(name + "." + key).as<double>();
  };
  const auto shape = file.tensors.at(name + ".in.x").shape;
  Parameters<T> parameters;
  const EncoderLayer<T> layer(
      parameters, "param",
      {.width = shape.at(2),
       .heads = n.at("heads"),
       .mlp_width = file.tensors.at(name + ".in.param.linear1.bias").shape.at(0),
       .norm_first = n.at("norm_first"),
       .epsilon = n.at("eps")});
  for (const auto& p : parameters.all()) {
    const auto key = golden_name(p.name);
    REQUIRE(file.tensors.at(name + ".in." + key).shape == p.shape);
    std::ranges::copy(numbers("in." + key), p.mutable_value().begin());
  }
  const Variable<T, 3> x(Tensor<T, 3>({shape[0], shape[1], shape[2]}, numbers("in.x")), true);
  AttentionMask<> mask;
  if (file.tensors.count(name + ".in.keep")) {
    const auto keep = file.tensors.at(name + ".in.keep").template as<float>();
    Tensor<bool, 4> allowed({shape[0], 1, shape[1], shape[1]});
    for (size_t b = 0; b < shape[0]; ++b)
      for (size_t i = 0; i < shape[1]; ++i)
        for (size_t j = 0; j < shape[1]; ++j) allowed(b, 0, i, j) = keep[b * shape[1] + j] != 0;
    mask.allowed = Variable<bool, 4>(std::move(allowed));
  }
  const auto out = layer(x, mask);
  CHECK(vcell_test::relative_error(out.value(), doubles("f64.out")) < bound);
  const Tensor<T, 3> cotangent(out.shape(), numbers("cot"));
  backward(out, cotangent.view());
  CHECK(vcell_test::relative_error(x.gradient(), doubles("f64.grad.x")) < bound);
  for (const auto& p : parameters.all()) {
    INFO(p.name);
    CHECK(vcell_test::relative_error(p.gradient(), doubles("f64.grad." + golden_name(p.name))) <
          bound);
  }
}

}  // namespace

TEST_CASE("EncoderLayer golden", "[nn][golden]") {
  const auto folder = vcell_test::golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  const auto file = read_safetensors(*folder / "encoder_layer.safetensors");
  std::ifstream text(*folder / "ops.json");
  const auto cases = nlohmann::json::parse(text).at("ops").at("encoder_layer");
  REQUIRE_FALSE(cases.empty());
  for (const auto& [name, attributes] : cases.items()) {
    check_layer<double>(file, name, attributes, 1e-10);
    check_layer<float>(file, name, attributes, 1e-5);
  }
}

TEST_CASE("EncoderLayer: heads that do not divide the width are named", "[nn]") {
  Parameters<float> p;
  vcell_test::fails<ConfigError>(
      [&] { EncoderLayer<float>(p, "a", {.width = 10, .heads = 3, .mlp_width = 4}); },
      {"EncoderLayer", "3 heads", "width 10"})();
}

TEST_CASE("EncoderLayer: padding has no part in the rest, and tokens have no order", "[nn]") {
  Parameters<double> p(3);
  const EncoderLayer<double> layer(p, "a", {.width = 6, .heads = 2, .mlp_width = 5});
  const auto x = vcell_test::random_tensor<double, 3>({2, 5, 6}, 1);
  Tensor<double, 3> turned(x.shape()), padded({2, 8, 6});
  for (size_t b = 0; b < 2; ++b)
    for (size_t s = 0; s < 5; ++s)
      for (size_t j = 0; j < 6; ++j) turned(b, 4 - s, j) = padded(b, s, j) = x(b, s, j);
  for (size_t j = 0; j < 6; ++j) padded(0, 6, j) = 100;
  const auto whole = layer(Variable<double, 3>(x)), other = layer(Variable<double, 3>(turned));
  const Tensor<int32_t, 1> lengths({2}, std::vector<int32_t>{5, 5});
  const auto part = layer(Variable<double, 3>(padded), {.lengths = Variable<int32_t, 1>(lengths)});
  for (size_t b = 0; b < 2; ++b)
    for (size_t s = 0; s < 5; ++s)
      for (size_t j = 0; j < 6; ++j) {
        CHECK(other.value()(b, 4 - s, j) == Approx(whole.value()(b, s, j)).epsilon(1e-12));
        CHECK(part.value()(b, s, j) == Approx(whole.value()(b, s, j)).epsilon(1e-12));
      }
}

TEST_CASE("EncoderLayer: dropout is active in training alone, at three places", "[nn]") {
  for (const bool norm_first : {false, true}) {
    Parameters<float> p(3), q(3);
    const EncoderLayerOptions n{.width = 8, .heads = 2, .mlp_width = 16, .norm_first = norm_first};
    EncoderLayerOptions dropped = n;
    dropped.dropout = 0.5;
    const EncoderLayer<float> plain(p, "a", n), random(q, "a", dropped);
    const Variable<float, 3> x(vcell_test::random_tensor<float, 3>({1, 4, 8}, 1));
    const auto values = [](const Variable<float, 3>& y) {
      return std::vector<float>(y.value().begin(), y.value().end());
    };
    const Pass<> first{.training = true, .seed = 1, .step = 1}, second{true, 1, 2};
    CHECK(values(plain(x, {}, first)) == values(random(x)));
    CHECK(values(random(x, {}, first)) != values(random(x)));
    CHECK(values(random(x, {}, first)) == values(random(x, {}, first)));
    CHECK(values(random(x, {}, first)) != values(random(x, {}, second)));
  }
}

TEST_CASE("EncoderLayer: no cells, no tokens", "[nn]") {
  Parameters<float> p(3);
  const EncoderLayer<float> layer(p, "a", {.width = 4, .heads = 1, .mlp_width = 3});
  CHECK(layer(Variable<float, 3>(Tensor<float, 3>({0, 5, 4}))).count() == 0);
  CHECK(layer(Variable<float, 3>(Tensor<float, 3>({2, 0, 4}))).count() == 0);
}
