#include "vcell/train/adam.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "support/threads.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/ops/linear.hpp"
#include "vcell/ops/mean_squared_error.hpp"

using namespace vcell;
using vcell_test::contains;
using vcell_test::golden_folder;
using vcell_test::largest_difference;
using vcell_test::relative_error;

namespace {

/// The parameters `start.<i>` of the golden file.
template <class T>
Parameters<T> start_of(const Safetensors& file) {
  Parameters<T> parameters;
  for (size_t i = 0; file.tensors.contains(message("start.", i)); ++i) {
    const std::vector<T> values = file.tensors.at(message("start.", i)).as<T>();
    parameters.template add<1>(message(i), Tensor<T, 1>({values.size()}, values));
  }
  return parameters;
}

/// Makes a parameter's gradient what the file says for a step.
template <class T>
void set_gradient(const Parameter<T>& p, const std::vector<T>& all, size_t step) {
  const size_t n = p.count;
  std::copy_n(all.begin() + std::ptrdiff_t(step * n), n, p.gradient().data);
}

AdamOptions adam_options(const nlohmann::json& a) {
  const bool decoupled = a.at("class") == "AdamW";
  REQUIRE((decoupled || a.at("class") == "Adam"));
  return {a.at("betas")[0], a.at("betas")[1], a.at("eps"), a.at("weight_decay"), decoupled};
}

template <class T>
void check_case(const Safetensors& file, const std::string& name, const nlohmann::json& a) {
  const auto parameters = start_of<T>(file);
  REQUIRE(!parameters.all().empty());
  Adam<T> optimizer(parameters, adam_options(a));
  std::vector<std::vector<T>> gradients;
  for (size_t i = 0; i < parameters.all().size(); ++i)
    gradients.push_back(file.tensors.at(message("grads.", i)).template as<T>());
  const size_t steps = file.tensors.at("grads.0").shape[0];
  const bool is_double = std::is_same_v<T, double>;
  for (size_t t = 0; t < steps; ++t) {
    for (size_t i = 0; i < gradients.size(); ++i)
      set_gradient(parameters.all()[i], gradients[i], t);
    optimizer.step(a.at("lr"));
    for (size_t i = 0; i < gradients.size(); ++i) {
      const auto track = file.tensors.at(message(name, ".f64.track.", i)).template as<double>();
      const auto& p = parameters.all()[i];
      const auto golden = std::span(track).subspan(t * p.count, p.count);
      INFO(name << ", parameter " << i << ", step " << t);
      if (is_double)
        REQUIRE(relative_error(p.value(), golden) <= 1e-12);
      else
        REQUIRE(largest_difference(p.value(), golden) <= 1e-6 * double(t + 1));
    }
  }
  REQUIRE(optimizer.steps() == steps);
  for (size_t i = 0; i < gradients.size(); ++i)
    for (const bool first : {true, false}) {
      const auto& p = parameters.all()[i];
      const auto all = first ? optimizer.first() : optimizer.second();
      const size_t begin = parameters.gradient_offset(p);
      const auto golden = file.tensors.at(message(name, ".f64.exp_avg", first ? "." : "_sq.", i))
                              .template as<double>();
      INFO(name << ", parameter " << i << ", moment " << (first ? 1 : 2));
      REQUIRE(relative_error(all.slice(begin, begin + p.count), golden) <=
              (is_double ? 1e-12 : 2e-6));
    }
}

nlohmann::json attributes(const std::filesystem::path& folder, const char* op) {
  std::ifstream in(folder / "ops.json");
  return nlohmann::json::parse(in).at("ops").at(op);
}

}  // namespace

TEST_CASE("adam: golden", "[train][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  const Safetensors file = read_safetensors(*folder / "adam.safetensors");
  const auto cases = attributes(*folder, "adam");
  REQUIRE(!cases.empty());
  for (const auto& [name, a] : cases.items()) {
    check_case<double>(file, name, a);
    check_case<float>(file, name, a);
  }
}

TEST_CASE("adam: the same bytes for any number of threads", "[train]") {
  const size_t n = 3 * (1 << 12) + 77;  // several pieces and a rest
  vcell_test::check_same_on_any_threads([&] {
    Parameters<float> parameters(5);
    parameters.add<1>("w", {n}, Initial::normal(1));
    Adam<float> optimizer(parameters, {.weight_decay = 0.1});
    const auto& w = parameters.all()[0];
    for (int step = 0; step < 3; ++step) {
      for (size_t i = 0; i < n; ++i) w.gradient()[i] = w.value()[i] * float(step) - 0.5f;
      optimizer.step(1e-2);
    }
    return std::vector<float>(w.value().begin(), w.value().end());
  });
}

