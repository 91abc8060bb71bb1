// The commands of State's embedding program.
#include <algorithm>
#include <cmath>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "support/program.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/npz.hpp"
#include "vcell/simulate/simulate_screen.hpp"
#include "vcell/train/experiment_toml.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

fs::path golden_embedding() {
  const auto golden = golden_folder("state_embedding");
  return golden && fs::exists(*golden / "tabular.ckpt") ? *golden : fs::path();
}

std::vector<float> embedded(const fs::path& file, const std::string& key) {
  return vcell::to_dense<float>(vcell::matrix(vcell::read_h5ad(file).obsm, key, "obsm")).values;
}

}  // namespace

TEST_CASE("emb transform: embeds with a checkpoint as State's does", "[program][golden]") {
  if (golden_embedding().empty()) VCELL_SKIP("no golden state_embedding with a checkpoint");
  const TemporaryFolder folder("transform");
  const fs::path input = golden_embedding() / "transform.h5ad",
                 checkpoint = golden_embedding() / "tabular.ckpt";
  const std::string common = "emb transform --input '" + input.string() + "' ";
  const auto ran = run_vcell(folder, common + "--checkpoint '" + checkpoint.string() +
                                         "' --embed-key X_mine --output " + (folder / "o.h5ad"));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.out == (folder / "o.h5ad") + "\n");
  CHECK_THAT(ran.err, contains("UNKNOWN") && contains("as State"));
  const auto expected = embedded(input, "X_emb"), made = embedded(folder / "o.h5ad", "X_mine");
  CHECK(largest_magnitude(expected) > 0.1);
  CHECK(relative_error(made, expected) <= 1e-5);

  // The folder's one checkpoint with the vectors beside it, and an array alone.
  fs::create_directory(folder.path() / "model");
  fs::copy(checkpoint, folder.path() / "model/epoch.ckpt");
  fs::copy(golden_embedding() / "gene_embeddings.pt",
           folder.path() / "model/protein_embeddings.pt");
  const auto array = run_vcell(folder, common + "--batch-size 4 --model-folder " +
                                           (folder / "model") + " --output " + (folder / "o.npy"));
  INFO(array.err);
  REQUIRE(array.code == 0);
  CHECK_THAT(array.err, contains("--batch-size"));
  const auto numbers = vcell::detail::read_npy(vcell::read_text(folder / "o.npy"), "o.npy").numbers;
  CHECK(numbers.shape.at(0) == vcell::read_h5ad(input).cells());
  CHECK(numbers.as<float>() == made);
  // The alias does what vcell embed does.
  REQUIRE(run_vcell(folder, "embed '" + input.string() + "' --scale log1p --key X_mine --model '" +
                                checkpoint.string() + "' --out " + (folder / "e.h5ad"))
              .code == 0);
  CHECK(vcell::read_text(folder / "e.h5ad") == vcell::read_text(folder / "o.h5ad"));
}

TEST_CASE("emb transform: what it does not do is named", "[program]") {
  const TemporaryFolder folder("transform_refused");
  const auto fails = [&](const std::string& words, const std::vector<std::string>& texts) {
    const auto ran = run_vcell_in(folder, "emb transform --input a.h5ad " + words);
    INFO(words << ran.err);
    CHECK(ran.code == 2);
    for (const auto& text : texts) CHECK_THAT(ran.err, contains(text));
  };
  fs::create_directory(folder.path() / "model");
  vcell::write_text(folder / "model/a.ckpt", "");
  vcell::write_text(folder / "model/b.ckpt", "");
  fails("--output o.h5ad", {"--checkpoint", "--model-folder"});
  fails("--checkpoint a.ckpt", {"--output"});
  fails("--checkpoint a.ckpt --lancedb db", {"--lancedb"});
  fails("--checkpoint a.ckpt --config c.yaml", {"--config"});
  fails("--checkpoint a.ckpt --batch-size 0", {"--batch-size"});
  fs::create_directory(folder.path() / "empty");
  fails("--model-folder empty --output o.h5ad", {"'empty' has neither", "checkpoint"});
  fails("--model-folder model/a.ckpt --output o.h5ad", {"is a file", "--checkpoint"});
  fails("--model-folder nowhere --output o.h5ad", {"'nowhere' is not there"});
  fails("--checkpoint nowhere --output o.h5ad", {"no model in 'nowhere'", "config.json"});
  vcell::write_text(folder / "there.npy", "");
  fails("--checkpoint a.ckpt --output there.npy", {"another --output", "--overwrite"});
  fails("--model-folder model --output o.h5ad", {"2 checkpoints", "a.ckpt", "--checkpoint"});
  fails("--chekpoint a.ckpt", {"'--chekpoint'", "--checkpoint"});
  CHECK_THAT(run_vcell_in(folder, "emb").err, contains("'transform'") && contains("'fit'"));
}

