#include "support/program.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "support/catch.hpp"
#include "vcell/eval/read_results.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/version.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

/// A screen that a run takes seconds for, and the flags of such a run.
std::string simulate(const TemporaryFolder& folder, const std::string& more = "") {
  const std::string screen = folder / "screen.h5ad";
  const auto made = run_vcell(folder,
                              "simulate --genes 40 --perturbations 6 --contexts 2 --cells 12 "
                              "--control-cells 30 --seed 3 --out " +
                                  screen + ' ' + more);
  INFO(made.err);
  REQUIRE(made.code == 0);
  return screen;
}

std::string small_run(const std::string& screen, const std::string& out) {
  return "run --data " + screen + " --context-key context --out " + out +
         " --hidden 16 --layers 1 --heads 2 --head-dim 8 --mlp-width 16 --max-steps 30 "
         "--validate-every 10 --set-size 8 --batch-size 4";
}

/// Names of the files below a folder, with their bytes; the log has times and is left out.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().filename() != "run.log")
      all[fs::relative(entry.path(), folder).string()] = vcell::read_text(entry.path());
  return all;
}

std::vector<std::string> differing(const std::map<std::string, std::string>& a,
                                   const std::map<std::string, std::string>& b) {
  std::vector<std::string> names;
  for (const auto& [name, bytes] : a)
    if (!b.contains(name) || b.at(name) != bytes) names.push_back(name);
  for (const auto& [name, bytes] : b)
    if (!a.contains(name)) names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("program: help and version everywhere", "[program]") {
  const TemporaryFolder folder("help");
  CHECK(run_vcell(folder, "--version").out == std::string(VCELL_VERSION) + "\n");
  const auto all = run_vcell(folder, "--help");
  CHECK(all.code == 0);
  for (const std::string command : {"simulate", "inspect", "preprocess", "split", "train",
                                    "predict", "evaluate", "report", "run", "info"}) {
    CHECK_THAT(all.out, contains(command));
    const auto help = run_vcell(folder, command + " --help");
    CHECK(help.code == 0);
    CHECK_THAT(help.out, contains("--help"));
    CHECK(run_vcell(folder, command + " --version").code == 0);
  }
}

TEST_CASE("program: bad usage and bad input are code 2 and one message", "[program]") {
  const TemporaryFolder folder("usage");
  const auto no_command = run_vcell(folder, "");
  CHECK(no_command.code == 2);
  const auto wrong_flag = run_vcell(folder, "run --dta x.h5ad --out y");
  CHECK(wrong_flag.code == 2);
  CHECK_THAT(wrong_flag.err, contains("--dta"));
  const auto no_file =
      run_vcell(folder, "run --data " + (folder / "no.h5ad") + " --out " + (folder / "run"));
  CHECK(no_file.code == 2);
  CHECK_THAT(no_file.err, contains("no.h5ad"));
  CHECK_FALSE(fs::exists(folder.path() / "run"));
  vcell::write_text(folder.path() / "text.h5ad", "this is no HDF5 file");
  const auto no_hdf5 = run_vcell(folder, "inspect " + (folder / "text.h5ad"));
  CHECK(no_hdf5.code == 2);
  CHECK_THAT(no_hdf5.err, contains("text.h5ad"));
  const auto number = run_vcell(folder, "run --data x.h5ad --hidden many --out " + (folder / "r"));
  CHECK(number.code == 2);
  CHECK_THAT(number.err, contains("--hidden") && contains("many"));
}

TEST_CASE("program: info and inspect, also as JSON", "[program]") {
  const TemporaryFolder folder("inspect");
  const auto info = run_vcell(folder, "info --json");
  CHECK(info.code == 0);
  CHECK(nlohmann::json::parse(info.out).at("version") == VCELL_VERSION);
  const auto screen = simulate(folder);
  const auto text = run_vcell(folder, "inspect " + screen);
  CHECK(text.code == 0);
  CHECK_THAT(text.out, contains("perturbation") && contains("40"));
  const auto json = run_vcell(folder, "inspect --json " + screen);
  CHECK(json.code == 0);
  CHECK_FALSE(nlohmann::json::parse(json.out).empty());
}

TEST_CASE("program: a run leaves everything that is promised, and refuses to be overwritten",
          "[program]") {
  const TemporaryFolder folder("run");
  const auto screen = simulate(folder);
  const std::string out = folder / "run";
  const auto ran = run_vcell(folder, small_run(screen, out));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.out, contains("report: ") && contains("perturbation_mean") && contains("mae"));
  CHECK_THAT(ran.err, contains("taken as counts"));
  for (const char* name :
       {"experiment.toml", "split.toml", "model/config.json", "model/weights.safetensors",
        "model/genes.txt", "model/perturbations.txt", "metrics.csv", "predictions.h5ad",
        "results.csv", "agg_results.csv", "real_de.csv", "pred_de.csv", "report.html",
        "checkpoints/best", "checkpoints/last", "baselines/control_copy/results.csv"}) {
    INFO(name);
    CHECK(fs::exists(fs::path(out) / name));
  }
  const auto predicted = vcell::read_h5ad(fs::path(out) / "predictions.h5ad");
  const auto observed = vcell::read_h5ad(screen);
  CHECK(predicted.genes() == 40);
  CHECK(predicted.var.has("predicted"));
  for (const auto& name : observed.obs.names()) CHECK(predicted.obs.has(name));
  CHECK(vcell::read_csv(fs::path(out) / "metrics.csv").rows.size() == 30);

  const auto before = contents(out);
  const auto again = run_vcell(folder, small_run(screen, out));
  CHECK(again.code == 2);
  CHECK_THAT(again.err, contains("--overwrite"));
  CHECK(differing(before, contents(out)).empty());

  SECTION("the same bytes for another number of threads") {
    REQUIRE(run_vcell(folder, small_run(screen, out) + " --overwrite --threads 3").code == 0);
    CHECK(vcell::list_of(differing(before, contents(out))) == "none");
  }
  SECTION("the same bytes when it is repeated from its own settings") {
    REQUIRE(run_vcell(folder,
                      "run --experiment " + out + "/experiment.toml --out " + (folder / "second"))
                .code == 0);
    CHECK(vcell::list_of(differing(before, contents(folder / "second"))) == "none");
  }
  SECTION("its predictions evaluate to its scores") {
    const auto scored =
        run_vcell(folder, "evaluate --real " + screen + " --pred " + out +
                              "/predictions.h5ad --context-key context --subset --out " +
                              (folder / "scores"));
    INFO(scored.err);
    REQUIRE(scored.code == 0);
    CHECK_THAT(scored.err, contains("left out"));
    const auto strict =
        run_vcell(folder, "evaluate --real " + screen + " --pred " + out +
                              "/predictions.h5ad --context-key context --out " + (folder / "no"));
    CHECK(strict.code == 2);
    CHECK_THAT(strict.err, contains("--subset") || contains("subset"));
  }
  SECTION("its model predicts on its own") {
    const std::string file = folder / "p.h5ad";
    const auto ok = run_vcell(folder, "predict --model " + out + "/model --data " + screen +
                                          " --perturbations GENE001 --cells 5 --out " + file);
    const auto unknown =
        run_vcell(folder, "predict --model " + out + "/model --data " + screen +
                              " --perturbations NOSUCH --cells 5 --out " + (folder / "q.h5ad"));
    CHECK(unknown.code == 2);
    CHECK_THAT(unknown.err, contains("NOSUCH"));
    CHECK_FALSE(fs::exists(folder.path() / "q.h5ad"));
    if (ok.code != 0) CHECK_THAT(ok.err, contains("GENE001"));  // which genes are targets is drawn
  }
  SECTION("its report can be written again") {
    const auto report = vcell::read_text(fs::path(out) / "report.html");
    fs::remove(fs::path(out) / "report.html");
    REQUIRE(run_vcell(folder, "report " + out).code == 0);
    CHECK(vcell::read_text(fs::path(out) / "report.html") == report);
  }
}

