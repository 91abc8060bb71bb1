// vcell run --space embedding: one go from cells to predicted genes, and what its model is good
// for.
#include <algorithm>
#include <filesystem>

#include "support/small_run.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

/// Runs it and returns what it said.
Ran done(const TemporaryFolder& folder, const std::string& words) {
  const auto ran = run_vcell(folder, words);
  INFO(words << "\n" << ran.err);
  REQUIRE(ran.code == 0);
  return ran;
}

Ran wrong(const TemporaryFolder& folder, const std::string& words,
          const std::vector<std::string>& said) {
  const auto ran = run_vcell(folder, words);
  INFO(words << "\n" << ran.err);
  CHECK(ran.code == 2);
  for (const std::string& text : said) CHECK_THAT(ran.err, contains(text));
  return ran;
}

/// What all runs here say.
std::string run_flags() {
  return " --context-key context --space embedding --decoder-widths 16 --hidden 8 --layers 1 "
         "--heads 1 --head-dim 8 --mlp-width 8 --max-steps 4 --set-size 8 --batch-size 2";
}

/// A State Embedding model trained on a screen; its folder.
std::string small_embedder(const TemporaryFolder& folder, const std::string& screen) {
  done(folder, "train --kind se --data " + screen +
                   " --sentence-length 16 --width 8 --output-width 8 --heads 2 --mlp-width 8 "
                   "--layers 1 --gene-table-width 8 --expressed 4 --unexpressed 4 --shared 4 "
                   "--max-steps 2 --out " +
                   (folder / "se"));
  return folder / "se/model";
}

/// The command that predicts a perturbation of the screen with a run's model.
std::string predict(const TemporaryFolder& folder, const std::string& model,
                    const std::string& data) {
  const auto labels = vcell::read_h5ad(data).obs.column("perturbation").text();
  const auto name =
      std::find_if(labels.begin(), labels.end(), [](auto& l) { return l != "non-targeting"; });
  return "predict --overwrite --model " + (folder / model) + " --data " + data +
         " --perturbations " + *name + " --cells 5 --out " + (folder / "predicted.h5ad");
}

std::string bytes(const TemporaryFolder& folder, const std::string& file) {
  return vcell::read_text(folder / file);
}

}  // namespace

TEST_CASE("program: a run in an embedding, by a model that is given or a key of obsm",
          "[program]") {
  const TemporaryFolder folder("embedding_run");
  const std::string screen = small_screen(folder), flags = " --data " + screen + run_flags();
  const std::string given = " --embedding " + small_embedder(folder, screen);
  const auto whole = done(folder, "run" + flags + given + " --out " + (folder / "given"));
  CHECK_THAT(whole.out, contains("perturbation_mean") && contains("State Transition"));
  CHECK_THAT(bytes(folder, "given/experiment.toml"),
             contains("output_space = \"embedding\"") && contains("decoder = \"plain\""));
  CHECK(vcell::read_h5ad(folder / "given/predictions.h5ad").genes() == 30);
  done(folder, predict(folder, "given/model", screen));
  CHECK(vcell::read_h5ad(folder / "predicted.h5ad").genes() == 30);
  done(folder, "train" + flags + given + " --out " + (folder / "trained"));
  CHECK(bytes(folder, "trained/model/member_1/weights.safetensors") ==
        bytes(folder, "given/model/member_1/weights.safetensors"));
  done(folder, predict(folder, "trained/model", screen));
  fs::remove_all(folder / "trained/model/embedding");
  wrong(folder, predict(folder, "trained/model", screen),
        {"model/embedding", "copy the model's folder whole"});

  // What the run's copy makes of the cells, as an entry of obsm: the same, with nothing to embed
  // by.
  const std::string embedded = folder / "embedded.h5ad";
  done(folder,
       "embed " + screen + " --model " + (folder / "given/embedding") + " --out " + embedded);
  const std::string keyed = "run --data " + embedded + run_flags();
  done(folder, keyed + " --embedding obsm:X_emb --out " + (folder / "key"));
  CHECK_FALSE(fs::exists(folder / "key/embedding"));
  CHECK(bytes(folder, "key/model/member_1/weights.safetensors") ==
        bytes(folder, "given/model/member_1/weights.safetensors"));
  done(folder, predict(folder, "key/model", embedded));
  wrong(folder, predict(folder, "key/model", screen), {"obsm 'X_emb'", "none of that name"});

  // Stopped and gone on with: the bytes of the run that was not.
  interrupt_vcell(folder, "run" + flags + given + " --out " + (folder / "part"),
                  folder / "part/metrics.csv", 3);
  done(folder, "run --resume --out " + (folder / "part"));
  CHECK(bytes(folder, "part/predictions.h5ad") == bytes(folder, "given/predictions.h5ad"));

  const auto dry = done(folder, "train" + flags + given + " --dry-run");
  CHECK_THAT(dry.out, contains("embedding ") && !contains("of a State Embedding"));

  const std::string out = " --out " + (folder / "no");
  wrong(folder, keyed + " --embedding obsm:X_no" + out, {"obsm", "'X_no'"});
  wrong(folder, "run" + flags + " --embedding " + (folder / "nowhere") + out, {"nowhere"});
  wrong(folder, "run" + small_flags(folder) + given + out, {"--embedding", "--output-space"});
  wrong(folder, "run" + flags + " --decoder none" + out, {"--decoder is none"});
  CHECK_FALSE(fs::exists(folder / "no"));
}

