#include "support/program.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "support/catch.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/keep.hpp"
#include "vcell/eval/read_results.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/preprocess/declared_scale.hpp"
#include "vcell/version.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

/// A screen that a run takes seconds for, and the flags of such a run.
std::string simulate(const TemporaryFolder& folder, const std::string& more = "") {
  const std::string screen = folder / "screen.h5ad";
  const auto made =
      run_vcell(folder,
                "simulate --genes 40 --perturbations 6 --contexts 2 --cells-per-perturbation 12 "
                "--control-cells 30 --seed 3 --out " +
                    screen + ' ' + more);
  INFO(made.err);
  REQUIRE(made.code == 0);
  return screen;
}

std::string small_run(const std::string& screen, const std::string& out) {
  return "run --data " + screen + " --context-key context --out " + out +
         " --hidden 16 --layers 1 --heads 2 --head-dim 8 --mlp-width 16 --max-steps 30 "
         "--ensemble 1 --validate-every 10 --set-size 8 --batch-size 4";
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
  for (const std::string command :
       {"simulate", "inspect", "preprocess", "split", "train", "predict", "baseline", "de",
        "evaluate", "score", "prep", "report", "run", "info"}) {
    CHECK_THAT(all.out, contains(command));
    const auto help = run_vcell(folder, command + " --help");
    CHECK(help.code == 0);
    CHECK_THAT(help.out, contains("--help"));
    CHECK(run_vcell(folder, command + " --version").code == 0);
  }
}

TEST_CASE("program: bad usage and bad input are code 2 and one message", "[program]") {
  const TemporaryFolder folder("usage");
  vcell::write_text(folder.path() / "text.h5ad", "this is no HDF5 file");
  const std::string data = " --data " + (folder / "text.h5ad"), out = " --out " + (folder / "run");
  struct Case {
    std::string words;
    std::vector<std::string> said;
  };
  const Case cases[] = {
      {"", {"simulate", "vcell --help"}},
      {"rn", {"'rn'", "'run'"}},
      {"run --dta x.h5ad" + out, {"'--dta'", "'--data'", "vcell run --help"}},
      {"run --dta x.h5ad", {"'--dta'", "'--data'"}},  // though --out is missing as well
      {"run" + data, {"--out"}},
      {"run" + out, {"--data"}},
      {"run" + data + out + " --overwrite --resume", {"--overwrite", "--resume"}},
      {"run --resume" + out, {"--resume", "experiment.toml"}},
      {"run --data " + (folder / "no.h5ad") + out, {"no.h5ad"}},
      {"run --data " + (folder / "") + out, {"folder"}},
      {"run" + data + out, {"text.h5ad"}},
      {"inspect " + (folder / "text.h5ad"), {"text.h5ad"}},
      {"run" + data + " --hidden many" + out, {"--hidden", "'many'"}},
      {"run" + data + " --schedule wavy" + out, {"--schedule", "'wavy'", "'cosine'"}},
      {"run" + data + " --threads 0" + out, {"--threads", "'0'", "from 1"}},
      {"simulate --genes -3" + out, {"--genes", "'-3'"}},
      {"simulate --cells-per-perturbation nan" + out, {"--cells-per-perturbation", "'nan'"}},
      {"simulate --cells 900 --cells-per-perturbation 9" + out,
       {"--cells and --cells-per-perturbation"}},
      {"simulate --density 0.4 --library 900" + out, {"--density and --library"}},
      {"preprocess --data x.h5ad --chunk 9" + out + "/p.h5ad", {"--chunk is 9"}},
      {"simulate --gzip 10" + out, {"--gzip is 10"}},
      {"simulate --contiguous" + out, {"--gzip is 1", "--contiguous was given"}},
      {"simulate --cells 9" + out, {"--cells is 9, expected at least 75"}},
      {"simulate --density 2" + out, {"--density is 2, expected 0 .. 1"}},
      {"evaluate --real x --pred x --scale logs" + out, {"--scale", "'logs'", "'log1p'"}},
      {"evaluate --real x.h5ad --pred x.h5ad" + out, {"x.h5ad", "does not exist"}},
      {"preprocess --data x.h5ad" + out + "/p.h5ad", {"x.h5ad", "does not exist"}},
      {"predict --model " + (folder / "") + data + " --perturbations A --cells 1" + out,
       {"no model", "config.json"}},
      {"report " + (folder / ""), {"experiment.toml"}},
  };
  for (const auto& c : cases) {
    INFO(c.words);
    const auto ran = run_vcell(folder, c.words);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err.starts_with("vcell: "));
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
    for (const auto& text : c.said) CHECK_THAT(ran.err, contains(text));
  }
  CHECK_FALSE(fs::exists(folder.path() / "run"));
}

