// Perturbations that no context trains on.
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/pipeline/run.hpp"
#include "vcell/simulate/simulate_screen.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

const SimulateOptions simulated{.seed = 5,
                                .genes = 40,
                                .contexts = 2,
                                .perturbations = 20,
                                .cells = 12,
                                .control_cells = 30,
                                .effect = 1.5,
                                .without_effect = 0,
                                .feature_noise = 0};

Experiment experiment() {
  Experiment e;
  e.labels.context_keys = {"context"};
  e.model.hidden = 16;
  e.model.layers = 1;
  e.model.heads = 2;
  e.model.head_dim = 8;
  e.model.mlp_width = 16;
  e.model.set_size = 8;
  e.model.batch_size = 2;
  e.ensemble = 1;
  e.training.max_steps = 6;
  e.methods = {"state_transition"};
  return e;
}

/// A fifth of the perturbations is held out in both contexts.
RunOptions options(const SimulatedScreen& s, bool features = true) {
  RunOptions out;
  Experiment e = experiment();
  out.inputs.split =
      split_by_perturbation(make_labels(s.screen, e.labels), {"screen", "screen.h5ad"});
  if (features) {
    PerturbationFeatures f(s.features.dimensions.size());
    for (size_t i = 0; i < s.features.perturbations.size(); ++i)
      f.add(s.features.perturbations[i], s.features.vectors.row(i));
    out.inputs.features = f;
  }
  return out;
}

double mean_of(const ScoredMethod& method, const char* score) {
  double sum = 0;
  size_t n = 0;
  for (const auto& context : method.contexts)
    for (const auto& column : context.scores.columns)
      if (column.name == score)
        for (const auto& value : column.values)
          if (value) {
            sum += *value;
            ++n;
          }
  REQUIRE(n > 0);
  return sum / double(n);
}

}  // namespace

TEST_CASE("unseen perturbations: anchored at what features say, beside baselines that do the same",
          "[pipeline]") {
  const auto s = simulate_screen(simulated);
  Experiment e = experiment();
  e.methods = {"state_transition", "context_mean", "feature_nearest", "feature_ridge",
               "feature_kernel_ridge"};
  auto o = options(s);
  std::vector<std::string> notes;
  o.callbacks.note = [&](const std::string& text) { notes.push_back(text); };
  const auto result = run(s.screen, e, o);
  CHECK(result.missing.empty());
  REQUIRE(result.models.size() == 1);
  const TrainedModel& m = result.models[0];
  CHECK(m.model.config().anchor == Anchor::features);
  CHECK(m.model.config().perturbation_width == m.perturbations.width() + 1);
  REQUIRE(m.anchors);
  REQUIRE(m.anchors->regression);
  CHECK(m.anchors->regression->kernel != FeatureKernel::none);
  CHECK(std::ranges::any_of(notes, [](const std::string& text) {
    return text.find("anchored at features too") != text.npos;
  }));
  const auto methods = methods_of(result.report);
  REQUIRE(methods.size() == 5);
  const double context = mean_of(methods[1], "pearson_delta");
  for (const size_t i : {0, 3, 4}) {
    INFO(methods[i].name);
    CHECK(mean_of(methods[i], "pearson_delta") > context + 0.1);
  }
}

TEST_CASE("unseen perturbations: the same bytes on any number of threads", "[pipeline]") {
  const auto s = simulate_screen(simulated);
  check_same_on_any_threads(
      [&] { return run(s.screen, experiment(), options(s)).predicted.cells.values; });
}

TEST_CASE("combinations: those that were never seen start from their parts", "[pipeline]") {
  auto how = simulated;
  how.combinations = 12;
  how.perturbations = 10;
  how.cells = 30;
  const auto s = simulate_screen(how);
  Experiment e = experiment();
  e.methods = {"state_transition", "context_mean"};
  RunOptions o;
  SplitSpec split;
  split.datasets["screen"] = "screen.h5ad";
  split.training = {"screen"};
  const auto& names = s.truth.perturbations;
  for (const char* context : {"screen.context_1", "screen.context_2"})
    split.fewshot[context].test = {names[12], names[15], names[21]};
  o.inputs.split = split;
  // Without a separator nothing says that they are combinations.
  check_error<ConfigError>([&] { run(s.screen, e, o); }, {"holds out every cell of", names[12]});
  e.labels.combination_separator = "+";
  const auto result = run(s.screen, e, o);
  const TrainedModel& m = result.models.at(0);
  CHECK(m.model.config().anchor == Anchor::perturbation_mean);
  CHECK(m.perturbations.is_one_hot());
  CHECK(m.perturbations.width() == 11);
  CHECK(m.perturbations.is_combination(m.perturbations.place(names[12])));
  CHECK(result.missing.empty());
  const auto methods = methods_of(result.report);
  CHECK(mean_of(methods[0], "pearson_delta") > mean_of(methods[1], "pearson_delta") + 0.1);
  // A part that is nowhere else: refused by its name.
  const auto [a, b] = s.truth.combinations[2];
  for (const char* context : {"screen.context_1", "screen.context_2"})
    split.fewshot[context].test.push_back(names[b]);
  o.inputs.split = split;
  check_error<ConfigError>([&] { run(s.screen, e, o); }, {"holds out every cell of", names[b]});
  // With features for all but one.
  PerturbationFeatures f(2);
  for (const auto& name : s.features.perturbations)
    if (name != names[a]) f.add(name, std::vector<float>{1, 2});
  o.inputs.features = f;
  check_error<ConfigError>([&] { run(s.screen, e, o); }, {names[a], "a part of the combination"});
  f.add(names[a], std::vector<float>{1, 2});
  f.add(names[12], std::vector<float>{1, 2});
  o.inputs.features = f;
  check_error<ConfigError>([&] { run(s.screen, e, o); }, {names[12], "features of its own"});
}

TEST_CASE("unseen perturbations: what cannot be is an error", "[pipeline]") {
  const auto s = simulate_screen(simulated);
  check_error<ConfigError>([&] { run(s.screen, experiment(), options(s, false)); },
                           {"holds out every cell of", "one-hot"});
  // Asked for by name, an anchor does not give way.
  auto o = options(s);
  o.state_transition.anchor_may_give_way = false;
  check_error<ConfigError>([&] { run(s.screen, experiment(), o); },
                           {"[model] anchor is perturbation_mean", "set it to features or none"});
  Experiment e = experiment();
  e.model.anchor = Anchor::features;
  CHECK(run(s.screen, e, o).models[0].anchors->regression);
  RunOptions plain;
  check_error<ConfigError>([&] { run(s.screen, e, plain); },
                           {"[model] anchor is features", "[data] perturbation_features"});
  e = experiment();
  e.methods = {"context_mean", "feature_kernel_ridge"};
  check_error<ConfigError>([&] { run(s.screen, e, plain); },
                           {"'feature_kernel_ridge'", "[data] perturbation_features"});
}
