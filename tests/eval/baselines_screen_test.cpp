// The baselines on a real screen: replicates as contexts, ten targets of the third one held out.
#include "support.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/models/baselines.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/sets/split.hpp"

using namespace vcell_test;

namespace {

const std::vector<std::string> held_out = {"IFNGR1", "JAK2", "STAT1", "SMAD4", "IRF1",
                                           "CD86",   "ATF2", "STAT2", "CAV1",  "BRD4"};

struct Task {
  Screen screen;
  std::vector<Part> parts;
  std::vector<size_t> controls;  // of the third replicate
  std::vector<PredictionRequest> requests;
  LabelledCells real;
};

Task make_task(const std::filesystem::path& file) {
  AnnData adata = read_h5ad(file);
  normalize_to_log1p(adata, {Scale::counts, {}});
  Task task;
  ScreenOptions options;
  options.context_keys = {"batch"};
  task.screen = make_screen(adata, options);
  SplitSpec spec;
  spec.datasets["screen"] = file.string();
  spec.training = {"screen"};
  spec.fewshot["screen.rep_3"].test = held_out;
  task.parts = assign_parts(task.screen, spec, "screen");

  const int32_t context = task.screen.context.code("rep_3");
  std::vector<size_t> rows;
  for (size_t i = 0; i < task.screen.cells(); ++i)
    if (task.screen.context.codes[i] == context && task.screen.is_control(i))
      task.controls.push_back(i);
  rows = task.controls;
  Rng rng(42);
  for (const std::string& name : held_out) {
    PredictionRequest request{context, task.screen.perturbation.code(name), {}};
    for (size_t i = 0; i < task.screen.cells(); ++i)
      if (task.parts[i] == Part::test &&
          task.screen.perturbation.codes[i] == request.perturbation) {
        rows.push_back(i);
        request.control_cells.push_back(task.controls[rng.below(task.controls.size())]);
      }
    task.requests.push_back(request);
  }
  std::vector<std::string> labels;
  for (size_t row : rows)
    labels.push_back(task.screen.perturbation.names[size_t(task.screen.perturbation.codes[row])]);
  task.real = {select_rows(task.screen.expression, std::span<const size_t>(rows)),
               task.screen.genes,
               factor(labels),
               {}};
  return task;
}

Evaluation evaluate_baseline(const Task& task, std::string_view name) {
  const auto baseline = make_baseline(name);
  baseline->fit(task.screen, task.parts, {});
  const auto made = baseline->predict(task.screen, task.requests, {});
  REQUIRE(made.missing.empty());
  LabelledCells predicted = task.real;
  predicted.X = select_rows(task.screen.expression, std::span<const size_t>(task.controls));
  std::vector<std::string> labels(task.controls.size(), "non-targeting");
  for (size_t i = 0; i < made.cells.rows; ++i) {
    const auto indices = made.cells.row_indices(i);
    const auto values = made.cells.row_values(i);
    predicted.X.indices.insert(predicted.X.indices.end(), indices.begin(), indices.end());
    predicted.X.values.insert(predicted.X.values.end(), values.begin(), values.end());
    predicted.X.end_row();
    labels.push_back(held_out[made.requests[i]]);
  }
  predicted.perturbation = factor(labels);
  return evaluate(task.real, predicted);
}

double mean_score(const Evaluation& evaluation, const std::string& name) {
  return *summarise(evaluation.contexts[0].scores.column(name))[summary_mean];
}

}  // namespace

TEST_CASE("baselines: the mean of other replicates tells targets apart, a copy does not",
          "[eval]") {
  const auto folder = folder_from("VCELL_DATA");
  if (!folder) VCELL_SKIP("VCELL_DATA names no folder");
  const auto file = *folder / "papalexi2021_lowmoi_demo.h5ad";
  if (!std::filesystem::exists(file)) VCELL_SKIP(file.string() + " is absent");
  const Task task = make_task(file);
  const auto copy = evaluate_baseline(task, "control_copy");
  const auto mean = evaluate_baseline(task, "perturbation_mean");
  const auto context = evaluate_baseline(task, "context_mean");
  CAPTURE(mean_score(copy, "discrimination_score_l1"), mean_score(mean, "discrimination_score_l1"),
          mean_score(context, "discrimination_score_l1"), mean_score(mean, "pearson_delta"));
  REQUIRE(mean_score(mean, "discrimination_score_l1") >= 0.9);
  REQUIRE(mean_score(copy, "discrimination_score_l1") < 0.75);
  REQUIRE(mean_score(context, "discrimination_score_l1") < 0.75);
  REQUIRE(mean_score(mean, "mae_delta") < mean_score(copy, "mae_delta"));
  for (const char* strong : {"IFNGR1", "JAK2", "STAT1"}) {
    const auto& scores = mean.contexts[0].scores;
    const auto place = std::find(scores.perturbations.begin(), scores.perturbations.end(), strong) -
                       scores.perturbations.begin();
    REQUIRE(*scores.column("pearson_delta")[size_t(place)] > 0.75);
  }
}