TEST_CASE("program: results that cannot be written are an error", "[program]") {
  if (!fs::exists("/dev/full")) VCELL_SKIP("there is no /dev/full");
  const TemporaryFolder folder("full");
  for (const std::string words : {"info", "--help"}) {
    INFO(words);
    CHECK(run_vcell(folder, words + " >/dev/full").code == 1);
  }
}

TEST_CASE("program: info and inspect, also as JSON", "[program]") {
  const TemporaryFolder folder("inspect");
  const auto info = run_vcell(folder, "info --json");
  CHECK(info.code == 0);
  const auto facts = nlohmann::json::parse(info.out);
  CHECK(facts.at("version") == VCELL_VERSION);
  const auto words = run_vcell(folder, "info").out;
  const auto cuda = facts.at("cuda");
  if (cuda.at("built_in") == false) {
    CHECK_THAT(words, contains("not built in; configure with -DVCELL_WITH_CUDA=ON"));
  } else {
    CHECK_THAT(words, contains("runtime " + cuda.at("runtime").get<std::string>()));
    CHECK(cuda.at("devices").empty() == (cuda.at("reason") != ""));
    CHECK(cuda.at("libraries").contains("cublasLt"));
  }
  const auto screen = simulate(folder);
  const auto text = run_vcell(folder, "inspect " + screen);
  CHECK(text.code == 0);
  CHECK_THAT(text.out, contains("perturbation") && contains("40"));
  const auto json = run_vcell(folder, "inspect --json " + screen);
  CHECK(json.code == 0);
  CHECK_FALSE(nlohmann::json::parse(json.out).empty());
  CHECK(run_vcell(folder, "inspect --sandbox " + screen).out == text.out);
  CHECK(run_vcell(folder, "inspect --sandbox --json " + screen).out == json.out);
  fs::resize_file(screen, 1000);
  const auto damaged = run_vcell(folder, "inspect --sandbox " + screen);
  CHECK(damaged.code == 2);
  CHECK_THAT(damaged.err, contains(screen));
}

TEST_CASE("program: a GPU that cannot be had is no GPU that is silently not used", "[program]") {
  const TemporaryFolder folder("device");
  const auto cuda = nlohmann::json::parse(run_vcell(folder, "info --json").out).at("cuda");
  const bool built_in = cuda.at("built_in");
  if (built_in && !cuda.at("devices").empty()) VCELL_SKIP("there is a GPU");
  const auto screen = simulate(folder);
  const std::string predict = "predict --model none --perturbations GENE001 --cells 1";
  for (const std::string command : {"run", "train", "run --dry-run", predict.c_str()}) {
    const auto ran = run_vcell(
        folder, command + " --device cuda --data " + screen + " --out " + (folder / "none"));
    INFO(command << ": " << ran.err);
    CHECK(ran.code == (built_in ? 1 : 2));
    CHECK_THAT(ran.err, contains("--device is cuda") && contains("--device cpu"));
    CHECK_THAT(ran.err, contains(built_in ? "NVIDIA driver" : "-DVCELL_WITH_CUDA=ON"));
    CHECK_FALSE(fs::exists(folder / "none/experiment.toml"));
  }
  const auto rounded = run_vcell(
      folder, predict + " --precision tf32 --data " + screen + " --out " + (folder / "none"));
  CHECK(rounded.code == 2);
  CHECK_THAT(rounded.err, contains("--precision is tf32") && contains("--device cpu"));
  CHECK_THAT(run_vcell(folder, predict + " --device tpu --data " + screen + " --out x").err,
             contains("--device is 'tpu'") && contains("'cpu', 'cuda'"));
}

