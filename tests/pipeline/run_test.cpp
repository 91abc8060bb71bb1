#include "vcell/pipeline/run.hpp"

#include <set>

#include "support/catch.hpp"
#include "support/small_experiment.hpp"
#include "support/threads.hpp"
#include "vcell/pipeline/observation_anndata.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

AnnData run_screen() {
  auto options = small_simulation();
  options.genes = 40;
  options.cells_per_perturbation = 12;
  options.control_cells = 30;
  return simulate_screen(options).screen;
}

Experiment run_experiment() {
  Experiment e = small_experiment();
  e.hvgs = 25;
  e.training.max_steps = 6;
  e.training.learning_rate = 1e-2;
  return e;
}

/// Cheap: nothing is trained.
Experiment baselines() {
  Experiment e = run_experiment();
  e.methods = {"perturbation_mean", "control_copy"};
  return e;
}

std::vector<std::string> names_of(const RunResult& result) {
  std::vector<std::string> names;
  for (const auto& method : methods_of(result.report)) names.push_back(method.name);
  return names;
}

/// Predicts what it was made with in every gene, for some perturbations only.
class Constant final : public Predictor {
 public:
  Constant(float value, size_t most) : value_(value), most_(most) {}
  std::string name() const override { return "constant"; }
  void fit(const Screen&, std::span<const Part> parts, const Callbacks&) override {
    REQUIRE(std::count(parts.begin(), parts.end(), Part::validation) > 0);
  }
  PredictedCells predict(const Screen& screen, std::span<const PredictionRequest> requests,
                         const Callbacks&) const override {
    PredictedCells out;
    out.cells.columns = screen.genes.size();
    for (size_t r = 0; r < requests.size(); ++r) {
      if (r >= most_) {
        out.missing.push_back("constant cannot");
        continue;
      }
      for (size_t i = 0; i < requests[r].control_cells.size(); ++i) {
        for (size_t g = 0; g < screen.genes.size(); ++g) {
          out.cells.indices.push_back(int32_t(g));
          out.cells.values.push_back(value_ + 0.25f * float(i % 2));
        }
        out.cells.end_row();
        out.requests.push_back(r);
      }
    }
    return out;
  }

 private:
  float value_;
  size_t most_;
};

}  // namespace

TEST_CASE("run: from a screen in memory to scores of every method", "[pipeline]") {
  std::vector<std::string> notes;
  std::set<std::string> stages;
  const auto result = run(run_screen(), run_experiment(),
                          {.callbacks = {[&](const ProgressUpdate& update) {
                                           stages.insert(std::string(update.stage));
                                           return true;
                                         },
                                         [&](const std::string& line) { notes.push_back(line); }}});
  REQUIRE(names_of(result) == std::vector<std::string>{"State Transition", "control_copy",
                                                       "perturbation_mean",
                                                       "perturbation_mean_shrunk", "context_mean"});
  REQUIRE(stages == std::set<std::string>{"normalize", "train", "predict", "evaluate"});
  REQUIRE(notes.size() > 8);
  REQUIRE(result.metrics.size() == 6);
  REQUIRE(result.report.training_loss.size() == 6);
  REQUIRE(result.models.size() == 1);
  REQUIRE(result.models[0].genes == result.prepared.screen.genes);
  REQUIRE(result.prepared.screen.genes.size() == 25);
  REQUIRE(result.prepared.genes_before == 40);
  REQUIRE_FALSE(result.prepared.annotations.X);  // it is in the screen, once
  REQUIRE(result.missing.empty());

  // A predicted cell for every observed one, from a control of its own context.
  const auto& s = result.prepared.screen;
  size_t cells = 0;
  for (const auto& request : result.requests) {
    size_t observed = 0;
    for (size_t i = 0; i < s.cells(); ++i)
      observed += result.prepared.parts[i] == Part::test && s.context.codes[i] == request.context &&
                  s.perturbation.codes[i] == request.perturbation;
    REQUIRE(request.control_cells.size() == observed);
    for (const size_t row : request.control_cells) {
      REQUIRE(s.is_control(row));
      REQUIRE(s.context.codes[row] == request.context);
    }
    cells += observed;
  }
  REQUIRE(result.predicted.cells.rows == cells);
  REQUIRE(result.predicted.requests.size() == cells);
  const auto& scores = result.report.evaluation.contexts;
  REQUIRE(scores.size() == 1);
  REQUIRE(scores[0].scores.perturbations.size() == result.requests.size());
  for (const auto& other : result.report.others)
    REQUIRE(other.contexts[0].scores.perturbations == scores[0].scores.perturbations);
  std::vector<std::string> sections;
  for (const auto& section : result.report.run) sections.push_back(section.heading);
  REQUIRE(sections == std::vector<std::string>{"Data", "Split", "Model", "Training", "Versions"});
}

