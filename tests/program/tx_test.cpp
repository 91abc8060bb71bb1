// The commands of State's program.
#include <algorithm>
#include <numeric>
#include <set>

#include "support/catch.hpp"
#include "support/program.hpp"
#include "vcell/data/subset.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/write_torch_archive.hpp"
#include "vcell/simulate/simulate_screen.hpp"
#include "vcell/train/experiment_toml.hpp"
#include "vcell/train/model_folder.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

/// A support set as the Virtual Cell Challenge hands out: a screen, its starter.toml, and features
/// of all perturbations as torch saves them.
void make_support_set(const TemporaryFolder& folder) {
  fs::create_directory(folder.path() / "competition_support_set");
  auto simulated = vcell::simulate_screen({.seed = 11,
                                           .genes = 40,
                                           .contexts = 2,
                                           .perturbations = 5,
                                           .cells_per_perturbation = 12,
                                           .control_cells = 30});
  vcell::AnnData& screen = simulated.screen;
  vcell::DataFrame obs(screen.obs.index);
  obs.set("target_gene", screen.obs.column("perturbation"));
  obs.set("cell_type", screen.obs.column("context"));
  obs.set("batch_var", screen.obs.column("batch"));
  screen.obs = std::move(obs);
  vcell::write_h5ad(folder / "competition_support_set/competition_train.h5", screen);

  const auto& features = simulated.features;
  std::map<std::string, vcell::Array> tensors;  // of the control too
  std::vector<std::string> held;
  for (const auto& name : features.perturbations)
    if (name != "non-targeting") held.push_back(name);
  for (size_t i = 0; i < features.perturbations.size(); ++i)
    tensors[features.perturbations[i]] =
        vcell::Array::of<float>({features.vectors.columns}, features.vectors.row(i));
  vcell::write_torch_archive(folder / "competition_support_set/ESM2_pert_features.pt", tensors);

  vcell::write_text(folder / "competition_support_set/starter.toml",
                    vcell::message("[datasets]\nreplogle_h1 = ",
                                   "\"competition_support_set/{competition_train,k562}.h5\"\n\n",
                                   "[training]\nreplogle_h1 = \"train\"\n\n[zeroshot]\n\n",
                                   "[fewshot.\"replogle_h1.context_2\"]\nval = [\"", held[0],
                                   "\"]\ntest = [\"", held[1], "\"]\n"));
}

// As the tutorial of the challenge has it.
const std::string tutorial =
    "tx train data.kwargs.toml_config_path=\"competition_support_set/starter.toml\" "
    "data.kwargs.num_workers=8 data.kwargs.batch_col=\"batch_var\" "
    "data.kwargs.pert_col=\"target_gene\" data.kwargs.cell_type_key=\"cell_type\" "
    "data.kwargs.control_pert=\"non-targeting\" "
    "data.kwargs.perturbation_features_file=\"competition_support_set/ESM2_pert_features.pt\" "
    "training.max_steps=40000 training.ckpt_every_n_steps=20000 model=state_sm "
    "wandb.tags=\"[first_run]\" wandb.project=vcc wandb.entity=arcinstitute "
    "output_dir=\"./checkpoints\" name=\"first_run\"";

// To be trained in a second.
const std::string small_model =
    "training.max_steps=2 model.kwargs.hidden_dim=16 model.kwargs.cell_set_len=8 "
    "training.batch_size=2";

}  // namespace

TEST_CASE("tx train: the command of the challenge's tutorial runs to its end", "[program][slow]") {
  const TemporaryFolder folder("tx");
  make_support_set(folder);
  const auto ran = run_vcell_in(folder, tutorial + " training.max_steps=3");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.out == "./checkpoints/first_run/model\n");
  CHECK_THAT(ran.err, contains("data.kwargs.num_workers") && contains("wandb.project"));
  const fs::path out = folder.path() / "checkpoints/first_run";
  const auto e = vcell::read_experiment(out / "experiment.toml");
  CHECK(e.preset == "state_sm");
  CHECK(e.training.max_steps == 3);
  CHECK(e.training.checkpoint_every == 20000);
  CHECK(e.model.set_size == 128);
  CHECK_THAT(vcell::read_text(out / "run.log"), contains("wandb.tags"));
  const auto any = vcell::load_model(out / "model");
  const auto& model = vcell::members_of(any)[0];
  CHECK(model.genes.size() == 40);
  CHECK(!model.perturbations.is_one_hot());
  CHECK(model.model.config().output_space == vcell::OutputSpace::all_genes);
}