TEST_CASE("program: a run leaves everything that is promised, and refuses to be overwritten",
          "[program]") {
  const TemporaryFolder folder("run");
  const auto screen = simulate(folder);
  const std::string out = folder / "run";
  const auto ran = run_vcell(folder, small_run(screen, out));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.out, contains("report: ") && contains("perturbation_mean") && contains("mae") &&
                          contains("edistance"));
  CHECK_THAT(ran.err, contains("taken as counts"));
  for (const char* name :
       {"experiment.toml", "split.toml", "model/config.json", "model/weights.safetensors",
        "model/genes.txt", "model/perturbations.txt", "metrics.csv", "predictions.h5ad",
        "results.csv", "agg_results.csv", "real_de.csv", "pred_de.csv", "report.html", "facts.csv",
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
  CHECK_THAT(again.err, contains("another --out") && contains("--resume") &&
                            contains("--overwrite") && !contains("OldRun"));
  CHECK(differing(before, contents(out)).empty());

  SECTION("the same bytes for another number of threads, and what is not the run's stays") {
    vcell::write_text(fs::path(out) / "my_results.csv", "mine");
    REQUIRE(run_vcell(folder,
                      small_run(screen, out) + " --overwrite --threads 3 --scale '' --batch-key ''")
                .code == 0);
    CHECK(vcell::list_of(differing(before, contents(out))) == "'my_results.csv'");
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
    for (const char* name : {"results.csv", "agg_results.csv", "real_de.csv", "pred_de.csv"}) {
      INFO(name);
      CHECK(vcell::read_text(folder.path() / "scores" / name) ==
            vcell::read_text(fs::path(out) / name));
    }
    const auto strict =
        run_vcell(folder, "evaluate --real " + screen + " --pred " + out +
                              "/predictions.h5ad --context-key context --out " + (folder / "no"));
    CHECK(strict.code == 2);
    CHECK_THAT(strict.err, contains("--subset") || contains("subset"));
  }
  SECTION("what cannot be run leaves it alone") {
    for (const std::string wrong : {"--heads 0", "--learning-rate 0", "--set-size 0",
                                    "--control DMSO", "--split nothing.toml"}) {
      INFO(wrong);
      CHECK(run_vcell(folder, small_run(screen, out) + " --overwrite " + wrong).code == 2);
      CHECK(vcell::list_of(differing(before, contents(out))) == "none");
    }
  }
  SECTION("its model predicts on its own") {
    const auto names = vcell::read_text(fs::path(out) / "model" / "perturbations.txt");
    const std::string known = names.substr(0, names.find('\n'));
    REQUIRE(known != "non-targeting");
    const std::string file = folder / "p.h5ad";
    const auto made =
        run_vcell(folder, "predict --model " + out + "/model --data " + screen +
                              " --perturbations " + known + " --cells 5 --out " + file);
    INFO(made.err);
    REQUIRE(made.code == 0);
    const auto cells = vcell::read_h5ad(file);
    const auto label = cells.obs.column("perturbation").text();
    const auto is_predicted = cells.obs.column("predicted").numbers();
    REQUIRE(cells.cells() == 2 * 5 + 2 * 30);  // five a context, and the controls
    for (size_t i = 0; i < cells.cells(); ++i) {
      CHECK(is_predicted[i] == double(i < 10));
      CHECK(label[i] == (i < 10 ? known : "non-targeting"));
    }
    const auto unknown =
        run_vcell(folder, "predict --model " + out + "/model --data " + screen +
                              " --perturbations NOSUCH --cells 5 --out " + (folder / "q.h5ad"));
    CHECK(unknown.code == 2);
    CHECK_THAT(unknown.err, contains("NOSUCH") && contains(known));
    CHECK_FALSE(fs::exists(folder.path() / "q.h5ad"));
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
  const std::string steps = " --max-steps 2000";  // far more than are done until the signal
  REQUIRE(run_vcell(folder, small_run(screen, whole) + steps).code == 0);
  const auto stopped =
      interrupt_vcell(folder, small_run(screen, cut) + steps, cut + "/metrics.csv", 5);
  INFO(stopped.err);
  REQUIRE(stopped.code == 130);
  CHECK_THAT(stopped.err, contains("--resume"));
  CHECK(stopped.out.empty());
  const auto rows = vcell::read_csv(fs::path(cut) / "metrics.csv").rows.size();
  CHECK(rows >= 4);
  CHECK(rows < 2000);
  CHECK_FALSE(fs::exists(fs::path(cut) / "model"));

  const auto other = run_vcell(folder, "run --out " + cut + " --resume --hidden 32");
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains("leave the flags out"));
  const auto resumed = run_vcell(folder, "run --out " + cut + " --resume");
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK_THAT(resumed.err, contains(vcell::message("going on after step ", rows)));
  CHECK(vcell::list_of(differing(contents(whole), contents(cut))) == "none");
}

TEST_CASE("program: an ensemble is trained, gone on with and predicted with", "[program]") {
  const TemporaryFolder folder("ensemble");
  const auto screen = simulate(folder);
  const std::string whole = folder / "whole", cut = folder / "cut";
  const std::string flags = " --ensemble 2 --methods state_transition --max-steps 1000";
  const auto ran = run_vcell(folder, small_run(screen, whole) + flags);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.err, contains("member 2 of 2") && contains("2000/2000"));
  CHECK(vcell::read_csv(fs::path(whole) / "metrics.csv").rows.size() == 2000);
  const auto stopped =  // in the second member
      interrupt_vcell(folder, small_run(screen, cut) + flags, cut + "/metrics.csv", 1005);
  REQUIRE(stopped.code == 130);
  CHECK_THAT(stopped.err, contains("of member 2; --resume"));
  REQUIRE(run_vcell(folder, "run --out " + cut + " --resume").code == 0);
  CHECK(vcell::list_of(differing(contents(whole), contents(cut))) == "none");

  const auto known = vcell::read_text(fs::path(whole) / "model/member_1/perturbations.txt");
  const auto predict = [&](const std::string& model, const std::string& out) {
    const auto made = run_vcell(
        folder, "predict --model " + model + " --data " + screen + " --perturbations " +
                    known.substr(0, known.find('\n')) + " --cells 5 --out " + (folder / out));
    INFO(made.err);
    REQUIRE(made.code == 0);
    return vcell::read_text(folder / out);
  };
  const auto all = predict(whole + "/model", "all.h5ad");
  CHECK(all == predict(cut + "/model", "cut.h5ad"));
  CHECK(all != predict(whole + "/model/member_1", "one.h5ad"));
  fs::remove_all(fs::path(whole) / "model/member_2");
  const auto lost = run_vcell(folder, "predict --model " + whole + "/model --data " + screen +
                                          " --perturbations X --cells 5 --out " + (folder / "q"));
  CHECK(lost.code != 0);
  CHECK_THAT(lost.err, contains("member_2"));
  const auto none = run_vcell(folder, small_run(screen, folder / "none") + " --ensemble 0");
  CHECK(none.code == 2);
  CHECK_THAT(none.err, contains("--ensemble is 0"));
}

