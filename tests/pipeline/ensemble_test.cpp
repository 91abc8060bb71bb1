#include <set>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/small_experiment.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "train/folder_bytes.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/pipeline/dry_run.hpp"
#include "vcell/pipeline/initial_model.hpp"
#include "vcell/pipeline/run_in_folder.hpp"

using namespace vcell;
using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

Experiment ensemble_experiment(size_t members) {
  Experiment e = small_experiment();
  e.training.validate_every = 2;
  e.training.learning_rate = 1e-2;
  e.methods = {"state_transition"};
  e.ensemble = members;
  return e;
}

/// The same screen in a file, and a run of two members on it.
struct EnsembleScreen {
  TemporaryFolder folder{"ensemble"};
  Experiment e = ensemble_experiment(2);

  EnsembleScreen() {
    write_h5ad(folder / "screen.h5ad", small_cells());
    e.data = folder / "screen.h5ad";
  }
  static RunInFolderOptions options(OldRun old = OldRun::keep) {
    RunInFolderOptions out;
    out.old = old;
    out.gnuplot.program = "vcell-no-such-program";
    return out;
  }
};

std::vector<float> weights_of(const TrainedModel& m) {
  const auto values = m.model.parameters().values();
  return {values.begin(), values.end()};
}

/// A row of predicted cells with its zeros.
std::vector<float> dense(const CsrMatrix<float>& cells, size_t row) {
  std::vector<float> out(cells.columns, 0.f);
  for (size_t k = 0; k < cells.row_size(row); ++k)
    out[size_t(cells.row_indices(row)[k])] = cells.row_values(row)[k];
  return out;
}

}  // namespace

TEST_CASE("ensemble: predicted cells are the mean over the members", "[pipeline]") {
  const auto result = run(small_cells(), ensemble_experiment(3));
  REQUIRE(result.models.size() == 3);
  std::vector<PredictedCells> parts;
  for (const auto& model : result.models)
    parts.push_back(predict_cells(model, result.prepared.screen, result.requests));
  REQUIRE(result.predicted.cells.rows == parts[0].cells.rows);
  REQUIRE(result.predicted.requests == parts[0].requests);
  for (size_t i = 0; i < result.predicted.cells.rows; ++i) {
    const auto mean = dense(result.predicted.cells, i);
    std::vector<std::vector<float>> rows;
    for (const auto& part : parts) rows.push_back(dense(part.cells, i));
    for (size_t g = 0; g < mean.size(); ++g) {
      REQUIRE(mean[g] == (rows[0][g] + rows[1][g] + rows[2][g]) / 3);
    }
  }
  CHECK_FALSE(parts[0].cells == parts[1].cells);
  // The first is the model of a run without the others; these have weights and seeds of their own.
  const auto alone = run(small_cells(), ensemble_experiment(1));
  REQUIRE(alone.models.size() == 1);
  CHECK(weights_of(result.models[0]) == weights_of(alone.models[0]));
  CHECK(parts[0].cells == alone.predicted.cells);
  CHECK(weights_of(result.models[1]) != weights_of(result.models[0]));
  CHECK(weights_of(result.models[1]) != weights_of(result.models[2]));
  CHECK(member_seed(42, 1) == 42);
  CHECK(member_seed(42, 2) != member_seed(42, 3));
  CHECK(member_seed(42, 2) != member_seed(43, 2));

  REQUIRE(result.metrics.size() == 12);
  REQUIRE(result.report.training_loss.size() == 12);
  CHECK(result.report.kept_steps.size() == 3);
  CHECK(result.metrics[4].member == 2);
  CHECK(result.metrics[4].step == 1);
  bool said = false;
  for (const auto& section : result.report.run)
    for (const auto& [what, value] : section.facts)
      said |= what == "Members" && value.starts_with("3, each");
  CHECK(said);
}

