// The main job in memory, without a file: a screen is made, prepared, learnt from, predicted where
// it was held out, and scored. State Transition is trained and predicts on the GPU, all else is
// done on the Cpu, whose numbers these are.
#include "support/catch.hpp"
//
#include "cuda/support/device.hpp"
#include "cuda/support/state_transition_on_gpu.hpp"
#include "models/predict_cases.hpp"
#include "support/largest_error.hpp"
#include "support/small_experiment.hpp"
#include "vcell/pipeline/run.hpp"

namespace {

using namespace vcell;

/// Cells as rows of all genes.
std::vector<float> dense(const CsrMatrix<float>& cells) {
  std::vector<float> out(cells.rows * cells.columns);
  for (size_t i = 0; i < cells.rows; ++i)
    for (size_t k = 0; k < cells.row_size(i); ++k)
      out[i * cells.columns + size_t(cells.row_indices(i)[k])] = cells.row_values(i)[k];
  return out;
}

struct Outcome {
  RunResult result;
  std::vector<std::vector<float>> weights;  // of each member
  std::vector<float> predicted;             // (cells, genes)
  std::vector<double> scores;               // means, of each method
  std::vector<std::string> names;           // of these
};

Outcome run_on(RunDevice device) {
  Experiment e = vcell_test::small_experiment();
  e.device = device;
  e.ensemble = 2;
  e.training.max_steps = 3;
  e.training.validate_every = 2;
  e.methods = {"state_transition", "control_copy"};
  RunOptions options;
  if (device == RunDevice::cuda)
    options.state_transition.device = vcell_test::state_transition_on_gpu();
  auto cells = simulate_screen({.seed = 3,
                                .genes = 30,
                                .contexts = 2,
                                .perturbations = 4,
                                .cells_per_perturbation = 10,
                                .control_cells = 20});
  Outcome out{run(std::move(cells.screen), e, options), {}, {}, {}, {}};
  for (const TrainedModel& member : out.result.models) {
    const auto values = member.model.parameters().values();
    out.weights.emplace_back(values.begin(), values.end());
  }
  out.predicted = dense(out.result.predicted.cells);
  for (const auto& method : methods_of(out.result.report))
    for (const auto& context : method.contexts)
      for (const auto& column : context.scores.columns) {
        out.names.push_back(message(method.name, ": ", column.name));
        out.scores.push_back(summarise(column.values)[summary_mean].value_or(-1));
      }
  return out;
}

}  // namespace

TEST_CASE("cuda main job: a run trains and predicts there as on the Cpu, and again the same bytes",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Outcome expected = run_on(RunDevice::cpu), found = run_on(RunDevice::cuda);
  REQUIRE(found.result.models.size() == 2);
  REQUIRE(found.result.metrics.size() == expected.result.metrics.size());
  for (size_t i = 0; i < found.result.metrics.size(); ++i) {
    const MetricsRow &a = found.result.metrics[i], &b = expected.result.metrics[i];
    INFO("member " << b.member << ", step " << b.step);
    CHECK(a.train_loss == Approx(b.train_loss).epsilon(1e-4));
    REQUIRE(a.validation_loss.has_value() == b.validation_loss.has_value());
    if (b.validation_loss) CHECK(*a.validation_loss == Approx(*b.validation_loss).epsilon(1e-4));
  }
  CHECK(found.result.requests == expected.result.requests);
  CHECK(expected.predicted.size() >= 600);
  CHECK(vcell_test::largest_error(found.predicted, expected.predicted) < 1e-3);
  REQUIRE(found.names == expected.names);
  CHECK(found.names.size() > 10);
  for (size_t i = 0; i < found.names.size(); ++i) {
    INFO(found.names[i]);
    CHECK(found.scores[i] == Approx(expected.scores[i]).margin(1e-2));
  }

  const Outcome again = run_on(RunDevice::cuda);
  CHECK(again.weights == found.weights);
  CHECK(again.result.metrics == found.result.metrics);
  CHECK(again.result.predicted.cells == found.result.predicted.cells);
  CHECK(again.scores == found.scores);
}

TEST_CASE("cuda main job: ensembles predict the numbers of the Cpu, of every kind", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const PlaceModel place = vcell_test::state_transition_on_gpu().place;
  for (const auto& ensemble : vcell_test::predict_cases(9)) {
    INFO(ensemble.name);
    const auto expected = ensemble.predict({}), found = ensemble.predict(place);
    CHECK(found.requests == expected.requests);
    CHECK(vcell_test::largest_error(dense(found.cells), dense(expected.cells)) < 1e-5);
  }
}
