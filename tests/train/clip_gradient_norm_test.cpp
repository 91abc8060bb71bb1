#include "vcell/train/clip_gradient_norm.hpp"

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/threads.hpp"
#include "vcell/io/safetensors.hpp"

using namespace vcell;
using vcell_test::contains;
using vcell_test::golden_folder;

namespace {

/// A parameter whose gradient has given values.
template <class T>
void add_gradient(Parameters<T>& parameters, const std::vector<T>& values) {
  const auto p =
      parameters.template add<1>(message("p", parameters.all().size()), {values.size()}, Initial());
  std::copy(values.begin(), values.end(), p.gradient().data);
}

template <class T>
void check_norm(const Safetensors& file, const std::string& name, double max_norm) {
  const double bound = std::is_same_v<T, double> ? 1e-12 : 2e-6;
  Parameters<T> parameters;
  for (size_t i = 0; file.tensors.contains(message(name, ".in.", i)); ++i)
    add_gradient(parameters, file.tensors.at(message(name, ".in.", i)).template as<T>());
  REQUIRE(!parameters.all().empty());
  const double norm = clip_gradient_norm(parameters, max_norm);
  const double golden_norm = file.tensors.at(name + ".f64.norm").template as<double>().at(0);
  INFO(name);
  REQUIRE(std::abs(norm - golden_norm) <= bound * golden_norm);
  for (size_t i = 0; i < parameters.all().size(); ++i) {
    const auto golden = file.tensors.at(message(name, ".f64.out.", i)).template as<double>();
    double scale = 0;
    for (const double v : golden) scale = std::max(scale, std::abs(v));
    for (size_t k = 0; k < golden.size(); ++k)
      REQUIRE(std::abs(double(parameters.all()[i].gradient()[k]) - golden[k]) <= bound * scale);
  }
}

}  // namespace

TEST_CASE("clip_gradient_norm: golden", "[train][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  const Safetensors file = read_safetensors(*folder / "clip_grad_norm.safetensors");
  std::ifstream in(*folder / "ops.json");
  const auto cases = nlohmann::json::parse(in).at("ops").at("clip_grad_norm");
  REQUIRE(!cases.empty());
  for (const auto& [name, a] : cases.items()) {
    check_norm<double>(file, name, a.at("max_norm"));
    check_norm<float>(file, name, a.at("max_norm"));
  }
}

TEST_CASE("clip_gradient_norm: the same bytes for any number of threads", "[train]") {
  std::vector<float> values(5 * (1 << 14) + 13);
  Rng rng(3);
  for (float& v : values) v = float(rng.normal());
  vcell_test::check_same_on_any_threads([&] {
    Parameters<float> parameters;
    add_gradient(parameters, values);
    const double norm = clip_gradient_norm(parameters, 1);
    REQUIRE(norm == Approx(std::sqrt(double(values.size()))).epsilon(0.01));
    const auto g = parameters.all()[0].gradient();
    std::vector<double> out(g.begin(), g.end());
    out.push_back(norm);
    return out;
  });
}

TEST_CASE("clip_gradient_norm: what is not finite is told and left alone", "[train]") {
  Parameters<float> parameters;
  add_gradient<float>(parameters, {1, std::numeric_limits<float>::infinity(), 2});
  REQUIRE(std::isinf(clip_gradient_norm(parameters, 1)));
  REQUIRE(parameters.all()[0].gradient()[2] == 2);
  Parameters<float> other;
  add_gradient<float>(other, {1, std::numeric_limits<float>::quiet_NaN()});
  REQUIRE(std::isnan(clip_gradient_norm(other, 1)));
  REQUIRE(other.all()[0].gradient()[0] == 1);
}

TEST_CASE("clip_gradient_norm: edges and errors", "[train]") {
  Parameters<float> none;
  REQUIRE(clip_gradient_norm(none, 1) == 0);
  Parameters<float> parameters;
  add_gradient<float>(parameters, {3, 4});
  REQUIRE(clip_gradient_norm(parameters, std::numeric_limits<double>::infinity()) == 5);
  REQUIRE(parameters.all()[0].gradient()[1] == 4);
  REQUIRE_THROWS_WITH(clip_gradient_norm(parameters, 0.0), contains("max_norm is 0"));
  REQUIRE_THROWS_AS(clip_gradient_norm(parameters, std::nan("")), ConfigError);
}

TEST_CASE("clip_gradient_norm: a norm of just max_norm is scaled a little", "[train]") {
  Parameters<double> parameters;
  add_gradient<double>(parameters, {3, 4});
  REQUIRE(clip_gradient_norm(parameters, 5.0) == 5);
  REQUIRE(parameters.all()[0].gradient()[0] == 3 * (5 / (5 + 1e-6)));
}
