#include "models/state_transition_step.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "vcell/train/adam.hpp"
#include "vcell/train/clip_gradient_norm.hpp"

using namespace vcell;
using vcell_test::check_state_transition_step, vcell_test::gradient_bound,
    vcell_test::largest_magnitude, vcell_test::loss_bound, vcell_test::StateTransitionGolden,
    vcell_test::variants_of, vcell_test::worse, vcell_test::zero_bound;

namespace {

// What the README of the goldens allows.
template <class T>
constexpr double final_bound = sizeof(T) == 8 ? 1e-6 : 1e-4;
template <class T>
constexpr double noise_bound = sizeof(T) == 8 ? 1e-7 : 1e-4;

template <class T>
void check_variant(const StateTransitionGolden& golden) {
  const auto config = golden.config();
  const auto model = golden.model<T>();
  const auto& f64 = golden.description.at("f64");
  const auto terms_of = [&](const auto& batch) {
    return state_transition_terms(config,
                                  model.predict(batch.control, batch.perturbation, batch.batch),
                                  batch.targets, batch.control);
  };

  check_state_transition_step<T, Cpu>(golden);

  // The trajectory: five steps of Adam with clipping.
  const auto& a = golden.description.at("adam");
  Adam<T> adam(model.parameters(), {.beta1 = a.at("betas").at(0),
                                    .beta2 = a.at("betas").at(1),
                                    .epsilon = a.at("eps"),
                                    .weight_decay = 0});
  // Entries whose gradient was noise in some step: Adam divides noise by noise there, and moves
  // them by up to the rate.
  std::map<std::string, std::vector<bool>> noisy;
  for (int step = 0; step < 5; ++step) {
    const auto batch = golden.batch<T>(step);
    const auto loss = terms_of(batch).total();
    const double expected_loss = f64.at("losses").at(size_t(step));
    CHECK(double(*loss.value().data) == Approx(expected_loss).epsilon(loss_bound<T>));
    backward(loss);
    for (const auto& p : model.parameters().all()) {
      auto& flags = noisy[p.name];
      flags.resize(p.count);
      const double noise = noise_bound<T> * largest_magnitude(p.gradient()) + zero_bound<T>;
      for (size_t i = 0; i < flags.size(); ++i) {
        const double g = std::abs(double(p.gradient()[i]));
        flags[i] = flags[i] || (g != 0 && !(g > noise));
      }
    }
    const double norm = clip_gradient_norm(model.parameters(), a.at("clip_norm"));
    const double expected_norm = f64.at("gradient_norms").at(size_t(step));
    CHECK(norm == Approx(expected_norm).epsilon(gradient_bound<T>));
    adam.step(a.at("lr"));
    model.parameters().clear_gradients();
  }
  size_t all = 0, strict = 0;
  const auto finals = golden.arrays("f64.final.");
  CHECK(finals.size() == model.parameters().all().size());
  for (const auto& p : model.parameters().all()) {
    INFO(p.name);
    const auto last = finals.at(p.name).template as<double>();
    REQUIRE(last.size() == p.count);
    double worst = 0, worst_noise = 0;
    for (size_t i = 0; i < last.size(); ++i) {
      double& w = noisy[p.name][i] ? worst_noise : worst;
      w = worse(w, std::abs(double(p.value()[i]) - last[i]));
      ++all;
      strict += !noisy[p.name][i];
    }
    CHECK(worst < final_bound<T>);
    CHECK(worst_noise < 5e-3);
  }
  CHECK(strict > all / 2);  // else little was compared
}

}  // namespace

TEST_CASE("StateTransition golden: double", "[models][golden]") {
  const auto folder = vcell_test::golden_folder("state_transition");
  if (!folder) VCELL_SKIP("golden folder state_transition is absent");
  for (const auto& variant : variants_of(*folder)) {
    INFO(variant);
    check_variant<double>(StateTransitionGolden(*folder, variant));
  }
}

TEST_CASE("StateTransition golden: float", "[models][golden]") {
  const auto folder = vcell_test::golden_folder("state_transition");
  if (!folder) VCELL_SKIP("golden folder state_transition is absent");
  for (const auto& variant : variants_of(*folder)) {
    INFO(variant);
    check_variant<float>(StateTransitionGolden(*folder, variant));
  }
}