TEST_CASE("adam: going on from saved moments is the same as not stopping", "[train]") {
  const auto train = [](int steps, bool restart) {
    Parameters<double> parameters(1);
    const auto w = parameters.add<2>("w", {3, 4}, Initial::normal(1));
    const Variable<double, 2> x(Tensor<double, 2>({5, 4}, std::vector<double>(20, 0.5)));
    const Variable<double, 2> y(Tensor<double, 2>({5, 3}));
    auto optimizer = std::make_unique<Adam<double>>(parameters, AdamOptions{.weight_decay = 0.01});
    for (int i = 0; i < steps; ++i) {
      parameters.clear_gradients();
      backward(mean_squared_error(linear(x, w, {}), y));
      if (restart && i == steps / 2) {
        auto other = std::make_unique<Adam<double>>(parameters, AdamOptions{.weight_decay = 0.01});
        other->restore(optimizer->steps(), to_host(optimizer->first()),
                       to_host(optimizer->second()));
        optimizer = std::move(other);
      }
      optimizer->step(0.1);
    }
    return std::vector<double>(w.value().begin(), w.value().end());
  };
  REQUIRE(train(9, true) == train(9, false));
  REQUIRE(train(9, false) != train(8, false));
}

TEST_CASE("adam: a parameter without elements, and one that no gradient reached", "[train]") {
  Parameters<float> parameters;
  parameters.add<1>("none", {0}, Initial::constant(0));
  const auto w = parameters.add<1>("w", {2}, Initial::constant(3));
  Adam<float> optimizer(parameters, {.weight_decay = 0.5});
  optimizer.step(0.1);
  REQUIRE(w.value()[0] == Approx(3 * 0.95));  // decay alone
  Adam<float> adam(parameters);
  adam.step(0.1);
  REQUIRE(w.value()[1] == Approx(3 * 0.95));  // nothing
}

TEST_CASE("adam: errors", "[train]") {
  Parameters<float> parameters;
  parameters.add<1>("w", {2}, Initial::constant(3));
  REQUIRE_THROWS_WITH(Adam<float>(parameters, {.beta1 = 1}), contains("beta1 is 1"));
  REQUIRE_THROWS_WITH(Adam<float>(parameters, {.beta2 = -0.1}), contains("beta2 is -0.1"));
  REQUIRE_THROWS_WITH(Adam<float>(parameters, {.epsilon = 0}), contains("epsilon is 0"));
  REQUIRE_THROWS_WITH(Adam<float>(parameters, {.weight_decay = -1}),
                      contains("weight_decay is -1"));
  Adam<float> optimizer(parameters);
  const size_t n = optimizer.first().count();
  REQUIRE_THROWS_AS(optimizer.restore(1, {}, {}), ShapeError);
  REQUIRE_THROWS_AS(optimizer.restore(1, Tensor<float, 1>({n}), Tensor<float, 1>({n + 1})),
                    ShapeError);
  REQUIRE(optimizer.steps() == 0);
}

TEST_CASE("adam: what is frozen stays, what is around it is updated as without it", "[train]") {
  const auto train = [](bool with_frozen) {
    Parameters<double> parameters(1);
    const auto a = parameters.add<1>("a.w", {5}, Initial::normal(1));
    if (with_frozen) parameters.add<1>("b.w", {7}, Initial::normal(1));
    const auto c = parameters.add<1>("c.w", {3}, Initial::normal(1));
    std::vector<double> before;
    if (with_frozen) {
      parameters.freeze("b");
      const auto v = parameters.find("b.w")->value();
      before.assign(v.begin(), v.end());
    }
    Adam<double> optimizer(parameters, {.weight_decay = 0.1});
    CHECK(optimizer.first().count() == 8 + 8);  // entries on 64 bytes
    for (int i = 0; i < 3; ++i) {
      parameters.clear_gradients();
      for (const auto* p : {&a, &c})
        for (double& g : p->gradient()) g = 0.5 + i;
      optimizer.step(0.1);
    }
    if (with_frozen) {
      CHECK_FALSE(parameters.find("b.w")->gradient());
      const auto v = parameters.find("b.w")->value();
      CHECK(std::equal(v.begin(), v.end(), before.begin()));
    }
    std::vector<double> all(a.value().begin(), a.value().end());
    all.insert(all.end(), c.value().begin(), c.value().end());
    return all;
  };
  CHECK(train(true) == train(false));
}

TEST_CASE("adam: the factor of clipping, and not-a-number for no step at all", "[train]") {
  Parameters<double> parameters(1);
  const auto w = parameters.add<1>("w", {3}, Initial::constant(1));
  Adam<double> optimizer(parameters);
  w.gradient()[1] = 4;
  double factor = 0.25;
  const View<const double, 0> view{&factor, {}};
  optimizer.step(0.1, view);
  CHECK(optimizer.first()[1] == Approx(0.1 * 0.25 * 4));
  CHECK(optimizer.second()[1] == Approx(0.001 * 1));
  factor = NAN;
  const double value = w.value()[1], moment = optimizer.first()[1];
  optimizer.step(0.1, view);
  CHECK(w.value()[1] == value);
  CHECK(optimizer.first()[1] == moment);
  optimizer.take_back(1);
  CHECK(optimizer.steps() == 1);
}