TEST_CASE("run: the same bytes on any number of threads", "[pipeline]") {
  check_same_on_any_threads([] {
    const auto result = run(run_screen(), run_experiment());
    std::vector<float> bytes = result.predicted.cells.values;
    for (const auto& method : methods_of(result.report))
      for (const auto& column : method.contexts[0].scores.columns)
        for (const Score& score : column.values) bytes.push_back(float(score.value_or(-1)));
    return bytes;
  });
}

TEST_CASE("run: nothing of a test cell is known to what predicts it", "[pipeline]") {
  auto e = run_experiment();
  e.predict_from = PredictFrom::all;
  const auto before = run(run_screen(), e);
  auto changed = run_screen();
  auto counts = changed.X->take_csr<float>();
  for (size_t i = 0; i < counts.rows; ++i)
    if (before.prepared.parts[i] == Part::test && !before.prepared.screen.is_control(i))
      for (float& x : counts.row_values(i)) x = x * 3 + float(i % 5);
  changed.X = std::move(counts);
  const auto after = run(changed, e);
  REQUIRE(after.prepared.screen.genes == before.prepared.screen.genes);
  REQUIRE(after.prepared.normalized.target_sum == before.prepared.normalized.target_sum);
  REQUIRE(after.predicted.cells == before.predicted.cells);
  REQUIRE(after.report.evaluation.contexts[0].scores.column("mae") !=
          before.report.evaluation.contexts[0].scores.column("mae"));
  for (const char* name : {"mean_response", "mean_of_perturbation_means"}) {
    e.methods = {name};
    const auto fitted = run(run_screen(), e), again = run(changed, e);
    REQUIRE(names_of(fitted) == e.methods);
    REQUIRE(fitted.missing.empty());
    REQUIRE(fitted.predicted.cells == again.predicted.cells);
  }
  // As State does it, the total is that of all cells.
  e.choose_from = ChooseFrom::all;
  e.methods = {"control_copy"};
  REQUIRE(run(changed, e).prepared.normalized.target_sum != before.prepared.normalized.target_sum);
}

TEST_CASE("run: nothing of a test control is known where controls are kept apart", "[pipeline]") {
  auto e = run_experiment();
  e.methods = {"state_transition"};
  e.controls = ControlUse::disjoint;
  const auto before = run(run_screen(), e);
  const Screen& screen = before.prepared.screen;
  const auto& parts = before.prepared.parts;
  REQUIRE(before.prepared.split.controls);
  // What is predicted starts from test controls, and is scored against them alone.
  std::set<size_t> used, scored;
  for (const auto& request : before.requests)
    used.insert(request.control_cells.begin(), request.control_cells.end());
  for (const size_t row : control_rows(screen, before.requests)) scored.insert(row);
  REQUIRE(scored.size() > 1);
  for (const auto* rows : {&used, &scored})
    for (const size_t row : *rows) REQUIRE((screen.is_control(row) && parts[row] == Part::test));
  // Test cells, controls too, are something else: all that was learnt stays.
  auto changed = run_screen();
  auto counts = changed.X->take_csr<float>();
  for (size_t i = 0; i < counts.rows; ++i)
    if (parts[i] == Part::test)
      for (float& x : counts.row_values(i)) x = x * 3 + float(i % 5);
  changed.X = std::move(counts);
  const auto learnt = [](const AnnData& cells, const Experiment& settings) {
    const auto result = run(cells, settings);
    const auto& s = result.prepared.screen;
    std::vector<float> out;
    const auto weights = result.models[0].model.parameters().values();
    out.insert(out.end(), weights.begin(), weights.end());
    out.push_back(float(*result.prepared.normalized.target_sum));
    PerturbationMean<> mean;
    mean.fit(s, result.prepared.parts, {});
    MeanOfPerturbationMeans<> means;
    means.fit(s, result.prepared.parts, {});
    for (const auto& request : result.requests)
      if (const auto shift = mean.shift(request.context, request.perturbation))
        out.insert(out.end(), shift->begin(), shift->end());
    for (const auto& [context, cell] : means.cells())
      out.insert(out.end(), cell.begin(), cell.end());
    return out;
  };
  REQUIRE(learnt(changed, e) == learnt(run_screen(), e));
  // With shared controls the same change is seen.
  e.controls = ControlUse::shared;
  REQUIRE(learnt(changed, e) != learnt(run_screen(), e));
}