TEST_CASE("program: tx predict of a model in an embedding", "[program]") {
  const TemporaryFolder folder("embedding_tx");
  const std::string screen = small_screen(folder), embedder = small_embedder(folder, screen);
  const std::string flags = run_flags() + " --ensemble 1 --anchor none --out ";
  done(folder, "train --data " + screen + " --embedding " + embedder + flags + (folder / "own"));
  const std::string embedded = folder / "embedded.h5ad";
  done(folder, "embed " + screen + " --model " + (folder / "own/embedding") + " --out " + embedded);
  done(folder, "train --data " + embedded + " --embedding obsm:X_emb" + flags + (folder / "key"));
  const auto predicted = [&](const std::string& run) {
    done(folder, "tx predict --output-dir " + (folder / run) + " --profile minimal");
    CHECK(fs::exists(folder / (run + "/eval_model/agg_results.csv")));
    return vcell::read_h5ad(folder / (run + "/eval_model/adata_pred.h5ad"));
  };
  const auto own = predicted("own"), key = predicted("key");
  CHECK(own.genes() == 30);
  const auto made = vcell::to_dense<float>(*own.X);
  CHECK(made == vcell::to_dense<float>(*key.X));
  // A control is predicted from a control: as that was measured. What is perturbed is moved.
  const auto real = vcell::read_h5ad(folder / "own/eval_model/adata_real.h5ad");
  CHECK(real.obs == own.obs);
  const auto measured = vcell::to_dense<float>(*real.X);
  const auto labels = own.obs.column("perturbation").text(),
             from = own.obs.column("ctrl_cell_barcode").text(),
             cells = own.obs.column("pert_cell_barcode").text();
  const vcell::NamePlaces places(cells);
  size_t moved = 0;
  for (size_t i = 0; i < own.cells(); ++i) {
    const auto control = measured.row(places.find(from[i]).value());
    const bool same = std::equal(control.begin(), control.end(), made.row(i).begin());
    CHECK((same || labels[i] != "non-targeting"));
    moved += !same;
  }
  CHECK(moved > 0);
  done(folder, "train" + small_flags(folder) + " --out " + (folder / "anchored"));
  wrong(folder, "tx predict --output-dir " + (folder / "anchored"), {"tx predict", "anchor"});
  fs::remove_all(folder / "own/model/embedding");
  wrong(folder, "tx predict --overwrite --output-dir " + (folder / "own"),
        {"tx predict", "model/embedding", "copy the model's folder whole"});
}

TEST_CASE("program: a run in an embedding by a model of its own", "[program][slow]") {
  const TemporaryFolder folder("embedding_own");
  const std::string flags = " --data " + small_screen(folder, 3, 10) + run_flags();
  const auto own = done(folder, "run" + flags + " --out " + (folder / "own"));
  CHECK_THAT(own.err, contains("a small State Embedding is trained on"));
  CHECK_THAT(bytes(folder, "own/facts.csv"), contains("a small State Embedding"));
  done(folder, predict(folder, "own/model", folder / "screen.h5ad"));
  // The same, given to another run.
  done(folder, "run" + flags + " --embedding " + (folder / "own/embedding") + " --out " +
                   (folder / "given"));
  CHECK(bytes(folder, "given/predictions.h5ad") == bytes(folder, "own/predictions.h5ad"));
  // Stopped while that is trained, where an old run was that could be gone on with: the new one is.
  const std::string part = " --out " + (folder / "part");
  interrupt_vcell(folder, "run" + small_flags(folder) + " --max-steps 400" + part,
                  folder / "part/metrics.csv", 3);
  const auto stopped =
      interrupt_vcell(folder, "run --overwrite" + flags + part,
                      folder / "part/checkpoints/embedding/last/weights.safetensors", 1);
  CHECK_THAT(stopped.err, contains("--resume goes on from there"));
  CHECK_THAT(bytes(folder, "part/experiment.toml"), contains("output_space = \"embedding\""));
  CHECK_THAT(done(folder, "run --resume" + part).err, contains("going on after step"));
  CHECK(bytes(folder, "part/predictions.h5ad") == bytes(folder, "own/predictions.h5ad"));
  CHECK_FALSE(fs::exists(folder / "part/checkpoints/embedding"));
  const auto dry = done(folder, "run" + flags + " --dry-run");
  CHECK_THAT(dry.out, contains("embedding ") && contains("steps of a State Embedding") &&
                          contains("training "));
}
