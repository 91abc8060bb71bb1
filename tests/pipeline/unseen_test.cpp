// Perturbations that no context trains on.
#include <set>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/small_experiment.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/pipeline/observation_anndata.hpp"
#include "vcell/pipeline/run.hpp"
#include "vcell/train/model_folder.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

const SimulateOptions simulated{.seed = 5,
                                .genes = 40,
                                .contexts = 2,
                                .perturbations = 20,
                                .cells_per_perturbation = 12,
                                .control_cells = 30,
                                .effect = 1.5,
                                .without_effect = 0,
                                .feature_noise = 0};

Experiment unseen_experiment() {
  Experiment e = small_experiment();
  e.training.max_steps = 6;
  e.methods = {"state_transition"};
  return e;
}

/// A fifth of the perturbations is held out in both contexts.
RunOptions options(const SimulatedScreen& s, bool features = true) {
  RunOptions out;
  Experiment e = unseen_experiment();
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
  Experiment e = unseen_experiment();
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
      [&] { return run(s.screen, unseen_experiment(), options(s)).predicted.cells.values; });
}

TEST_CASE("unseen perturbations: validated by others that train nowhere", "[pipeline]") {
  const auto s = simulate_screen(simulated);
  auto o = options(s);
  for (auto& [context, held] : o.inputs.split->fewshot) held.validation.clear();
  std::vector<std::string> notes;
  o.callbacks.note = [&](const std::string& text) { notes.push_back(text); };
  const auto result = run(s.screen, unseen_experiment(), o);
  CHECK(std::ranges::any_of(notes, [](const std::string& text) {
    return text.find("3 others are held out for it in every context") != text.npos;
  }));
  const Prepared& p = result.prepared;
  std::set<std::string> validated, trained;
  for (size_t i = 0; i < p.parts.size(); ++i)
    if (!p.screen.is_control(i) && p.parts[i] != Part::test)
      (p.parts[i] == Part::train ? trained : validated)
          .insert(p.screen.perturbation.names[size_t(p.screen.perturbation.codes[i])]);
  CHECK(validated.size() == 3);  // a fifth of 16
  CHECK(trained.size() == 13);
  for (const auto& name : validated) CHECK_FALSE(trained.contains(name));
  bool recorded = false;
  for (const auto& section : result.report.run)
    for (const auto& [what, value] : section.facts)
      recorded |= what == "Every context, validation" &&
                  value == "drawn: " + list_of({validated.begin(), validated.end()});
  CHECK(recorded);
  CHECK(result.report.kept_steps.at(0) > 0);
  // Other members validate with others, and without features combinations and doses do the same.
  auto e = unseen_experiment();
  const auto of_member = [&](size_t member) {
    return member_parts(e, p.screen, p.parts, p.split_parts, member);
  };
  CHECK(of_member(1) == p.parts);
  CHECK(of_member(2) != p.parts);
}

