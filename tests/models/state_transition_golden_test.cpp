#include "support/state_transition_golden.hpp"

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/train/adam.hpp"
#include "vcell/train/clip_gradient_norm.hpp"

using namespace vcell;
using vcell_test::largest_difference, vcell_test::largest_magnitude, vcell_test::relative_error,
    vcell_test::StateTransitionGolden, vcell_test::worse;

namespace {

/// All variants that the folder has.
std::vector<std::string> variants_of(const std::filesystem::path& folder) {
  std::ifstream file(folder / "index.json");
  return nlohmann::json::parse(file).at("variants");
}

/// What the reference calls a term of the loss, and what it multiplies it by.
std::pair<std::string, double> logged(std::string_view term) {
  if (term == "cells") return {"train_loss", 1};
  if (term == "genes") return {"decoder_loss", 1};
  if (term == "batch") return {"train/batch_token_loss", 1};
  if (term == "l1") return {"train/l1_regularization", 1};
  return {"train/confidence_loss", 0.01};
}

// What the README of the goldens allows.
template <class T>
constexpr double output_bound = sizeof(T) == 8 ? 1e-12 : 1e-5;
template <class T>
constexpr double loss_bound = sizeof(T) == 8 ? 1e-9 : 1e-5;
template <class T>
constexpr double gradient_bound = sizeof(T) == 8 ? 1e-9 : 1e-3;
// A gradient far below the others is what cancellation leaves of numbers as large as they: those of
// queries and keys are, where all cells of a set look alike. This share of the largest is rounding.
template <class T>
constexpr double rounding_bound = sizeof(T) == 8 ? 1e-14 : 1e-8;
template <class T>
constexpr double final_bound = sizeof(T) == 8 ? 1e-6 : 1e-4;
template <class T>
constexpr double noise_bound = sizeof(T) == 8 ? 1e-7 : 1e-4;
template <class T>
constexpr double zero_bound = sizeof(T) == 8 ? 1e-12 : 1e-6;

template <class T>
void check_variant(const StateTransitionGolden& golden) {
  const auto config = golden.config();
  const auto model = golden.model<T>();
  const auto& f64 = golden.description.at("f64");
  const auto expected = [&](const std::string& key) {
    return golden.data.tensors.at(key).as<double>();
  };
  const auto terms_of = [&](const auto& batch) {
    return state_transition_terms(config,
                                  model.predict(batch.control, batch.perturbation, batch.batch),
                                  batch.targets, batch.control);
  };

  {
    const auto first = golden.batch<T>(0);
    const auto out = model.predict(first.control, first.perturbation, first.batch);
    CHECK(relative_error(out.cells.value(), expected("f64.out")) < output_bound<T>);
    REQUIRE(bool(out.genes.mean) == golden.data.tensors.contains("f64.genes"));
    if (out.genes.mean)
      CHECK(relative_error(out.genes.mean.value(), expected("f64.genes")) < output_bound<T>);
    REQUIRE(bool(out.confidence) == golden.data.tensors.contains("f64.confidence"));
    if (out.confidence)
      CHECK(relative_error(out.confidence.value(), expected("f64.confidence")) < output_bound<T>);
    const auto all = state_transition_terms(config, out, first.targets, first.control);
    for (const auto& term : all.terms()) {
      const auto [key, factor] = logged(term.name);
      INFO(key);
      const double value = f64.at("terms").at(key);
      CHECK(factor * double(*term.value.value().data) == Approx(value).epsilon(output_bound<T>));
    }
    const double total = f64.at("terms").at("total");
    CHECK(double(*all.total().value().data) == Approx(total).epsilon(output_bound<T>));
    backward(all.total());
    const auto gradients = golden.arrays("f64.grad.");
    CHECK(gradients.size() == model.parameters().all().size());
    double largest = 0;
    for (const auto& [key, g] : gradients)
      largest = worse(largest, largest_magnitude(g.template as<double>()));
    for (const auto& p : model.parameters().all()) {
      INFO(p.name);
      const auto g = gradients.at(p.name).template as<double>();
      const double allowed =
          largest_magnitude(g) < 1e-12
              ? zero_bound<T>
              : gradient_bound<T> * largest_magnitude(g) + rounding_bound<T> * largest;
      const double error = largest_difference(p.gradient(), g);
      INFO("error " << error << ", allowed " << allowed << ", largest " << largest_magnitude(g)
                    << ", of all " << largest);
      const bool within = error < allowed;
      CHECK(within);
    }
    model.parameters().clear_gradients();
  }
  {  // a set shorter than those of training
    const auto first = golden.batch<T>(0);
    const size_t rows = first.control.shape(1) - 1;
    const auto shorter = Variable<T, 3>(Tensor<T, 3>(
        {1, rows, config.input_width}, {first.control.value().data, rows * config.input_width}));
    Tensor<int32_t, 2> batch;
    if (config.batches) batch = Tensor<int32_t, 2>({1, rows}, {first.batch.data(), rows});
    const auto out =
        model(shorter, Variable<T, 2>(to_tensor(first.perturbation.value().slice(0, 1))), batch);
    CHECK(relative_error(out.value(), expected("f64.out_short")) < output_bound<T>);
  }

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