TEST_CASE("run: controls have the part of the obs column, and every part needs some",
          "[pipeline]") {
  auto e = baselines();
  const auto made = prepare(run_screen(), e);
  auto cells = run_screen();
  PrepareInputs given;
  given.split.emplace().datasets = {{"screen", "screen.h5ad"}};
  given.split->column = "part";
  auto parts = made.parts;
  for (size_t i = 0, n = 0; i < parts.size(); ++i)
    if (made.screen.is_control(i)) parts[i] = Part(n++ % 3);
  write_split_column(cells, "part", parts);
  REQUIRE(prepare(cells, e, given).screen.control_parts.empty());  // as it always was
  e.controls = ControlUse::disjoint;
  const auto apart = prepare(cells, e, given);
  REQUIRE(apart.parts == parts);
  REQUIRE(apart.screen.control_parts == parts);
  for (size_t i = 0; i < parts.size(); ++i)
    if (made.screen.is_control(i) && parts[i] == Part::test) parts[i] = Part::train;
  write_split_column(cells, "part", parts);
  CHECK_THROWS_WITH(prepare(cells, e, given),
                    contains("cells of test and no control") && contains("context_"));
}

TEST_CASE("run: genes outside the model are those of the control cell", "[pipeline]") {
  auto e = run_experiment();
  e.all_genes = true;
  e.methods = {"state_transition"};
  const auto result = run(run_screen(), e);
  const auto& s = result.prepared.screen;
  REQUIRE(s.genes.size() == 40);
  REQUIRE(result.prepared.model_genes.size() == 25);
  REQUIRE(result.models[0].genes == result.prepared.model_genes);
  const std::set<std::string> inside(result.models[0].genes.begin(), result.models[0].genes.end());
  std::vector<float> predicted(40), control(40);
  size_t row = 0, differ = 0;
  for (const auto& request : result.requests)
    for (const size_t cell : request.control_cells) {
      std::fill(predicted.begin(), predicted.end(), 0.f);
      std::fill(control.begin(), control.end(), 0.f);
      for (size_t k = 0; k < result.predicted.cells.row_size(row); ++k)
        predicted[size_t(result.predicted.cells.row_indices(row)[k])] =
            result.predicted.cells.row_values(row)[k];
      for (size_t k = 0; k < s.expression.row_size(cell); ++k)
        control[size_t(s.expression.row_indices(cell)[k])] = s.expression.row_values(cell)[k];
      for (size_t g = 0; g < 40; ++g)
        if (!inside.contains(s.genes[g]))
          REQUIRE(predicted[g] == control[g]);
        else
          differ += predicted[g] != control[g];
      ++row;
    }
  REQUIRE(differ > 0);

  const auto file = prediction_anndata(result.prepared.annotations, e.labels, s, result.requests,
                                       result.predicted, result.prepared.model_genes);
  REQUIRE(file.genes() == 40);
  REQUIRE(declared_target_sum(file) == result.prepared.normalized.target_sum);
  const auto marked = file.var.column("predicted");
  size_t n = 0;
  for (const auto flag : marked.numbers()) n += flag;
  REQUIRE(n == 25);
}

TEST_CASE("run: methods and metrics of a user's own", "[pipeline]") {
  RunOptions options;
  options.more_methods = {std::make_shared<Constant>(1.f, 1000)};
  options.more_metrics = {{.name = "one",
                           .aggregate = [](const EvaluationSide&, const EvaluationSide&,
                                           const MetricOptions&) { return Score(1.); }}};
  size_t scored = 0;
  options.scored = [&](const MethodOutcome& done) {
    REQUIRE(done.is_first == (scored == 0));
    REQUIRE(done.evaluation.contexts[0].scores.columns.back().name == "one");
    ++scored;
  };
  const auto result = run(run_screen(), baselines(), options);
  REQUIRE(names_of(result) ==
          std::vector<std::string>{"perturbation_mean", "control_copy", "constant"});
  REQUIRE(scored == 3);
  REQUIRE(result.models.empty());
  REQUIRE(result.report.metrics.back().name == "one");
  // Its mean cell is 1 to 1.25 in every gene, so all perturbations are predicted alike.
  const auto& own = result.report.others[1].contexts[0].scores;
  for (const Score& score : own.column("pearson_delta")) REQUIRE(std::abs(*score) <= 1);
}