TEST_CASE("tx predict: predicts and scores what tx train held out", "[program]") {
  const TemporaryFolder folder("tx_held_out");
  make_support_set(folder);
  const auto trained = run_vcell_in(folder, tutorial + " " + small_model);
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  const std::string predict = "tx predict --output-dir checkpoints/first_run ";
  const auto ran = run_vcell_in(folder, predict + "--profile minimal");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const fs::path out = folder.path() / "checkpoints/first_run/eval_model";
  CHECK(fs::exists(out / "agg_results.csv"));
  const auto made = vcell::read_h5ad(out / "adata_pred.h5ad"),
             real = vcell::read_h5ad(out / "adata_real.h5ad");
  CHECK(made.obs == real.obs);
  CHECK(made.genes() == 40);
  const auto lines = made.obs.column("cell_type").text(),
             perturbations = made.obs.column("target_gene").text();
  std::set<std::string> held;
  for (size_t i = 0; i < made.cells(); ++i) {
    CHECK(lines[i] == "context_2");
    held.insert(perturbations[i]);
  }
  CHECK(held.size() == 2);  // the one of test, and the control
  CHECK(std::count(perturbations.begin(), perturbations.end(), "non-targeting") == 30);
  const auto chosen = run_vcell_in(folder, predict + "--overwrite --checkpoint last.ckpt");
  CHECK(chosen.code == 2);
  CHECK_THAT(chosen.err, contains("--checkpoint"));
}

TEST_CASE("tx train: the files of a pattern are one data set", "[program]") {
  const TemporaryFolder folder("tx_several");
  make_support_set(folder);
  const fs::path set = folder.path() / "competition_support_set";
  // Each context in a file of its own, as the split's {competition_train,k562}.h5 has it.
  const auto all = vcell::read_h5ad(set / "competition_train.h5");
  const auto lines = all.obs.column("cell_type").text();
  std::vector<size_t> first, second;
  for (size_t i = 0; i < lines.size(); ++i) (lines[i] == "context_2" ? second : first).push_back(i);
  std::vector<size_t> genes(all.genes());
  std::iota(genes.begin(), genes.end(), size_t(0));
  vcell::write_h5ad(set / "competition_train.h5", vcell::subset(all, first, genes));
  vcell::write_h5ad(set / "k562.h5", vcell::subset(all, second, genes));
  const auto trained = run_vcell_in(folder, tutorial + " " + small_model);
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  CHECK_THAT(trained.err, contains(std::to_string(all.cells()) + " cells x 40 genes"));
  const fs::path run = folder.path() / "checkpoints/first_run";
  CHECK_THAT(vcell::read_text(run / "data.csv"), contains("k562.h5"));
  const auto ran =
      run_vcell_in(folder, "tx predict --output-dir checkpoints/first_run --profile anndata");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const auto real = vcell::read_h5ad(run / "eval_model/adata_real.h5ad");
  // The perturbation of test, and the controls of its context: all that there are.
  const auto labels = all.obs.column("target_gene").text(),
             predicted = real.obs.column("target_gene").text();
  const std::set<std::string> held(predicted.begin(), predicted.end());
  REQUIRE(held.size() == 2);
  REQUIRE(held.contains("non-targeting"));
  CHECK(real.cells() == size_t(std::count_if(second.begin(), second.end(), [&](size_t cell) {
          return held.contains(labels[cell]);
        })));
  for (const auto& line : real.obs.column("cell_type").text()) CHECK(line == "context_2");
}

TEST_CASE("tx train: a run that was stopped goes on", "[program]") {
  const TemporaryFolder folder("tx_resume");
  make_support_set(folder);
  const std::string words = tutorial + " " + small_model + " training.max_steps=40 ";
  const auto whole = run_vcell_in(folder, words);
  INFO(whole.err);
  REQUIRE(whole.code == 0);
  const auto stopped =
      run_shell(folder, "cd '" + folder.path().string() + "' && '" VCELL_TEST_PROGRAM "' " + words +
                            "name=part & pid=$!\nwhile kill -0 $pid && [ \"$(cat '" +
                            (folder / "checkpoints/part/metrics.csv") +
                            "' | wc -l)\" -lt 3 ]; do sleep 0.01; done 2>/dev/null\n"
                            "kill -TERM $pid; wait $pid");
  CHECK(stopped.code == 130);
  CHECK_THAT(stopped.err, contains("--resume goes on from there"));
  CHECK(!fs::exists(folder.path() / "checkpoints/part/model"));
  const auto resumed = run_vcell_in(folder, words + "name=part --resume");
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(vcell::read_text(folder / "checkpoints/part/model/weights.safetensors") ==
        vcell::read_text(folder / "checkpoints/first_run/model/weights.safetensors"));
}

