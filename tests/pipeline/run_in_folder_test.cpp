#include "vcell/pipeline/run_in_folder.hpp"

#include <set>

#include "support/catch.hpp"
#include "support/events.hpp"
#include "support/small_experiment.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell;
using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

/// A screen in a file, and an experiment on it.
struct Fixture {
  TemporaryFolder folder{"run"};
  AnnData screen = small_cells();
  Experiment e = small_experiment();

  Fixture() {
    write_h5ad(folder / "screen.h5ad", screen);
    e.data = folder / "screen.h5ad";
    e.training.validate_every = 2;
  }
  RunInFolderOptions options(OldRun old = OldRun::keep) const {
    RunInFolderOptions out;
    out.old = old;
    out.gnuplot.program = "vcell-no-such-program";
    return out;
  }
};

}  // namespace

TEST_CASE("run_in_folder: leaves what run has in memory", "[pipeline]") {
  Fixture f;
  std::vector<std::string> days;
  for (size_t i = 0; i < f.screen.cells(); ++i) days.push_back(i % 2 ? "1" : "2");
  f.screen.obs.set("day", Column(Labels(days)));
  write_h5ad(f.folder / "screen.h5ad", f.screen);
  f.e.ceiling_by = {"day"};
  const auto memory = run(f.screen, f.e);
  const fs::path out = f.folder / "out";
  const auto files = run_in_folder(f.e, out, f.options());
  REQUIRE(files.predicted.cells == memory.predicted.cells);
  const auto predictions = read_h5ad(out / "predictions.h5ad");
  const auto x = to_csr<float>(*predictions.X);
  REQUIRE(x.rows > memory.predicted.cells.rows);
  for (size_t i = 0; i < memory.predicted.cells.rows; ++i)
    for (size_t k = 0; k < memory.predicted.cells.row_size(i); ++k)
      REQUIRE(x.row_values(i)[k] == memory.predicted.cells.row_values(i)[k]);

  // What the report was made of is there to be read again, and gives the same page.
  const auto again = read_report_input(out);
  REQUIRE(again.method == "State Transition");
  REQUIRE(again.others.size() == 4);
  REQUIRE(again.training_loss.size() == 4);
  REQUIRE(again.kept_steps.size() == 1);
  REQUIRE(again.kept_steps == files.report.kept_steps);
  REQUIRE(again.run.size() == files.report.run.size());
  REQUIRE(again.level_ceilings.size() == 1);
  REQUIRE(again.level_ceilings[0].by == "day");
  REQUIRE(again.level_ceilings[0].metrics == memory.report.level_ceilings.at(0).metrics);
  REQUIRE_FALSE(again.level_ceilings[0].metrics.empty());
  const auto page = report_html(again, {f.options().gnuplot});
  REQUIRE(page == read_text(out / "report.html"));
  const auto model = std::get<TrainedModel>(load_model(out / "model"));
  REQUIRE(model.genes == files.models[0].genes);
  const std::string card = read_text(out / "model/README.md");
  for (const std::string& text :
       {std::string("trained on screen.h5ad"), sha256_of(out / "model/weights.safetensors"),
        std::string("## Scores"), std::string("| mae |"), read_text(out / "experiment.toml")}) {
    INFO(text);
    CHECK(card.find(text) != card.npos);
  }
}

TEST_CASE("run_in_folder: what a baseline before State Transition leaves is kept", "[pipeline]") {
  Fixture f;
  f.e.methods = {"perturbation_mean", "state_transition"};
  const fs::path out = f.folder / "out";
  const auto result = run_in_folder(f.e, out, f.options());
  CHECK(read_text(out / "experiment.toml").find("anchor = \"perturbation_mean\"") !=
        std::string::npos);
  const auto x = to_csr<float>(*read_h5ad(out / "predictions.h5ad").X);
  CHECK(x.rows > result.predicted.cells.rows);
  CHECK(read_report_input(out).method == "perturbation_mean");
  for (const char* name : {"agg_results.csv", "baselines/state_transition/agg_results.csv",
                           "scores.json", "baselines/state_transition/scores.json",
                           "model/weights.safetensors", "metrics.csv", "report.html"}) {
    INFO(name);
    CHECK(fs::exists(out / name));
  }
  f.e.training.max_steps *= 2;
  run_in_folder(f.e, out, f.options(OldRun::overwrite));
  CHECK(fs::exists(out / "agg_results.csv"));
}