TEST_CASE("run: a method that cannot predict all is scored on the rest", "[pipeline]") {
  auto e = baselines();
  RunOptions options;
  options.more_methods = {std::make_shared<Constant>(1.f, 1000)};
  const auto whole = run(run_screen(), e, options);
  const size_t all = whole.requests.size();
  REQUIRE(all > 2);
  options.more_methods = {std::make_shared<Constant>(1.f, 2)};
  std::vector<std::string> notes;
  options.callbacks.note = [&](const std::string& line) { notes.push_back(line); };
  const auto part = run(run_screen(), e, options);
  REQUIRE(part.missing.size() == all - 2);
  const auto& scores = part.report.others[1].contexts[0].scores;
  const auto& before = whole.report.others[1].contexts[0].scores;
  REQUIRE(scores.perturbations ==
          std::vector<std::string>(before.perturbations.begin(), before.perturbations.begin() + 2));
  for (const char* column : {"mae", "mae_delta", "pearson_delta", "edistance", "overlap_at_N"})
    for (size_t t = 0; t < 2; ++t) REQUIRE(scores.column(column)[t] == before.column(column)[t]);
  REQUIRE_THAT(notes.back(), contains("constant cannot"));
  REQUIRE_FALSE(part.report.warnings.empty());

  // One that predicts nothing is left out; the first one has to predict something.
  options.more_methods = {std::make_shared<Constant>(1.f, 0)};
  REQUIRE(run(run_screen(), e, options).report.others.size() == 1);
}

TEST_CASE("run: settings that name no method or profile are errors that list them", "[pipeline]") {
  auto e = baselines();
  e.methods = {"perturbation_men"};
  REQUIRE_THROWS_WITH(run(run_screen(), e),
                      contains("[scores] methods") && contains("did you mean 'perturbation_mean'"));
  e.methods = {};
  REQUIRE_THROWS_WITH(run(run_screen(), e), contains("state_transition"));
  e.methods = {"control_copy", "control_copy"};
  REQUIRE_THROWS_WITH(run(run_screen(), e), contains("twice"));
  e = baselines();
  e.profile = "all";
  REQUIRE_THROWS_WITH(run(run_screen(), e), contains("'all'") && contains("vcell"));
  e = baselines();
  e.labels.context_keys = {"contxt"};
  REQUIRE_THROWS_WITH(run(run_screen(), e), contains("[data] context_keys 'contxt'") &&
                                                contains("did you mean 'context'"));
  e = baselines();
  e.min_genes = 1000;
  REQUIRE_THROWS_WITH(run(run_screen(), e), contains("[data] min_genes"));
}

TEST_CASE("run: names of a split that the screen does not have", "[pipeline]") {
  Experiment e = baselines();
  PrepareInputs given;
  given.split.emplace().datasets = {{"screen", "screen.h5ad"}};
  given.split->training = {"screen"};
  const std::string known = prepare(run_screen(), e).screen.perturbation.names[1];
  given.split->fewshot["screen.context_1"].test = {known, "MYC"};
  given.split->zeroshot["screen.elsewhere"] = Part::test;
  CHECK_THROWS_WITH(prepare(run_screen(), e, given), contains("'MYC'") && contains("'elsewhere'") &&
                                                         contains("[split] lenient_split"));
  e.lenient_split = true;
  std::string said;
  Callbacks callbacks;
  callbacks.note = [&](const std::string& line) { said += line + '\n'; };
  const auto prepared = prepare(run_screen(), e, given, callbacks);
  const Screen& labels = prepared.screen;
  for (size_t i = 0; i < labels.cells(); ++i)
    CHECK((prepared.parts[i] == Part::test) ==
          (labels.context.codes[i] == labels.context.code("context_1") &&
           labels.perturbation.codes[i] == labels.perturbation.code(known)));
  CHECK_THAT(said, contains("'MYC'") && contains("'elsewhere'") && contains("left out"));
}