TEST_CASE("program: an interrupted simulation leaves no file", "[program]") {
  const TemporaryFolder folder("interrupt");
  const auto stopped = interrupt_vcell(
      folder,
      "simulate --genes 3000 --cells-per-perturbation 2000 --out " + (folder / "data/screen.h5ad"),
      folder / "stderr", 1);
  INFO(stopped.err);
  CHECK(stopped.code == 130);
  CHECK(fs::is_empty(folder.path() / "data"));
}

TEST_CASE("program: labels and scale that do not fit are errors that name them", "[program]") {
  const TemporaryFolder folder("labels");
  const auto screen = simulate(folder);
  const auto column = run_vcell(
      folder, "run --data " + screen + " --perturbation-key gene --out " + (folder / "r"));
  CHECK(column.code == 2);
  CHECK_THAT(column.err, contains("--perturbation-key 'gene'") && contains("'perturbation'"));
  const auto split =
      run_vcell(folder, "split --data " + screen + " --context-key line --out " + (folder / "s"));
  CHECK(split.code == 2);
  CHECK_THAT(split.err, contains("--context-key 'line'") && contains("'context'"));
  const auto scores = run_vcell(folder, "evaluate --real " + screen + " --pred " + screen +
                                            " --perturbation-key gene --out " + (folder / "s"));
  CHECK(scores.code == 2);
  CHECK_THAT(scores.err, contains("--perturbation-key 'gene'"));
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

TEST_CASE("program: the model is anchored where there is a shift to start from", "[program]") {
  const TemporaryFolder folder("anchor");
  const auto screen = simulate(folder);
  const auto run = small_run(screen, folder / "run");
  const auto ran = run_vcell(folder, run + " --predict-from all");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.err, contains("anchored at the mean shift") && contains("held out for it"));
  CHECK(fs::exists(folder.path() / "run" / "model" / "anchors.safetensors"));
  CHECK_THAT(vcell::read_text(folder.path() / "run" / "experiment.toml"),
             contains("anchor = \"perturbation_mean\"") && contains("predict_from = \"all\""));
  // Every control of the context once, for every perturbation that was held out.
  const auto all = vcell::read_h5ad(folder.path() / "run" / "predictions.h5ad");
  const auto marks = all.obs.column("predicted").numbers();
  const auto scores = vcell::read_csv(folder.path() / "run" / "results.csv");
  CHECK(std::accumulate(marks.begin(), marks.end(), 0.0) == 30. * double(scores.rows.size()));

  // In a context that was trained on its own shift is left out, unless the name is a coincidence.
  std::string both;  // learnt in both contexts
  for (const std::string name : {"GENE19", "GENE24", "GENE27", "GENE30", "GENE37", "GENE39"})
    if (std::ranges::none_of(scores.rows, [&](const auto& row) { return row[0] == name; }))
      both = name;
  REQUIRE_FALSE(both.empty());
  const auto predict = [&](const std::string& more) {
    const auto file = folder / "p.h5ad";
    const auto made = run_vcell(folder, "predict --model " + (folder / "run") + "/model --data " +
                                            screen + " --perturbations " + both +
                                            " --cells 5 --overwrite --out " + file + more);
    INFO(made.err);
    REQUIRE(made.code == 0);
    return vcell::read_text(file);
  };
  const auto known = predict(""), again = predict(""), strange = predict(" --new-context");
  CHECK((known == again));
  CHECK((known != strange));

  REQUIRE(run_vcell(folder, run + " --overwrite --output-space all_genes").code == 0);
  REQUIRE(run_vcell(folder, run + " --overwrite --anchor none").code == 0);
  CHECK_FALSE(fs::exists(folder.path() / "run" / "model" / "anchors.safetensors"));

  // Perturbations of which no cell is trained have features, but no shift.
  vcell::write_text(folder.path() / "unseen.toml",
                    "[datasets]\nscreen = \"" + screen +
                        "\"\n[training]\nscreen = \"train\"\n"
                        "[fewshot.\"screen.context_1\"]\ntest = [\"GENE19\"]\n"
                        "[fewshot.\"screen.context_2\"]\ntest = [\"GENE19\"]\n");
  const auto unseen = run + " --overwrite --split " + (folder / "unseen.toml") +
                      " --perturbation-features " + (folder / "screen.features.csv");
  const auto gives_way = run_vcell(folder, unseen);
  INFO(gives_way.err);
  REQUIRE(gives_way.code == 0);
  CHECK_THAT(gives_way.err, contains("anchored at features too") && contains("GENE19"));
  CHECK(fs::exists(folder.path() / "run" / "model" / "feature_regression.safetensors"));
  CHECK_THAT(vcell::read_text(folder.path() / "run" / "experiment.toml"),
             contains("anchor = \"features\""));
  // One that no file of the model has named, by features; and without them refused by name.
  auto features = vcell::read_text(folder.path() / "screen.features.csv");
  features.replace(features.find("GENE24"), 6, "NEW1");
  vcell::write_text(folder.path() / "new.csv", features);
  const std::string named = "predict --model " + (folder / "run") + "/model --data " + screen +
                            " --perturbations NEW1 --cells 5 --overwrite --out " +
                            (folder / "p.h5ad");
  const auto refused = run_vcell(folder, named);
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("'NEW1'"));
  const auto told = run_vcell(folder, named + " --perturbation-features " + (folder / "new.csv"));
  INFO(told.err);
  REQUIRE(told.code == 0);
  CHECK(vcell::read_h5ad(folder.path() / "p.h5ad").cells() > 0);
  const auto without = run_vcell(folder, run + " --overwrite --anchor features");
  CHECK(without.code == 2);
  CHECK_THAT(without.err, contains("--anchor") && contains("--perturbation-features"));
  const auto by_features = run_vcell(folder, run + " --overwrite --methods feature_ridge");
  CHECK(by_features.code == 2);
  CHECK_THAT(by_features.err, contains("'feature_ridge'") && contains("--perturbation-features"));
  const auto asked = run_vcell(folder, unseen + " --anchor perturbation_mean");
  CHECK(asked.code == 2);
  CHECK_THAT(asked.err, contains("--anchor") && contains("GENE19"));
}