TEST_CASE("run_in_folder: an old run is kept, replaced or gone on with", "[pipeline]") {
  Fixture f;
  f.e.methods = {"state_transition"};
  const fs::path out = f.folder / "out";
  auto options = f.options();
  size_t steps = 0;
  options.callbacks.progress = [&](const ProgressUpdate& update) {
    return update.stage != "train" || ++steps < 3;
  };
  REQUIRE_THROWS_WITH(run_in_folder(f.e, out, options), contains("stopped after step 3 of 4"));
  REQUIRE_THROWS_WITH(read_report_input(out), contains("there are no scores"));
  REQUIRE_THROWS_WITH(run_in_folder(f.e, out, f.options()), contains("already"));
  const auto resumed = run_in_folder(f.e, out, f.options(OldRun::resume));
  REQUIRE(resumed.metrics.size() == 1);
  REQUIRE(resumed.report.training_loss.size() == 4);

  const auto whole = run_in_folder(f.e, f.folder / "whole", f.options());
  REQUIRE(resumed.predicted.cells == whole.predicted.cells);
  REQUIRE(read_text(out / "report.html") == read_text(f.folder / "whole/report.html"));

  // A setting that does not fit leaves the old run as it is.
  auto wrong = f.e;
  wrong.labels.control = "nobody";
  REQUIRE_THROWS_AS(run_in_folder(wrong, out, f.options(OldRun::overwrite)), ConfigError);
  REQUIRE(fs::exists(out / "report.html"));
  // A user's own file stays.
  write_text(out / "my_results.csv", "mine\n");
  auto other = f.e;
  other.methods = {"control_copy", "perturbation_mean"};
  run_in_folder(other, out, f.options(OldRun::overwrite));
  REQUIRE(fs::exists(out / "my_results.csv"));
  REQUIRE_FALSE(fs::exists(out / "model"));  // of the run that was replaced
  REQUIRE(read_report_input(out).method == "control_copy");
  REQUIRE(read_report_input(out).training_loss.empty());

  REQUIRE_THROWS_WITH(run_in_folder(f.e, out, f.options()),
                      contains("OldRun::resume") && contains("OldRun::overwrite"));
  write_text(f.folder / "file", "x");
  REQUIRE_THROWS_WITH(run_in_folder(f.e, f.folder / "file", f.options()), contains("no run"));
  REQUIRE_THROWS_WITH(run_in_folder(f.e, f.folder / "none", f.options(OldRun::resume)),
                      contains("no run to go on with"));
  REQUIRE_FALSE(fs::exists(f.folder / "none"));
  f.e.data.clear();
  REQUIRE_THROWS_WITH(run_in_folder(f.e, f.folder / "none", f.options()), contains("[data] path"));
}

TEST_CASE("run_in_folder: averages, batches added up and a chosen metric, also when resumed",
          "[pipeline]") {
  Fixture f;
  f.e.methods = {"state_transition"};
  auto& t = f.e.training;
  t.max_steps = 9;
  t.learning_rate = 1e-2;
  t.accumulate = 2;
  t.ema = 0.5;
  t.choose_by = ChooseBy::discrimination;
  t.schedule = ScheduleShape::chained;
  t.warmup = 2;
  f.e.tensorboard = true;
  const auto whole = run_in_folder(f.e, f.folder / "whole", f.options());
  const fs::path out = f.folder / "out";
  auto options = f.options();
  options.callbacks.progress = [&](const ProgressUpdate& update) {
    return update.stage != "train" || update.done < 5;
  };
  REQUIRE_THROWS_AS(run_in_folder(f.e, out, options), Stopped);
  run_in_folder(f.e, out, f.options(OldRun::resume));
  for (const char* file :
       {"metrics.csv", "report.html", "model/weights.safetensors",
        "checkpoints/last/average.safetensors", "experiment.toml", "model/README.md"}) {
    INFO(file);
    CHECK(read_text(out / file) == read_text(fs::path(f.folder / "whole") / file));
  }
  const auto rows = read_metrics(out / "metrics.csv");
  REQUIRE(rows.size() == 9);
  double best = 0, kept = 0;
  for (const MetricsRow& row : rows) {
    CHECK(row.discrimination.has_value() == row.validation_loss.has_value());
    CHECK(row.pearson_delta.has_value() == row.validation_loss.has_value());
    if (row.discrimination.value_or(0) > best) {
      best = *row.discrimination;
      kept = double(row.step);
    }
  }
  CHECK(best > 0);
  CHECK(best <= 1);
  CHECK(whole.report.kept_steps == std::vector<double>{kept});

  // Each process has an event file of its own.
  std::vector<std::pair<uint64_t, float>> losses, expected;
  for (const char* file :
       {"events.out.tfevents.0000000001.vcell", "events.out.tfevents.0000000002.vcell"})
    for (const Event& event : read_events(out / "tensorboard" / file))
      if (event.tag == "train/loss") losses.emplace_back(event.step, event.value);
  for (const MetricsRow& row : rows) expected.emplace_back(row.step, float(row.train_loss));
  CHECK(losses == expected);
  const auto resumed = read_events(out / "tensorboard/events.out.tfevents.0000000002.vcell");
  CHECK(resumed.at(1).starts_session);
  CHECK(resumed.at(1).step == 6);
  f.e.tensorboard = false;
  run_in_folder(f.e, out, f.options(OldRun::overwrite));
  CHECK_FALSE(fs::exists(out / "tensorboard"));
}

TEST_CASE("train_in_folder: trains the same model as a run", "[pipeline]") {
  Fixture f;
  const fs::path out = f.folder / "out";
  bool begun = false;
  auto options = f.options();
  options.begun = [&] { begun = fs::exists(out / "experiment.toml"); };
  const auto models = train_in_folder(f.e, out, options);
  REQUIRE(models.size() == 1);
  REQUIRE(begun);
  const auto run = run_in_folder(f.e, f.folder / "run", f.options());
  REQUIRE(models[0].anchors->alpha == run.models[0].anchors->alpha);
  const std::string card = read_text(out / "model/README.md");
  CHECK(card.find("## Settings") != card.npos);
  CHECK(card.find("## Scores") == card.npos);
  REQUIRE(read_text(out / "model/weights.safetensors") ==
          read_text(f.folder / "run/model/weights.safetensors"));
  REQUIRE_THROWS_WITH(read_report_input(out), contains("there are no scores"));
  REQUIRE_THROWS_WITH(read_report_input(f.folder / "none"), contains("there is no run"));
}