TEST_CASE("combinations: those that were never seen start from their parts", "[pipeline]") {
  auto how = simulated;
  how.combinations = 12;
  how.perturbations = 10;
  how.cells_per_perturbation = 30;
  const auto s = simulate_screen(how);
  Experiment e = unseen_experiment();
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

namespace {

/// The mean shift of a perturbation over the doses that it was learnt at.
class MeanOfDoses final : public ShiftPredictor<> {
 public:
  std::string name() const override { return "mean_of_doses"; }
  std::string meaning() const override { return ""; }
  void fit(const Screen& screen, std::span<const Part> parts, const Callbacks&) override {
    shifts_ = learnt_shifts(screen, parts);
    for (const auto& name : screen.perturbation.names) {
      const auto dosed = dose_in(name);
      names_.push_back(dosed ? dosed->name : name);
    }
  }
  std::optional<std::vector<double>> shift(int32_t, int32_t perturbation) const override {
    std::vector<size_t> pairs;
    for (size_t i = 0; i < shifts_.pairs(); ++i)
      if (names_[size_t(shifts_.perturbation[i])] == names_[size_t(perturbation)])
        pairs.push_back(i);
    return detail::mean_of_shifts(shifts_, pairs);
  }

 private:
  PairShifts shifts_;
  std::vector<std::string> names_;
};

/// Doses of every perturbation, of which a split holds one out in both contexts.
struct Doses {
  SimulatedScreen s;
  Experiment e = unseen_experiment();
  RunOptions o;

  explicit Doses(size_t combinations = 0, const char* held_out = "0.5") {
    auto how = simulated;
    how.perturbations = 8;
    how.combinations = combinations;
    how.cells_per_perturbation = 80;
    how.control_cells = 60;
    how.doses = 4;
    s = simulate_screen(how);
    e.labels.dose_key = "dose";
    e.methods = {"state_transition", "context_mean"};
    SplitSpec split;
    split.datasets["screen"] = "screen.h5ad";
    split.training = {"screen"};
    for (const char* context : {"screen.context_1", "screen.context_2"})
      for (const auto& name : s.truth.perturbations)
        split.fewshot[context].test.push_back(name + '@' + held_out);
    o.inputs.split = split;
  }
};

}  // namespace

TEST_CASE("doses: one that was never seen is predicted between those that were", "[pipeline]") {
  Doses d;
  d.o.more_methods = {std::make_shared<MeanOfDoses>()};
  const auto result = run(d.s.screen, d.e, d.o);
  const TrainedModel& m = result.models.at(0);
  CHECK(m.model.config().anchor == Anchor::perturbation_mean);
  // Doses are validated by other doses: four of 24 whole, and no pair.
  auto drawn = result.prepared.parts;
  std::ranges::replace(drawn, Part::test, Part::unused);
  CHECK(unseen_perturbations(result.prepared.screen, drawn).size() == 4);
  CHECK(validates_pairs(result.prepared.screen, drawn));
  CHECK(m.perturbations.width() == 9);
  CHECK(result.missing.empty());
  CHECK(result.requests.size() == 16);
  const auto methods = methods_of(result.report);
  CHECK(mean_of(methods[0], "pearson_delta") > mean_of(methods[1], "pearson_delta") + 0.1);
  CHECK(mean_of(methods[0], "mae") < mean_of(methods[1], "mae"));
  REQUIRE(methods[2].name == "mean_of_doses");
  CHECK(mean_of(methods[0], "pearson_delta") > mean_of(methods[2], "pearson_delta"));
  CHECK(mean_of(methods[0], "mae") < mean_of(methods[2], "mae"));

  // What it starts from is what the other doses tell.
  const std::string& name = d.s.truth.perturbations[1];
  const auto amount = [&](double dose) { return m.perturbations.amount(dose); };
  std::vector<CodeAtDose> others;
  for (const double dose : {0.25, 0.75, 1.})
    others.push_back({int32_t(m.perturbations.place(label_of({name, dose}))), amount(dose)});
  const auto told = shift_at_dose(m.anchors->shifts, amount(0.5), 0, others);
  const auto anchor = input_of(m, name + "@0.5", "context_1").anchor;
  REQUIRE(anchor.size() == told.size());
  CHECK(*std::ranges::max_element(anchor) > 0.1f);
  for (size_t g = 0; g < anchor.size(); ++g)
    CHECK(double(anchor[g]) == Approx(told[g]).margin(1e-6));
  // Others can be asked of the trained model, and every one says its dose.
  const TemporaryFolder folder("doses");
  save_model(folder.path() / "model", m);
  auto asked = std::get<TrainedModel>(load_model(folder.path() / "model"));
  CHECK(asked.perturbations == m.perturbations);
  CHECK(asked.labels.dose_key == "dose");
  CHECK(input_of(asked, name + "@0.5", "context_1").anchor == anchor);
  add_perturbations(asked, PerturbationFeatures(), {name + "@0.6", name + "@1", "non-targeting"});
  CHECK(asked.perturbations.names().size() == m.perturbations.names().size() + 1);
  const auto input = input_of(asked, name + "@0.6", "context_1");
  CHECK(input.vector[m.perturbations.place(name)] == float(amount(0.6)));
  check_error<ConfigError>([&] { add_perturbations(asked, PerturbationFeatures(), {name}); },
                           {quoted(name), "has none", name + "@1"});
  check_error<ConfigError>([&] { add_perturbations(asked, PerturbationFeatures(), {"new@1"}); },
                           {"'new' was none of them"});

  // The files say condition and dose.
  const auto predicted =
      prediction_anndata(result.prepared.annotations, d.e.labels, result.prepared.screen,
                         result.requests, result.predicted);
  CHECK(predicted.obs.column("perturbation").text()[0].ends_with("@0.5"));
  CHECK(predicted.obs.column("dose").numbers()[0] == 0.5);
  CHECK(predicted.obs.column("dose").numbers().back() == 0);  // a control
  const auto observed =
      observation_anndata(result.prepared.annotations, d.e.labels, result.prepared.screen,
                          result.requests, result.prepared.parts);
  CHECK(observed.obs.column("perturbation").text()[0].ends_with("@0.5"));

  // Without doses the held-out cells have no labels to hold out.
  auto plain = d.e;
  plain.labels.dose_key.clear();
  CHECK_THROWS_AS(run(d.s.screen, plain, d.o), ConfigError);
}

TEST_CASE("doses: of combinations, and of perturbations that are known by features alone",
          "[pipeline]") {
  Doses pairs(4, "1");
  pairs.e.labels.combination_separator = "+";
  const auto both = run(pairs.s.screen, pairs.e, pairs.o);
  CHECK(both.missing.empty());
  const TrainedModel& m = both.models.at(0);
  const std::string& pair = pairs.s.truth.perturbations.back();
  CHECK(m.perturbations.is_combination(m.perturbations.place(pair + "@1")));
  CHECK(mean_of(methods_of(both.report)[0], "pearson_delta") >
        mean_of(methods_of(both.report)[1], "pearson_delta"));

  Doses unseen;
  const std::string& name = unseen.s.truth.perturbations[0];
  for (auto& [context, held] : unseen.o.inputs.split->fewshot) {
    held.test.clear();
    for (const char* dose : {"@0.25", "@0.5", "@0.75", "@1"}) held.test.push_back(name + dose);
  }
  check_error<ConfigError>([&] { run(unseen.s.screen, unseen.e, unseen.o); },
                           {"holds out every cell of", name});
  PerturbationFeatures f(unseen.s.features.dimensions.size());
  for (size_t i = 0; i < unseen.s.features.perturbations.size(); ++i)
    f.add(unseen.s.features.perturbations[i], unseen.s.features.vectors.row(i));
  unseen.o.inputs.features = f;
  const auto described = run(unseen.s.screen, unseen.e, unseen.o);
  CHECK(described.missing.empty());
  CHECK(described.models.at(0).model.config().anchor == Anchor::features);
  CHECK(described.models[0].perturbations.vector(name + "@1") == f.vector(name));
  f.add(name + "@1", std::vector<float>(f.width(), 1));
  unseen.o.inputs.features = f;
  check_error<ConfigError>([&] { run(unseen.s.screen, unseen.e, unseen.o); },
                           {name + "@1", "has features of its own", "[data] dose_key"});
}

TEST_CASE("features, combinations and doses: what is there and not used changes no byte",
          "[pipeline]") {
  auto how = simulated;
  how.perturbations = 8;
  how.contexts = 3;
  const auto s = simulate_screen(how);
  auto e = unseen_experiment();
  e.ensemble = 2;
  e.training.validate_every = 3;
  /// All that training and prediction leave; the default split holds out pairs alone.
  const auto bytes_of = [&](const Experiment& asked, RunOptions o = {}) {
    const auto result = run(s.screen, asked, o);
    std::vector<float> out = result.predicted.cells.values;
    for (const TrainedModel& m : result.models) {
      const auto weights = m.model.parameters().values();
      out.insert(out.end(), weights.begin(), weights.end());
      for (const double shift : m.anchors->shifts.shift.values()) out.push_back(float(shift));
      out.push_back(float(m.anchors->alpha));
      CHECK(m.model.config().anchor == Anchor::perturbation_mean);
    }
    for (const MetricsRow& row : result.metrics) {
      out.push_back(float(row.train_loss));
      out.push_back(float(row.validation_loss.value_or(-1)));
    }
    return out;
  };
  const auto plain = bytes_of(e);
  CHECK(bytes_of(e) == plain);
  // A separator that no name has.
  auto separated = e;
  separated.labels.combination_separator = "+";
  CHECK(bytes_of(separated) == plain);
  // Features that tell no more than names do, as nothing has to be told by them; and others.
  const Screen screen = make_labels(s.screen, e.labels);
  const auto& names = screen.perturbation.names;
  PerturbationFeatures same(names.size()), others(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    std::vector<float> v(names.size(), 0);
    v[i] = 1;
    same.add(names[i], v);
    v[0] += 0.5f;
    others.add(names[i], v);
  }
  RunOptions described;
  described.inputs.features = same;
  CHECK(bytes_of(e, described) == plain);
  described.inputs.features = others;
  CHECK(bytes_of(e, described) != plain);
  // Hooks of an embedding that is not trained.
  RunOptions hooked;
  hooked.embedding.begin = [](const Prepared&) { FAIL("nothing is embedded"); };
  CHECK(bytes_of(e, hooked) == plain);
  e.training.seed = 43;
  CHECK(bytes_of(e) != plain);
}

TEST_CASE("unseen perturbations: what cannot be is an error", "[pipeline]") {
  const auto s = simulate_screen(simulated);
  check_error<ConfigError>([&] { run(s.screen, unseen_experiment(), options(s, false)); },
                           {"holds out every cell of", "one-hot"});
  // Asked for by name, an anchor does not give way.
  auto o = options(s);
  o.state_transition.anchor_may_give_way = false;
  check_error<ConfigError>([&] { run(s.screen, unseen_experiment(), o); },
                           {"[model] anchor is perturbation_mean", "set it to features or none"});
  Experiment e = unseen_experiment();
  e.model.anchor = Anchor::features;
  CHECK(run(s.screen, e, o).models[0].anchors->regression);
  RunOptions plain;
  check_error<ConfigError>([&] { run(s.screen, e, plain); },
                           {"[model] anchor is features", "[data] perturbation_features"});
  e = unseen_experiment();
  e.methods = {"context_mean", "feature_kernel_ridge"};
  check_error<ConfigError>([&] { run(s.screen, e, plain); },
                           {"'feature_kernel_ridge'", "[data] perturbation_features"});
}