TEST_CASE("tx train: starts from the weights of a model folder", "[program]") {
  const TemporaryFolder folder("tx_init");
  make_support_set(folder);
  const std::string small = tutorial + " " + small_model;
  const auto first = run_vcell_in(folder, small);
  INFO(first.err);
  REQUIRE(first.code == 0);
  const auto again = [&](const std::string& init_from, const std::string& words = "") {
    return run_vcell_in(folder, small + " name=second overwrite=true " + words +
                                    " model.kwargs.init_from=" + init_from);
  };
  const auto second = again("checkpoints/first_run/model", "training.lr=1e-30");
  INFO(second.err);
  REQUIRE(second.code == 0);
  CHECK_THAT(second.err, contains("40 as there"));
  const fs::path runs = folder.path() / "checkpoints";
  const auto e = vcell::read_experiment(runs / "second/experiment.toml");
  CHECK(e.init_sha256.size() == 64);
  CHECK(vcell::read_text(runs / "first_run/model/weights.safetensors") ==
        vcell::read_text(runs / "second/model/weights.safetensors"));  // a rate of nearly nothing
  const auto of_file = again("checkpoints/first_run/model/config.json");
  CHECK(of_file.code == 2);
  CHECK_THAT(of_file.err, contains("model.kwargs.init_from") && contains("vcell import"));
  CHECK(again("nowhere").code == 2);
}

TEST_CASE("tx train: what is wrong is named in State's words", "[program]") {
  const TemporaryFolder folder("tx_wrong");
  make_support_set(folder);
  const auto fails = [&](const std::string& words, const std::vector<std::string>& texts) {
    const auto ran = run_vcell_in(folder, words);
    INFO(ran.err);
    CHECK(ran.code == 2);
    for (const auto& text : texts) CHECK_THAT(ran.err, contains(text));
    CHECK(!fs::exists(folder.path() / "checkpoints"));
  };
  fails("tx", {"tx: say what to do", "'train'", "vcell tx --help"});
  fails("tx trane", {"'trane'", "'train'"});
  fails("tx train", {"data.kwargs.toml_config_path is missing"});
  fails(tutorial + " training.max_step=3", {"training.max_step=3", "training.max_steps"});
  const auto unlike = run_vcell_in(folder, "tx train zzz=3");
  CHECK(unlike.code == 2);
  CHECK(unlike.err.size() < 120);  // and not the names of all
  fails(tutorial + " model.kwargs.lora.enable=true", {"model.kwargs.lora.enable"});
  fails(tutorial + " data.kwargs.pert_col=gene", {"gene", "target_gene"});
  fs::remove(folder.path() / "competition_support_set/competition_train.h5");
  fails(tutorial, {"no file", "working directory"});
}

TEST_CASE("tx train: a dry run writes nothing", "[program]") {
  const TemporaryFolder folder("tx_dry");
  make_support_set(folder);
  const auto ran = run_vcell_in(folder, tutorial + " --dry-run " + small_model);
  INFO(ran.err);
  CHECK(ran.code == 0);
  CHECK_THAT(ran.out, contains("40 of 40"));
  CHECK(!fs::exists(folder.path() / "checkpoints"));
}

TEST_CASE("tx preprocess_train: writes what preprocess does", "[program]") {
  const TemporaryFolder folder("tx_preprocess");
  make_support_set(folder);
  const std::string data = "competition_support_set/competition_train.h5";
  const auto theirs = run_vcell_in(
      folder, "tx preprocess_train --adata " + data + " --output a.h5ad --num_hvgs 12");
  INFO(theirs.err);
  REQUIRE(theirs.code == 0);
  REQUIRE(run_vcell_in(folder, "preprocess --data " + data + " --out b.h5ad --hvgs 12").code == 0);
  CHECK(vcell::read_h5ad(folder / "a.h5ad") == vcell::read_h5ad(folder / "b.h5ad"));
  const auto again = run_vcell_in(
      folder, "tx preprocess_train --adata " + data + " --output a.h5ad --num_hvgs 12");
  CHECK(again.code == 2);
  CHECK_THAT(again.err, contains("a.h5ad") && contains("--overwrite"));
  CHECK(run_vcell_in(folder, "tx preprocess_train --adata x --output y --num_hvgs 0").code == 2);
}