TEST_CASE("program: split, preprocess and features", "[program]") {
  const TemporaryFolder folder("split");
  const auto screen = simulate(folder);
  const auto few = run_vcell(folder, small_run(screen, folder / "run") + " --min-genes 1000");
  CHECK(few.code == 2);
  CHECK_THAT(few.err, contains("--min-genes"));
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
  // Nothing tells the shift of a context that was never trained on, and the report says so.
  const auto missing = vcell::read_csv(folder.path() / "run" / "baselines" / "missing.csv");
  CHECK(missing.rows.size() == 6);
  const auto report = vcell::read_text(folder.path() / "run" / "report.html");
  CHECK_THAT(report, contains("context_mean cannot predict") && contains("3 more") &&
                         contains("every perturbation is test"));
  REQUIRE(run_vcell(folder, "report " + (folder / "run")).code == 0);
  CHECK(vcell::read_text(folder.path() / "run" / "report.html") == report);

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
  const double total = vcell::declared_target_sum(pre).value();

  // In blocks, where X is larger than what is granted: the same content.
  const auto in_blocks = run_vcell(folder, "preprocess --memory 1e-6 --data " + screen +
                                               " --hvgs 10 --out " + (folder / "blocks.h5ad"));
  INFO(in_blocks.err);
  REQUIRE(in_blocks.code == 0);
  CHECK_THAT(in_blocks.err, contains("read in blocks"));
  CHECK(vcell::read_h5ad(folder.path() / "blocks.h5ad") == pre);
  const std::string filters = " --hvgs 10 --min-genes 12 --min-cells 190 --out ";
  REQUIRE(run_vcell(folder, "preprocess --data " + screen + filters + (folder / "f.h5ad")).code ==
          0);
  REQUIRE(
      run_vcell(folder, "preprocess --memory 1e-6 --data " + screen + filters + (folder / "g.h5ad"))
          .code == 0);
  const auto filtered = vcell::read_h5ad(folder.path() / "f.h5ad");
  CHECK((filtered.cells() < pre.cells() || filtered.genes() < pre.genes()));
  CHECK(vcell::read_h5ad(folder.path() / "g.h5ad") == filtered);
  // Flavors, batches and cut-offs.
  const std::string flavored = "preprocess --data " + screen + " --out ";
  REQUIRE(run_vcell(folder, flavored + (folder / "v3.h5ad") +
                                " --hvgs 10 --hvg-flavor seurat_v3 --batch-key context")
              .code == 0);
  const auto v3 = vcell::read_h5ad(folder.path() / "v3.h5ad");
  CHECK(v3.var.has("variances_norm"));
  CHECK(v3.var.has("highly_variable_nbatches"));
  REQUIRE(run_vcell(folder, flavored + (folder / "cut.h5ad") + " --min-disp -100 --max-mean 1e9")
              .code == 0);
  const auto cut = vcell::read_h5ad(folder.path() / "cut.h5ad").var.column("highly_variable");
  CHECK(cut.numbers() != pre.var.column("highly_variable").numbers());
  for (const std::string& wrong :
       {std::string("--hvgs 5 --min-mean 1"), std::string("--hvg-flavor seurat_v2"),
        std::string("--batch-key none"), std::string("--hvg-flavor seurat_v3 --max-disp 2")})
    CHECK(run_vcell(folder, flavored + (folder / "no.h5ad") + " " + wrong).code == 2);
  // Elsewhere what needs more than is granted is an error.
  const auto little =
      run_vcell(folder, "split --memory 1e-6 --kind default --context-key context --out " +
                            (folder / "little.toml") + " --data " + screen);
  CHECK(little.code == 2);
  CHECK_THAT(little.err, contains("1000 are granted") && contains("by --memory"));
  CHECK(!std::filesystem::exists(folder.path() / "little.toml"));
  // For preprocess and run it is what X takes, and nothing else.
  const double x_bytes = 8 * double(vcell::read_h5ad(screen).X->values().size());
  const auto fits = run_vcell(folder, "preprocess --hvgs 10 --data " + screen + " --memory " +
                                          vcell::message((x_bytes + 1) / 1e9) + " --out " +
                                          (folder / "fits.h5ad"));
  INFO(fits.err);
  REQUIRE(fits.code == 0);
  CHECK(fits.err.find("in blocks") == std::string::npos);
  CHECK(vcell::read_h5ad(folder.path() / "fits.h5ad") == pre);
  const auto beyond = run_vcell(folder, "split --memory 1e300 --data x --out y");
  CHECK(beyond.code == 2);
  CHECK_THAT(beyond.err, contains("--memory") && contains("below 1e9"));
  const auto none = run_vcell(folder, "preprocess --memory 0 --data x --out y");
  CHECK(none.code == 2);
  CHECK_THAT(none.err, contains("--memory") && contains("above 0"));

  // Sides of one screen: as counts, and as log1p values of the same and of another total.
  const auto with_total = [&](const std::string& name, double sum) {
    REQUIRE(run_vcell(folder, "preprocess --data " + screen + " --hvgs 10 --out " +
                                  (folder / name) + " --target-sum " + std::to_string(sum))
                .code == 0);
  };
  with_total("other.h5ad", 2 * total);
  const auto score = [&](const std::string& real, const std::string& pred) {
    return run_vcell(folder, "evaluate --overwrite --context-key context --real " +
                                 (folder / real) + " --pred " + (folder / pred) + " --out " +
                                 (folder / "scores"));
  };
  const auto mae = [&] {
    const auto table = vcell::read_csv(folder.path() / "scores" / "agg_results.csv");
    const auto column = std::find(table.header.begin(), table.header.end(), "mae");
    for (const auto& row : table.rows)
      if (row[0] == "mean") return std::stod(row[size_t(column - table.header.begin())]);
    return -1.0;
  };
  REQUIRE(score("screen.h5ad", "other.h5ad").code == 0);
  CHECK(mae() < 1e-6);  // the counts went to the other side's total
  REQUIRE(score("other.h5ad", "screen.h5ad").code == 0);
  CHECK(mae() < 1e-6);
  const auto differ = score("pre.h5ad", "other.h5ad");
  CHECK(differ.code == 2);
  CHECK_THAT(differ.err, contains("--real") && contains("--pred") && contains("normalise"));
}