TEST_CASE("run: ceilings between the levels of obs columns", "[pipeline]") {
  auto e = baselines();
  e.ceiling_by = {"sgrna", "perturbation"};
  CHECK_THROWS_WITH(run(run_screen(), e), contains("[scores] ceiling_by 'sgrna': no such column"));
  auto screen = run_screen();
  const auto labels = screen.obs.column("perturbation").text();
  std::vector<std::string> guides;
  for (size_t i = 0; i < labels.size(); ++i) guides.push_back(labels[i] + (i % 3 ? " a" : " b"));
  screen.obs.set("sgrna", Column(Labels(guides)));
  std::string said;
  RunOptions options;
  options.callbacks.note = [&](const std::string& line) { said += line + '\n'; };
  const auto found = run(screen, e, options);
  REQUIRE(found.level_ceilings.size() == 2);
  const LevelCeilings& by_guide = found.level_ceilings[0];
  REQUIRE(by_guide.by == "sgrna");
  REQUIRE(by_guide.warnings.empty());
  REQUIRE(by_guide.contexts.size() == found.report.evaluation.contexts.size());

  // The same of the observed cells as they are given away, with their obs.
  const Prepared& p = found.prepared;
  const auto observed =
      observation_anndata(p.annotations, e.labels, p.screen, found.requests, p.parts);
  const auto sides = evaluation_sides(labelled_observations(p.screen, found.requests, p.parts),
                                      {.control = e.labels.control});
  const auto expected = level_ceilings(
      sides, "sgrna", factor(observed.obs.column("sgrna")),
      {.control = e.labels.control, .metrics = metrics_of(e.profile), .symbols = p.symbols},
      e.training.seed);
  for (size_t c = 0; c < by_guide.contexts.size(); ++c)
    for (size_t m = 0; m < by_guide.contexts[c].ceilings.size(); ++m) {
      const double a = by_guide.contexts[c].ceilings[m], b = expected.contexts.at(c).ceilings[m];
      CHECK((a == b || (std::isnan(a) && std::isnan(b))));
    }
  REQUIRE(found.report.level_ceilings.size() == 1);

  // No perturbation has two of what names it.
  REQUIRE(found.level_ceilings[1].contexts.empty());
  CHECK_THAT(found.level_ceilings[1].warnings.at(0), contains("no perturbation has cells"));
  CHECK_THAT(said, contains("warning: Ceiling by 'perturbation'"));
  CHECK(std::any_of(
      found.report.evaluation.warnings.begin(), found.report.evaluation.warnings.end(),
      [](const std::string& text) { return text.starts_with("Ceiling by 'perturbation'"); }));
}

TEST_CASE("run: stops where it is asked to", "[pipeline]") {
  for (const std::string stage : {"train", "predict", "evaluate"}) {
    INFO(stage);
    RunOptions options;
    options.callbacks.progress = [&](const ProgressUpdate& update) {
      return update.stage != stage;
    };
    REQUIRE_THROWS_AS(run(run_screen(), run_experiment(), options), Stopped);
  }
}

TEST_CASE("run: one cell of test, one context, and nothing held out", "[pipeline]") {
  auto e = baselines();
  e.labels.context_keys = {};
  const auto one = run(run_screen(), e);  // by cells
  REQUIRE(one.report.evaluation.contexts.size() == 1);
  REQUIRE(one.report.evaluation.contexts[0].context.empty());
  REQUIRE_THAT(one.report.warnings.back(), contains("measure fit"));

  auto parts = one.prepared.parts;
  std::replace(parts.begin(), parts.end(), Part::test, Part::unused);
  const auto& s = one.prepared.screen;
  REQUIRE_THROWS_WITH(held_out_pairs(s, parts, 1, PredictFrom::drawn),
                      contains("nothing to score"));
  for (size_t i = 0; i < parts.size(); ++i)
    if (!s.is_control(i)) {
      parts[i] = Part::test;
      break;
    }
  const auto pairs = held_out_pairs(s, parts, 1, PredictFrom::drawn);
  REQUIRE(pairs.size() == 1);
  REQUIRE(pairs[0].control_cells.size() == 1);
  REQUIRE(labelled_observations(s, pairs, parts).X.rows == 1 + control_rows(s, pairs).size());
}
