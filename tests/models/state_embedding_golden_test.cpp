#include "models/state_embedding_step.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "vcell/train/adam.hpp"
#include "vcell/train/clip_gradient_norm.hpp"

using namespace vcell;
using vcell_test::batch_of, vcell_test::check_state_embedding_step,
    vcell_test::embedding_variants_of, vcell_test::largest_magnitude, vcell_test::loose_bound,
    vcell_test::StateEmbeddingGolden, vcell_test::worse;

namespace {

template <class T>
void check_variant(const StateEmbeddingGolden& golden) {
  constexpr bool wide = sizeof(T) == 8;
  check_state_embedding_step<T, Cpu>(golden);
  const auto config = golden.config();
  const auto model = golden.model<T>();
  const auto expected = [&](const std::string& key) {
    return golden.data.tensors.at("f64." + key).as<double>();
  };
  const auto batch = batch_of<T>(golden);
  const double loose = loose_bound<T>(config);
  const auto losses = golden.description.at("f64").at("losses");
  const auto rates = golden.description.at("f64").at("learning_rates");
  Adam<T> adam(model.parameters(),
               {.weight_decay = golden.setting("optimizer", "weight_decay"), .decoupled = true});
  const bool has_final = golden.data.tensors.count("f64.final.cls_token");
  std::map<std::string, std::vector<bool>> noisy;
  for (size_t step = 0; step < losses.size(); ++step) {
    const auto loss = state_embedding_step(model, batch);
    CHECK(double(*loss.total.value().data) == Approx(double(losses[step])).epsilon(loose));
    backward(loss.total);
    double largest = 0;
    for (const auto& p : model.parameters().all())
      largest = worse(largest, largest_magnitude(p.gradient()));
    for (const auto& p : model.parameters().all()) {
      INFO(p.name);
      auto& flags = noisy[p.name];
      flags.resize(p.count);
      for (size_t i = 0; i < p.count; ++i) {
        const double g = std::abs(double(p.gradient()[i]));
        flags[i] = flags[i] || g < (wide ? 1e-9 : 2e-5) * largest;
      }
    }
    clip_gradient_norm(model.parameters(), golden.setting("optimizer", "max_grad_norm"));
    adam.step(rates[step]);
    model.parameters().clear_gradients();
  }
  if (!has_final) return;
  size_t strict = 0, all = 0;
  for (const auto& p : model.parameters().all()) {
    INFO(p.name);
    const auto last = expected("final." + p.name);
    REQUIRE(last.size() == p.count);
    double worst = 0, worst_noise = 0;
    for (size_t i = 0; i < last.size(); ++i) {
      double& w = noisy[p.name][i] ? worst_noise : worst;
      w = worse(w, std::abs(double(p.value()[i]) - last[i]));
      strict += !noisy[p.name][i];
      ++all;
    }
    CHECK(worst < 1e-5);
    CHECK(worst_noise < 3 * 1e-3);
  }
  CHECK(strict > all * 2 / 3);  // else little was compared
}

template <class T>
void check_all() {
  const auto folder = vcell_test::golden_folder("state_embedding");
  if (!folder) VCELL_SKIP("golden folder state_embedding is absent");
  const auto variants = embedding_variants_of(*folder);
  CHECK(variants.size() == 6);
  for (const auto& variant : variants) {
    INFO(variant);
    check_variant<T>(StateEmbeddingGolden(*folder, variant));
  }
}

}  // namespace

TEST_CASE("StateEmbedding golden: double", "[models][golden]") { check_all<double>(); }
TEST_CASE("StateEmbedding golden: float", "[models][golden]") { check_all<float>(); }