TEST_CASE("program: one file of a split that is for several", "[program]") {
  const TemporaryFolder folder("files");
  const auto screen = simulate(folder);
  fs::create_directories(folder.path() / "splits");
  const std::string file = folder / "splits/split.toml";
  const auto declare = [&](const std::string& dataset) {
    vcell::write_text(file, "h5ad_csv_path = \"genes.csv\"\n[datasets]\nall = \"" + dataset +
                                "\"\n[training]\nall = \"train\"\n"
                                "[zeroshot]\n\"all.elsewhere\" = \"test\"\n"
                                "[fewshot.\"all.context_1\"]\ntest = [\"GENE19\", \"MYC\"]\n");
  };
  const std::string check = "split --data " + screen + " --context-key context --check " + file;
  const std::string run = small_run(screen, folder / "run") + " --split " + file +
                          " --methods control_copy --methods perturbation_mean --overwrite";
  for (const std::string& dataset :
       {std::string("../*.h5ad"), (folder / "{other,screen}.h5ad"), std::string("../")}) {
    declare(dataset);
    for (const std::string& command : {check, run}) {
      INFO(dataset + ": " + command);
      const auto strict = run_vcell(folder, command);
      CHECK(strict.code == 2);
      CHECK_THAT(strict.err, contains("'MYC'") && contains("no context 'elsewhere'") &&
                                 contains("--lenient-split"));
      const auto lenient = run_vcell(folder, command + " --lenient-split");
      INFO(lenient.err);
      CHECK(lenient.code == 0);
      CHECK_THAT(lenient.err, contains("'h5ad_csv_path'") && contains("'MYC'") &&
                                  contains("no context 'elsewhere'") && contains("left out"));
    }
  }
  CHECK_THAT(vcell::read_text(folder.path() / "run" / "experiment.toml"),
             contains("lenient_split = true"));
  const auto alone = run_vcell(
      folder, "split --data " + screen + " --lenient-split --out " + (folder / "new.toml"));
  CHECK(alone.code == 2);
  CHECK_THAT(alone.err, contains("--check"));
}

TEST_CASE("program: a context without control cells takes no part", "[program]") {
  const TemporaryFolder folder("no-controls");
  const std::string screen = simulate(folder), out = folder / "run";
  auto adata = vcell::read_h5ad(screen);
  const auto context = vcell::factor(adata.obs.column("context"));
  const auto perturbation = adata.obs.column("perturbation").text();
  std::vector<uint8_t> keep(adata.cells(), 1);
  for (size_t i = 0; i < keep.size(); ++i)
    keep[i] = context.codes[i] != 0 || perturbation[i] != "non-targeting";
  vcell::keep_cells(adata, keep);
  vcell::write_h5ad(screen, adata);
  const auto ran = run_vcell(folder, small_run(screen, out));
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.err, contains("no control cells ('non-targeting') in context " +
                               vcell::quoted(context.names[0])));
}