TEST_CASE("program: a run that was interrupted and resumed leaves the bytes of one that was not",
          "[program]") {
  const TemporaryFolder folder("resume");
  const auto screen = simulate(folder);
  const std::string whole = folder / "whole", cut = folder / "cut";
  const std::string steps = " --max-steps 400";
  REQUIRE(run_vcell(folder, small_run(screen, whole) + steps).code == 0);
  // A signal once training has begun.
  const auto stopped =
      run_vcell(folder, "",
                "sh -c '" + std::string(VCELL_TEST_PROGRAM) + ' ' + small_run(screen, cut) + steps +
                    " & pid=$!; while [ ! -s " + cut +
                    "/metrics.csv ]; do sleep 0.01; done; "
                    "sleep 0.05; kill -INT $pid; wait $pid' --");
  INFO(stopped.err);
  const auto rows = vcell::read_csv(fs::path(cut) / "metrics.csv").rows.size();
  if (stopped.code == 130) {
    CHECK(rows < 400);
    CHECK_THAT(stopped.err, contains("--resume"));
  }
  const auto other = run_vcell(folder, "run --out " + cut + " --resume --hidden 32");
  CHECK(other.code == 2);
  const auto resumed = run_vcell(folder, "run --out " + cut + " --resume");
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(vcell::list_of(differing(contents(whole), contents(cut))) == "none");
}

