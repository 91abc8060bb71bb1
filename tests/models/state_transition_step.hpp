// A step of State Transition on any device beside the goldens.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "support/catch.hpp"
#include "support/largest_error.hpp"
#include "support/state_transition_golden.hpp"
#include "vcell/autograd/backward.hpp"

namespace vcell_test {

/// What the reference calls a term of the loss, and what it multiplies it by.
inline std::pair<std::string, double> logged(std::string_view term) {
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
constexpr double zero_bound = sizeof(T) == 8 ? 1e-12 : 1e-6;

/// Checks what a model makes of the first batch (cells, genes, confidence), every term of its loss
/// and every gradient, and what it makes of a set shorter than those of training.
template <class T, class Device>
void check_state_transition_step(const StateTransitionGolden& golden) {
  using namespace vcell;
  const auto config = golden.config();
  const auto model = golden.model<T, Device>();
  const auto& terms = golden.description.at("f64").at("terms");
  const auto near = [&](const auto& ours, const std::string& key) {
    INFO(key);
    REQUIRE(bool(ours) == golden.data.tensors.contains(key));
    if (!ours) return;
    const double error = relative_error(to_host(ours.value()).values(),
                                        golden.data.tensors.at(key).template as<double>());
    CHECK(error < output_bound<T>);
  };
  const auto near_loss = [&](const Variable<T, 0, Device>& ours, double factor,
                             const std::string& key) {
    INFO(key);
    const double expected = terms.at(key);
    CHECK(factor * double(to_host(ours.value())()) == Approx(expected).epsilon(output_bound<T>));
  };

  const auto first = golden.batch<T, Device>(0);
  const auto out = model.predict(first.control, first.perturbation, first.batch);
  near(out.cells, "f64.out");
  near(out.genes.mean, "f64.genes");
  near(out.confidence, "f64.confidence");
  const auto all = state_transition_terms(config, out, first.targets, first.control);
  for (const auto& term : all.terms()) {
    const auto [key, factor] = logged(term.name);
    near_loss(term.value, factor, key);
  }
  near_loss(all.total(), 1, "total");
  backward(all.total());
  const auto gradients = golden.arrays("f64.grad.");
  CHECK(gradients.size() == model.parameters().all().size());
  double largest = 0;
  for (const auto& [key, g] : gradients)
    largest = worse(largest, largest_magnitude(g.template as<double>()));
  for (const auto& p : model.parameters().all()) {
    INFO(p.name);
    const auto g = gradients.at(p.name).template as<double>();
    const double allowed = largest_magnitude(g) < 1e-12 ? zero_bound<T>
                                                        : gradient_bound<T> * largest_magnitude(g) +
                                                              rounding_bound<T> * largest;
    const double error = largest_difference(to_host(p.gradient()).values(), g);
    INFO("error " << error << ", allowed " << allowed << ", largest " << largest_magnitude(g)
                  << ", of all " << largest);
    const bool within = error < allowed;
    CHECK(within);
  }
  model.parameters().clear_gradients();

  const auto control = golden.tensor<T, 3>("step0.ctrl");
  const size_t rows = control.shape(1) - 1;
  const Variable<T, 3, Device> shorter(to_device<Device>(
      Tensor<T, 3>({1, rows, config.input_width}, {control.data(), rows * config.input_width})));
  const auto perturbation = to_host(first.perturbation.value().slice(0, 1));
  Tensor<int32_t, 2> batch;
  if (config.batches) batch = Tensor<int32_t, 2>({1, rows}, {first.batch.data(), rows});
  near(model(shorter, Variable<T, 2, Device>(to_device<Device>(perturbation)), batch),
       "f64.out_short");
}

}  // namespace vcell_test