TEST_CASE("ensemble: every member draws validation of its own, where the split has none",
          "[pipeline]") {
  const auto e = ensemble_experiment(1);
  const Prepared p = prepare(small_cells(), e);
  REQUIRE(p.split_parts.size() == p.parts.size());
  CHECK(std::count(p.split_parts.begin(), p.split_parts.end(), Part::validation) == 0);
  std::set<std::vector<Part>> drawn;
  for (size_t member = 1; member <= 3; ++member) {
    auto parts = p.split_parts;
    REQUIRE(draw_validation(e, p.screen, parts, member_seed(e.training.seed, member)));
    if (member == 1) CHECK(parts == p.parts);
    drawn.insert(parts);
  }
  CHECK(drawn.size() > 1);

  std::vector<std::string> notes;
  const auto note = [&](const std::string& line) { notes.push_back(line); };
  run(small_cells(), ensemble_experiment(2), {.callbacks = {{}, note}});
  const auto said = [&](const char* text) {
    return std::count_if(notes.begin(), notes.end(),
                         [&](const auto& line) { return line.find(text) != line.npos; });
  };
  CHECK(said("held out for it") == 2);
  CHECK(said("member 2 of 2, seed ") == 1);

  // A split that has one: all members have it.
  PrepareInputs given;
  given.split = p.split;
  const auto context = p.screen.context.names[0], name = p.screen.perturbation.names[1];
  given.split->fewshot["screen." + context].validation = {
      name == e.labels.control ? p.screen.perturbation.names[0] : name};
  CHECK(prepare(small_cells(), e, given).split_parts.empty());
}

TEST_CASE("ensemble: the same bytes on any number of threads", "[pipeline]") {
  check_same_on_any_threads(
      [] { return run(small_cells(), ensemble_experiment(2)).predicted.cells.values; });
}

