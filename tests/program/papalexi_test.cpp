// The main job on a real screen: Papalexi et al. 2021 (low MOI), replicates as contexts, ten
// perturbations of the third one held out.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"
#include "vcell/eval/read_results.hpp"
#include "vcell/eval/summary.hpp"
#include "vcell/sets/split_toml.hpp"

using namespace vcell_test;

TEST_CASE("program: the main job on a real screen reaches what it should", "[program][slow]") {
  const auto data = folder_from("VCELL_DATA");
  if (!data) VCELL_SKIP("VCELL_DATA names no folder of real screens");
  const auto screen = *data / "papalexi2021_lowmoi_demo.h5ad";
  if (!std::filesystem::exists(screen)) VCELL_SKIP(screen.string() + " is absent");

  const TemporaryFolder folder("papalexi");
  vcell::SplitSpec split;
  split.datasets["screen"] = screen.string();
  split.training = {"screen"};
  split.fewshot["screen.rep_3"].test = {"IFNGR1", "JAK2", "STAT1", "SMAD4", "IRF1",
                                        "CD86",   "ATF2", "STAT2", "CAV1",  "BRD4"};
  vcell::write_split(folder.path() / "split.toml", split);
  const auto start = std::chrono::steady_clock::now();
  const auto ran = run_vcell(folder, "run --data " + screen.string() +
                                         " --perturbation-key perturbation --control non-targeting "
                                         "--context-key batch --predict-from all --split " +
                                         (folder / "split.toml") + " --out " + (folder / "run"));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  std::printf("the main job took %.0f s\n%s",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
              ran.out.c_str());

  // The mean shift of predicted cells against that of observed ones, each against its controls.
  const auto scores = vcell::read_scores(folder.path() / "run" / "results.csv");
  REQUIRE(scores.perturbations.size() == 10);
  const auto& correlation = scores.column("pearson_delta");
  for (const char* strong : {"IFNGR1", "JAK2", "STAT1"}) {
    INFO(strong);
    const auto found = std::find(scores.perturbations.begin(), scores.perturbations.end(), strong);
    REQUIRE(found != scores.perturbations.end());
    CHECK(correlation[size_t(found - scores.perturbations.begin())].value() >= 0.75);
  }
  const auto mean_of_scores = [](const vcell::ScoreTable& table, const char* name) {
    return vcell::summarise(table.column(name))[vcell::summary_mean].value();
  };
  CHECK(mean_of_scores(scores, "discrimination_score_l1") >= 0.7);
  // The baselines, so that a mistake shared by both sides of the evaluation would show.
  const auto baseline = [&](const char* name) {
    return mean_of_scores(
        vcell::read_scores(folder.path() / "run" / "baselines" / name / "results.csv"),
        "discrimination_score_l1");
  };
  CHECK(baseline("control_copy") == Approx(0.55).margin(0.06));
  // The model knows what the means know, and more.
  for (const char* name : {"perturbation_mean", "perturbation_mean_shrunk"}) {
    INFO(name);
    const auto other =
        vcell::read_scores(folder.path() / "run" / "baselines" / name / "results.csv");
    CHECK(mean_of_scores(scores, "pearson_delta") > mean_of_scores(other, "pearson_delta"));
    CHECK(mean_of_scores(scores, "mae_delta") < mean_of_scores(other, "mae_delta"));
  }
  CHECK(baseline("perturbation_mean") == Approx(0.93).margin(0.03));
}
