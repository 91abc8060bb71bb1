#include "vcell/nn/soft_binning.hpp"

#include "support/check_op.hpp"
#include "support/golden_op.hpp"
#include "vcell/nn/skip_block.hpp"

using namespace vcell;

namespace {

template <class T>
void check_binning(const Safetensors& file, const std::string& name, const nlohmann::json& n,
                   double bound) {
  INFO(name);
  const auto array = [&](const std::string& key) { return file.tensors.at(name + "." + key); };
  const auto shape = array("in.value").shape;
  Parameters<T> parameters;
  const SoftBinning<T> layer(parameters, "mlp", "table",
                             {.width = array("in.table").shape.at(1),
                              .bins = n.at("bins"),
                              .hidden = n.at("hidden"),
                              .slope = n.at("slope")});
  const std::map<std::string, std::string> keys{{"mlp.0.weight", "w1"},
                                                {"mlp.0.bias", "b1"},
                                                {"mlp.2.weight", "w2"},
                                                {"mlp.2.bias", "b2"},
                                                {"table.weight", "table"}};
  REQUIRE(parameters.all().size() == keys.size());
  for (const auto& p : parameters.all()) {
    const auto given = array("in." + keys.at(p.name));
    REQUIRE(given.shape == p.shape);
    std::ranges::copy(given.template as<T>(), p.mutable_value().begin());
  }
  const Tensor<T, 2> values({shape.at(0), shape.at(1)}, array("in.value").template as<T>());
  const auto out = layer(Variable<T, 2>(values));
  CHECK(vcell_test::relative_error(out.value(), array("f64.out").template as<double>()) < bound);
  const Tensor<T, 3> cotangent(out.shape(), array("cot").template as<T>());
  backward(out, cotangent.view());
  for (const auto& p : parameters.all()) {
    INFO(p.name);
    const auto golden = array("f64.grad." + keys.at(p.name)).template as<double>();
    CHECK(vcell_test::relative_error(p.gradient(), golden) < bound);
  }
}

}  // namespace

TEST_CASE("SoftBinning golden", "[nn][golden]") {
  const auto folder = vcell_test::golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  const auto file = read_safetensors(*folder / "soft_binning.safetensors");
  std::ifstream text(*folder / "ops.json");
  const auto cases = nlohmann::json::parse(text).at("ops").at("soft_binning");
  REQUIRE_FALSE(cases.empty());
  for (const auto& [name, attributes] : cases.items()) {
    check_binning<double>(file, name, attributes, 1e-12);
    check_binning<float>(file, name, attributes, 2e-6);
  }
}

TEST_CASE("SoftBinning: a mixture of the table's rows", "[nn]") {
  Parameters<double> p(5);
  const SoftBinning<double> layer(p, "m", "t", {.width = 3, .bins = 4, .hidden = 7});
  std::ranges::fill(p.find("t.weight")->mutable_value(), 2.0);
  const auto y = layer(Variable<double, 1>(vcell_test::random_tensor<double, 1>({9}, 1)));
  CHECK(y.shape() == Shape<2>{9, 3});
  for (const double v : y.value()) CHECK(v == Approx(2).epsilon(1e-13));
  CHECK(layer(Variable<double, 2>(Tensor<double, 2>({0, 4}))).shape() == Shape<3>{0, 4, 3});
}

TEST_CASE("SkipBlock: by hand", "[nn]") {
  Parameters<double> p(5);
  const SkipBlock<double> block(p, "s", 2);
  const auto set = [&](const char* name, std::vector<double> values) {
    REQUIRE(p.find(name));
    REQUIRE(p.find(name)->count == values.size());
    std::ranges::copy(values, p.find(name)->mutable_value().begin());
  };
  set("s.intermediate_dense.weight", {1, 0, -1, 0, 0, 1, 0, -1});
  set("s.intermediate_dense.bias", {0, 0, 0, 1});
  set("s.dense.weight", {1, 2, 3, 4, 5, 6, 7, 8});
  set("s.dense.bias", {0.5, -0.5});
  set("s.layer_norm.weight", {2, 3});
  set("s.layer_norm.bias", {1, -1});
  // relu(W1 x + b1) of (2, -1): (2, 0, 0, 2); plus x: (2 + 10.5, -1 + 25.5); the norm of two
  // numbers is -1 and 1, but for epsilon: 36 of the variance.
  const auto y = block(Variable<double, 2>(Tensor<double, 2>({1, 2}, std::vector<double>{2, -1})));
  const double r = 6 / std::sqrt(36 + 1e-5);
  CHECK(y.value()(0, 0) == Approx(1 - 2 * r).epsilon(1e-14));
  CHECK(y.value()(0, 1) == Approx(-1 + 3 * r).epsilon(1e-14));
}