TEST_CASE("program: labels and scale that do not fit are errors that name them", "[program]") {
  const TemporaryFolder folder("labels");
  const auto screen = simulate(folder);
  const auto column = run_vcell(
      folder, "run --data " + screen + " --perturbation-key gene --out " + (folder / "r"));
  CHECK(column.code == 2);
  CHECK_THAT(column.err, contains("'gene'") && contains("'perturbation'"));
  const auto control =
      run_vcell(folder, "run --data " + screen + " --control DMSO --out " + (folder / "r"));
  CHECK(control.code == 2);
  CHECK_THAT(control.err, contains("DMSO"));
  const auto scale =
      run_vcell(folder, "run --data " + screen + " --scale log1p --out " + (folder / "r"));
  CHECK(scale.code == 2);
  CHECK_THAT(scale.err, contains("counts"));
  CHECK_FALSE(fs::exists(folder.path() / "r"));
}

TEST_CASE("program: split, preprocess and features", "[program]") {
  const TemporaryFolder folder("split");
  const auto screen = simulate(folder);
  const auto split = run_vcell(folder, "split --data " + screen +
                                           " --context-key context --kind zeroshot --context "
                                           "context_2 --out " +
                                           (folder / "split.toml"));
  INFO(split.err);
  REQUIRE(split.code == 0);
  CHECK_THAT(vcell::read_text(folder.path() / "split.toml"), contains("zeroshot"));
  const auto ran =
      run_vcell(folder, small_run(screen, folder / "run") + " --split " + (folder / "split.toml") +
                            " --perturbation-features " + (folder / "screen.features.csv") +
                            " --hvgs 20 --all-genes");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const auto predicted = vcell::read_h5ad(folder.path() / "run" / "predictions.h5ad");
  CHECK(predicted.genes() == 40);
  const auto marks = predicted.var.column("predicted").numbers();
  CHECK(std::accumulate(marks.begin(), marks.end(), 0.0) < 30);

  const auto done = run_vcell(
      folder, "preprocess --data " + screen + " --hvgs 10 --out " + (folder / "pre.h5ad"));
  INFO(done.err);
  REQUIRE(done.code == 0);
  const auto pre = vcell::read_h5ad(folder.path() / "pre.h5ad");
  CHECK(pre.obsm.contains("X_hvg"));
  CHECK(pre.uns.contains("log1p"));
}