TEST_CASE("ensemble: progress goes on over the members", "[pipeline]") {
  std::vector<size_t> done;
  std::set<std::string> notes;
  run(small_cells(), ensemble_experiment(3),
      {.callbacks = {[&](const ProgressUpdate& update) {
                       if (update.stage != "train") return true;
                       CHECK(update.total == 12);
                       done.push_back(update.done);
                       notes.emplace(update.note.substr(0, 14));
                       return true;
                     },
                     {}}});
  CHECK(done == std::vector<size_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  CHECK(notes == std::set<std::string>{"member 1, loss", "member 2, loss", "member 3, loss"});
  const auto dry = dry_run(small_cells(), ensemble_experiment(3));
  CHECK(dry.steps == 12);
  CHECK(dry.validations == 6);
}

TEST_CASE("ensemble: a folder keeps every member, and predicts the same", "[pipeline]") {
  const EnsembleScreen f;
  const fs::path out = f.folder / "out";
  const auto result = run_in_folder(f.e, out, f.options());
  const auto loaded = load_model(out / "model");
  REQUIRE(members_of(loaded).size() == 2);
  const auto again = predict_cells(members_of(loaded), result.prepared.screen, result.requests);
  CHECK(again.cells == result.predicted.cells);
  const auto second = load_model(out / "model/member_2");
  CHECK(weights_of(members_of(second)[0]) == weights_of(result.models[1]));
  for (const char* name : {"checkpoints/member_1/last", "checkpoints/member_2/best"})
    CHECK(fs::is_directory(out / name));
  CHECK_FALSE(fs::exists(out / "checkpoints/last"));
  const auto rows = read_metrics(out / "metrics.csv");
  CHECK(rows == result.metrics);
  REQUIRE(read_experiment(out / "experiment.toml").ensemble == 2);
  const auto report = read_report_input(out);
  CHECK(report.kept_steps == result.report.kept_steps);
  const auto page = report_html(report, {f.options().gnuplot});
  CHECK(page == read_text(out / "report.html"));
  CHECK_THAT(page, contains("2 models, trained in turn"));

  const auto trained = train_in_folder(f.e, f.folder / "train", f.options());
  REQUIRE(trained.size() == 2);
  auto of_training = folder_bytes(f.folder / "train/model"), of_run = folder_bytes(out / "model");
  CHECK(of_training.erase("README.md") == 1);  // the run's has scores
  CHECK(of_run.erase("README.md") == 1);
  CHECK(of_training == of_run);
}

TEST_CASE("ensemble: a run that was stopped in any member goes on to the same bytes",
          "[pipeline]") {
  const EnsembleScreen f;
  run_in_folder(f.e, f.folder / "whole", f.options());
  const auto whole = folder_bytes(f.folder / "whole");
  for (const size_t last : {1, 4, 5, 7}) {
    const fs::path out = f.folder / message("cut_", last);
    auto options = f.options();
    options.callbacks.progress = [&](const ProgressUpdate& update) {
      return update.stage != "train" || update.done < last;
    };
    CHECK_FALSE(RunFolder(out).can_resume());
    REQUIRE_THROWS_AS(run_in_folder(f.e, out, options), Stopped);
    CHECK(RunFolder(out).can_resume());
    CHECK_FALSE(fs::exists(out / "model"));
    CHECK(read_metrics(out / "metrics.csv").size() == last);
    const auto resumed = run_in_folder(f.e, out, f.options(OldRun::resume));
    CHECK(resumed.metrics.size() == 8 - last);
    CHECK(folder_bytes(out) == whole);
  }
  auto options = f.options();
  options.callbacks.progress = [](const ProgressUpdate& update) {
    return update.stage != "train" || update.done < 6;
  };
  check_error<Stopped>([&] { run_in_folder(f.e, f.folder / "said", options); },
                       {"stopped after step 2 of 4 of member 2"});
}

TEST_CASE("ensemble: one member at least", "[pipeline]") {
  check_error<ConfigError>([] { run(small_cells(), ensemble_experiment(0)); },
                           {"[training] ensemble is 0, expected 1 to 1000"});
}

TEST_CASE("fine-tuning: training starts from the members of a model folder", "[pipeline]") {
  const EnsembleScreen f;
  const fs::path base = f.folder / "base";
  const auto old = train_in_folder(f.e, base, f.options());
  Experiment e = f.e;
  e.init_from = base / "model";
  e.training.seed = 7;
  const auto begun = [&](Experiment asked) {
    std::vector<std::vector<float>> out;
    std::vector<std::string> notes;
    RunOptions o;
    o.callbacks.note = [&](const std::string& line) { notes.push_back(line); };
    o.state_transition.start = start_of(asked);
    CHECK(asked.init_sha256 == folder_sha256(asked.init_from));
    CHECK(asked.target_sum == *old[0].target_sum);
    o.state_transition.hooks.begin = [&](const TrainedModel& m) { out.push_back(weights_of(m)); };
    const auto result = run(small_cells(), asked, o);
    CHECK(weights_of(result.models[0]) != out[0]);  // and is trained on
    CHECK(std::count(notes.begin(), notes.end(),
                     "starts from a model, genes: 30 as there, 0 new, 0 left out") ==
          std::ptrdiff_t(asked.ensemble));
    return out;
  };
  CHECK(begun(e) == std::vector{weights_of(old[0]), weights_of(old[1])});
  // One model for all.
  e.init_from = base / "model/member_2";
  CHECK(begun(e) == std::vector{weights_of(old[1]), weights_of(old[1])});
  e.ensemble = 3;
  e.init_from = base / "model";
  check_error<ConfigError>([&] { start_of(e); },
                           {"[training] ensemble is 3", "has 2 models", "set it to 2"});
  e.ensemble = 2;
  check_error<ConfigError>([&] { run(small_cells(), e); },
                           {"[training] init_from is ", "there is no"});
  e.init_from = f.folder / "nowhere";
  check_error<IoError>([&] { start_of(e); }, {"no model folder"});
  e.init_from = base / "model/member_1/config.json";
  check_error<ConfigError>([&] { start_of(e); }, {"[training] init_from", "is a file", "import"});
  e.init_from = base / "model";
  e.init_sha256 = std::string(64, '0');
  check_error<ConfigError>([&] { start_of(e); }, {"is not what it was", "[training] init_sha256"});
  e.init_from.clear();
  check_error<ConfigError>([&] { check_experiment(e); }, {"init_sha256 needs"});
}

TEST_CASE("fine-tuning: a run that was stopped goes on from its checkpoint, not from the folder",
          "[pipeline]") {
  const EnsembleScreen f;
  const fs::path base = f.folder / "base", moved = f.folder / "moved";
  train_in_folder(f.e, base, f.options());
  Experiment e = f.e;
  e.init_from = base / "model";
  e.training.seed = 7;
  run_in_folder(e, f.folder / "whole", f.options());
  const auto whole = folder_bytes(f.folder / "whole");
  const Experiment recorded = read_experiment(f.folder / "whole/experiment.toml");
  const std::string sum = folder_sha256(base / "model");
  CHECK(recorded.init_sha256 == sum);
  CHECK(recorded.target_sum > 0);
  CHECK_THAT(read_text(f.folder / "whole/model/README.md"), contains(sum));
  CHECK_THAT(read_text(f.folder / "whole/report.html"), contains(sum));

  const auto stop_after = [&](const fs::path& out, size_t last) {
    auto options = f.options();
    options.callbacks.progress = [&](const ProgressUpdate& update) {
      return update.stage != "train" || update.done < last;
    };
    REQUIRE_THROWS_AS(run_in_folder(e, out, options), Stopped);
  };
  // Both have begun: the folder is not needed any more.
  stop_after(f.folder / "late", 6);
  // The second has not: it is, and it must be the same.
  stop_after(f.folder / "early", 2);
  fs::rename(base, moved);
  run_in_folder(e, f.folder / "late", f.options(OldRun::resume));
  CHECK(folder_bytes(f.folder / "late") == whole);
  check_error<IoError>([&] { run_in_folder(e, f.folder / "early", f.options(OldRun::resume)); },
                       {"no model folder"});
  fs::copy(moved, base, fs::copy_options::recursive);
  write_text(base / "model/member_1/contexts.txt", "others\n");
  check_error<ConfigError>([&] { run_in_folder(e, f.folder / "early", f.options(OldRun::resume)); },
                           {"is not what it was"});
  fs::remove_all(base);
  fs::rename(moved, base);
  write_text(base / "model/README.md", "a card is for people\n");
  run_in_folder(e, f.folder / "early", f.options(OldRun::resume));
  CHECK(folder_bytes(f.folder / "early") == whole);
}

TEST_CASE("ensemble: members are trained by what is given for their device", "[pipeline]") {
  EnsembleScreen s;
  const auto expected = run_in_folder(s.e, s.folder / "cpu", s.options());
  s.e.device = RunDevice::cuda;
  check_error<ConfigError>([&] { run_in_folder(s.e, s.folder / "cuda", s.options()); },
                           {"[run] device is cuda", "StateTransitionPredictorOptions::device"});
  CHECK_FALSE(fs::exists(s.folder / "cuda/checkpoints"));
  size_t trained = 0, placed = 0;
  auto options = s.options(OldRun::overwrite);
  options.device.train = [&](const StateTransitionTraining& training) {
    ++trained;
    return train_state_transition<Cpu>(training);
  };
  check_error<ConfigError>([&] { run_in_folder(s.e, s.folder / "cuda", options); },
                           {"StateTransitionPredictorOptions::device"});  // who predicts there?
  options.device.place = [&](const StateTransition<float>& model) {
    ++placed;
    return place_model<Cpu>(model);
  };
  const auto result = run_in_folder(s.e, s.folder / "cuda", options);
  CHECK(trained == 2);
  CHECK(placed == 2);
  CHECK(result.predicted.cells == expected.predicted.cells);
  REQUIRE(result.models.size() == 2);
  for (size_t i = 0; i < 2; ++i)
    CHECK(weights_of(result.models[i]) == weights_of(expected.models[i]));
  // Members that are trained already are not trained again, and predict there as well.
  options.old = OldRun::resume;
  CHECK(run_in_folder(s.e, s.folder / "cuda", options).predicted.cells == expected.predicted.cells);
  CHECK(placed == 4);
  options.old = OldRun::overwrite;
  trained = 0;
  train_in_folder(s.e, s.folder / "trained", options);
  CHECK(trained == 2);
  CHECK(placed == 4);  // nothing is predicted
  dry_run(small_cells(), s.e, {.device = options.device});
  CHECK(trained == 3);
}
