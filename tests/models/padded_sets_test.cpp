// Sets of different lengths in one batch: what a set gives depends on its own cells alone.
#include "support/catch.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/models/state_transition.hpp"
#include "vcell/models/state_transition_loss.hpp"

using namespace vcell;
using vcell_test::random_tensor;

namespace {

constexpr size_t padded_sets = 3, padded_longest = 7, padded_genes = 9, padded_inputs = 5,
                 padded_width = 4;
constexpr int32_t padded_lengths[padded_sets] = {7, 1, 4};

StateTransitionConfig config_of(SetLoss loss) {
  return {.input_width = padded_inputs,  // such as an embedding: not the width of the output
          .output_width = padded_genes,
          .perturbation_width = padded_width,
          .hidden = 8,
          .layers = 2,
          .heads = 2,
          .head_dim = 3,
          .mlp_width = 10,
          .batches = 2,
          .loss = loss};
}

struct PaddedBatch {
  Tensor<double, 3> input, target;
  Tensor<double, 2> perturbation;
  Tensor<int32_t, 2> batch;

  /// @param padding  what stands after the end of a set
  explicit PaddedBatch(double padding)
      : input(random_tensor<double, 3>({padded_sets, padded_longest, padded_inputs}, 1)),
        target(random_tensor<double, 3>({padded_sets, padded_longest, padded_genes}, 2)),
        perturbation(random_tensor<double, 2>({padded_sets, padded_width}, 3)),
        batch({padded_sets, padded_longest}) {
    for (size_t b = 0; b < padded_sets; ++b)
      for (size_t s = 0; s < padded_longest; ++s) {
        batch(b, s) = int32_t(s % 2);
        if (s < size_t(padded_lengths[b])) continue;
        batch(b, s) = 0;
        for (double& v : input[b][s]) v = padding;
        for (double& v : target[b][s]) v = padding;
      }
  }
};

/// Loss and gradients of all parameters.
std::vector<double> gradients_of(const StateTransition<double>& model,
                                 const Variable<double, 0>& loss) {
  model.parameters().clear_gradients();
  backward(loss);
  std::vector<double> all{loss.value()()};
  for (const auto& p : model.parameters().all())
    all.insert(all.end(), p.gradient().begin(), p.gradient().end());
  return all;
}

}  // namespace

TEST_CASE("padded sets: losses and gradients are those of the sets one by one", "[models]") {
  for (const SetLoss kind : {SetLoss::energy_distance, SetLoss::mean_squared_error,
                             SetLoss::rbf_mmd, SetLoss::sinkhorn, SetLoss::energy_sinkhorn}) {
    auto config = config_of(kind);
    config.sigmas = {2, 4};
    const StateTransition<double> model(config, 5);
    const Variable<int32_t, 1> n(Tensor<int32_t, 1>({padded_sets}, padded_lengths));
    std::vector<std::vector<double>> padded;
    for (const double padding : {0.0, 7.0}) {
      const PaddedBatch b(padding);
      const auto out =
          model(Variable<double, 3>(b.input), Variable<double, 2>(b.perturbation), b.batch, {}, n);
      padded.push_back(gradients_of(
          model, state_transition_loss(config, out, Variable<double, 3>(b.target), n)));
    }
    CHECK(padded[0] == padded[1]);  // what stands in the padding has no part
    if (kind == SetLoss::sinkhorn || kind == SetLoss::energy_sinkhorn)
      continue;  // its epsilons are the whole batch's

    const PaddedBatch b(0);
    std::vector<double> expected;
    double cells = 0;
    for (const int32_t length : padded_lengths) cells += length;
    for (size_t s = 0; s < padded_sets; ++s) {
      const auto rows = size_t(padded_lengths[s]);
      const auto cut = [&](const auto& all) {
        return to_tensor(all.slice(s, s + 1)[0].slice(0, rows))
            .template reshape<3>({1, rows, all.shape(2)});
      };
      const auto out =
          model(Variable<double, 3>(cut(b.input)),
                Variable<double, 2>(to_tensor(b.perturbation.slice(s, s + 1))),
                to_tensor(b.batch.slice(s, s + 1)[0].slice(0, rows)).reshape<2>({1, rows}));
      const auto one = gradients_of(
          model, state_transition_loss(config, out, Variable<double, 3>(cut(b.target))));
      // The mean over sets, or over all cells.
      const double share = kind == SetLoss::mean_squared_error ? double(padded_lengths[s]) / cells
                                                               : 1.0 / padded_sets;
      expected.resize(one.size());
      for (size_t i = 0; i < one.size(); ++i) expected[i] += share * one[i];
    }
    CHECK(vcell_test::relative_error(padded[0], expected) < 1e-12);
  }
}

TEST_CASE("padded sets: lengths of all cells change no byte", "[models]") {
  const auto config = config_of(SetLoss::energy_distance);
  const StateTransition<double> model(config, 5);
  const PaddedBatch b(1);
  const int32_t all[padded_sets] = {padded_longest, padded_longest, padded_longest};
  const Variable<int32_t, 1> full(Tensor<int32_t, 1>({padded_sets}, all));
  const auto run = [&](const Variable<int32_t, 1>& n) {
    const auto out =
        model(Variable<double, 3>(b.input), Variable<double, 2>(b.perturbation), b.batch, {}, n);
    return gradients_of(model,
                        state_transition_loss(config, out, Variable<double, 3>(b.target), n));
  };
  CHECK(run(full) == run({}));
}

TEST_CASE("padded sets: several models in one arena", "[models]") {
  Parameters<double> parameters(3);
  const auto config = config_of(SetLoss::energy_distance);
  const StateTransition<double> first(parameters, "first", config),
      second(parameters, "second", config);
  const StateTransition<double> alone(config, 3);
  CHECK(parameters.count() == 2 * alone.parameters().count());
  for (const auto& p : alone.parameters().all()) {
    CHECK(parameters.find("first." + p.name) != nullptr);
    CHECK(parameters.find("second." + p.name) != nullptr);
  }
  const PaddedBatch b(0);
  const auto out = [&](const StateTransition<double>& model) {
    return model(Variable<double, 3>(b.input), Variable<double, 2>(b.perturbation), b.batch);
  };
  CHECK(out(first).value()(0, 0, 0) != out(second).value()(0, 0, 0));
  parameters.clear_gradients();
  const auto loss = state_transition_loss(config, out(first), out(second));
  backward(loss);
  for (const char* name : {"first.project_out.0.weight", "second.project_out.0.weight"}) {
    double sum = 0;
    for (const double g : parameters.find(name)->gradient()) sum += std::abs(g);
    CHECK(sum > 0);
  }
}
