#include "vcell/pipeline/dry_run.hpp"

#include "support/catch.hpp"
#include "support/small_experiment.hpp"
#include "vcell/pipeline/run.hpp"

using namespace vcell;

namespace {

Experiment dry_experiment() {
  Experiment e = vcell_test::small_experiment();
  e.training.max_steps = 21;
  e.training.validate_every = 10;
  return e;
}

}  // namespace

TEST_CASE("dry_run: what run finds", "[pipeline]") {
  const auto e = dry_experiment();
  const auto whole = run(vcell_test::small_cells(), e);
  const auto dry = dry_run(vcell_test::small_cells(), e);
  CHECK(dry.parameters == whole.models[0].model.parameters().count());
  CHECK(dry.pairs == whole.requests.size());
  CHECK(dry.cells[2] == count_parts(whole.prepared.parts)[2]);
  CHECK(dry.model_genes == 30);
  CHECK(dry.perturbations == 6);
  CHECK(dry.contexts == 3);
  CHECK(dry.steps == 21);
  CHECK(dry.validations == 3);  // one after the last step, too
  CHECK(dry.step_seconds > 0);
  CHECK(dry.training_seconds() >= 21 * dry.step_seconds);
  CHECK(dry.memory > 1e6);
  CHECK(dry.scores_memory >
        double(whole.predicted.cells.values.size() * (sizeof(float) + sizeof(int32_t))));
}

TEST_CASE("dry_run: takes the steps that there are, and stops on request", "[pipeline]") {
  auto e = dry_experiment();
  size_t steps = 0;
  DryRunOptions options;
  options.callbacks.progress = [&](const ProgressUpdate& update) {
    if (update.stage == "train") steps = update.done;
    return true;
  };
  dry_run(vcell_test::small_cells(), e, options);
  CHECK(steps == options.steps);
  e.training.max_steps = 1;
  CHECK(dry_run(vcell_test::small_cells(), e, options).step_seconds > 0);
  CHECK(steps == 1);
  e.training.max_steps = 21;
  options.callbacks.progress = [&](const ProgressUpdate& update) {
    return update.stage != "train" || update.done < 2;
  };
  CHECK_THROWS_AS(dry_run(vcell_test::small_cells(), e, options), Stopped);
}