TEST_CASE("emb fit: trains by State's settings", "[program]") {
  const TemporaryFolder folder("fit");
  auto simulated = vcell::simulate_screen({.seed = 3,
                                           .genes = 40,
                                           .contexts = 1,
                                           .perturbations = 2,
                                           .cells_per_perturbation = 10,
                                           .control_cells = 20});
  vcell::write_h5ad(folder / "screen.h5ad", simulated.screen);
  vcell::write_text(folder / "train.csv", "species,path,names\nhuman,screen.h5ad,mine\n");
  vcell::write_text(folder / "conf.yaml",
                    "embeddings:\n  current: table\n  table:\n    all_embeddings: random\n"
                    "    size: 12\ndataset:\n  current: mine\n  mine:\n    ds_type: h5ad\n"
                    "    train: train.csv\n    val: train.csv\n  P: 4\n  N: 3\n  S: 2\n"
                    "  pad_length: 20\nmodel:\n  emsize: 8\n  nhead: 2\n  d_hid: 9\n"
                    "  nlayers: 1\n  output_dim: 5\n  batch_size: 4\nwandb:\n  enable: true\n");
  const std::string fit = "emb fit --conf conf.yaml experiment.checkpoint.path=runs ";
  const auto ran = run_vcell_in(folder, fit +
                                            "experiment.name=first experiment.num_epochs=2 "
                                            "optimizer.gradient_accumulation_steps=1 "
                                            "model.batch_size=8");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.out == "runs/first/model\n");
  CHECK_THAT(ran.err, contains("wandb.enable"));
  const auto e = vcell::read_experiment(folder.path() / "runs/first/experiment.toml");
  CHECK(e.kind == vcell::ModelKind::state_embedding);
  CHECK(e.embedding.width == 8);
  CHECK(e.embedding.sentence_length == 20);
  CHECK(e.embedding.tasks.expressed == 4);
  CHECK(e.embedding.batch_size == 8);
  CHECK(e.embedding.file_datasets);
  CHECK_THAT(vcell::read_text(folder / "runs/first/model/config.json"),
             contains("\"datasets\": 1"));
  const size_t cells = simulated.screen.cells(), trains = cells - size_t(0.1 * double(cells));
  CHECK(e.training.max_steps == (2 * trains + 7) / 8);
  CHECK(e.training.schedule_total == 2 * e.training.max_steps);
  CHECK(
      run_vcell_in(folder, "embed screen.h5ad --scale counts --model runs/first/model --out e.h5ad")
          .code == 0);

  const auto fails = [&](const std::string& words, const std::vector<std::string>& texts) {
    const auto wrong = run_vcell_in(folder, fit + words);
    INFO(words << wrong.err);
    CHECK(wrong.code == 2);
    for (const auto& text : texts) CHECK_THAT(wrong.err, contains(text));
  };
  fails("experiment.name=first", {"runs/first", "--overwrite"});
  fails("model.emsiz=4", {"model.emsiz", "model.emsize"});
  vcell::write_text(folder / "text", "hello\n");
  const auto no_settings = run_vcell_in(folder, "emb fit --conf text");
  CHECK(no_settings.code == 2);
  CHECK_THAT(no_settings.err, contains("--conf 'text'") && contains("holds no settings"));
  vcell::write_text(folder / "none.csv", "path\n");
  fails("dataset.mine.train=none.csv experiment.name=no", {"none.csv", "names no file"});
  // Several files, each a dataset.
  simulated.screen.obs.index[0] += "_again";
  vcell::write_h5ad(folder / "other.h5ad", simulated.screen);
  vcell::write_text(folder / "two.csv", "path\nscreen.h5ad\nother.h5ad\nscreen.h5ad\n");
  const auto two = run_vcell_in(folder, fit +
                                            "dataset.mine.train=two.csv experiment.name=two "
                                            "experiment.num_epochs=1");
  INFO(two.err);
  REQUIRE(two.code == 0);
  const auto both = vcell::read_experiment(folder.path() / "runs/two/experiment.toml");
  CHECK(both.more_files.size() == 1);
  CHECK(both.training.max_steps == (2 * cells - size_t(0.1 * double(2 * cells)) + 31) / 32);
  CHECK_THAT(vcell::read_text(folder / "runs/two/model/config.json"), contains("\"datasets\": 2"));
  CHECK_THAT(vcell::read_text(folder / "runs/two/data.csv"), contains("other.h5ad"));
  // The same by vcell's own flags.
  const auto own =
      run_vcell_in(folder, "train --experiment runs/two/experiment.toml --out runs/own");
  INFO(own.err);
  CHECK(own.code == 0);
  CHECK(vcell::read_text(folder / "runs/own/model/weights.safetensors") ==
        vcell::read_text(folder / "runs/two/model/weights.safetensors"));
  fails("dataset.mine.train=two.csv model.dataset_correction=false experiment.name=two",
        {"runs/two", "--overwrite"});
}
