// vcell import and vcell export, on a run folder of Arc's State.
#include <algorithm>
#include <cmath>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/io/torch_archive.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

fs::path golden_run() {
  const auto golden = golden_folder("state_transition");
  return golden && fs::exists(*golden / "run_folder") ? *golden / "run_folder" : fs::path();
}

}  // namespace

TEST_CASE("program: import makes a model folder of a run, and says what it leaves out",
          "[program][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const TemporaryFolder folder("import");
  const std::string run = "'" + (golden_run() / "run").string() + "'", model = folder / "model",
                    query = "'" + (golden_run() / "query.h5ad").string() + "'";
  const auto imported = run_vcell(folder, "import " + run + " --out " + model);
  INFO(imported.err);
  REQUIRE(imported.code == 0);
  CHECK(imported.out == model + "\n");
  CHECK_THAT(imported.err, contains("final.ckpt") && contains("settings have no counterpart") &&
                               contains("lora.alpha") && contains("20 genes, 5 perturbations"));
  CHECK_THAT(run_vcell(folder, "import " + run + " --out " + model).err, contains("--overwrite"));
  const auto best =
      run_vcell(folder, "import " + run + " --checkpoint best --overwrite --out " + model);
  CHECK_THAT(best.err, contains("best.ckpt"));
  const auto predicted =
      run_vcell(folder, "predict --model " + model + " --data " + query +
                            " --perturbations AAA,BBB --cells 4 --out " + (folder / "p.h5ad"));
  INFO(predicted.err);
  CHECK(predicted.code == 0);
  const auto labels = vcell::read_h5ad(folder / "p.h5ad").obs.column("gene").text();
  CHECK(std::count(labels.begin(), labels.end(), "AAA") == 4);
  CHECK(std::count(labels.begin(), labels.end(), "BBB") == 4);
  CHECK(run_vcell(folder, "export " + model + " --out " + (folder / "w.pt")).code == 0);
  vcell::TorchArchive weights(folder / "w.pt");
  CHECK(weights.arrays(weights.root()).contains("pert_encoder.0.weight"));
  const auto other = run_vcell(folder, "export " + model + " --out " + (folder / "w.onnx"));
  CHECK(other.code == 2);
  CHECK_THAT(other.err, contains(".safetensors"));
}

TEST_CASE("program: a checkpoint without names is imported, and predict asks for them",
          "[program][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const TemporaryFolder folder("unnamed");
  const std::string checkpoint = (golden_run() / "run/checkpoints/final.ckpt").string(),
                    model = folder / "model", query = (golden_run() / "query.h5ad").string();
  const auto imported = run_vcell(folder, "import '" + checkpoint + "' --out " + model);
  REQUIRE(imported.code == 0);
  CHECK_THAT(imported.err, contains("--perturbation-names"));
  const std::string predict = "predict --model " + model + " --data '" + query +
                              "' --perturbations AAA --cells 3 --perturbation-key gene "
                              "--context-key cell_type --out " +
                              (folder / "p.h5ad");
  const auto asked = run_vcell(folder, predict);
  CHECK(asked.code == 2);
  CHECK_THAT(asked.err, contains("perturbations") && contains("--perturbation-names"));
  vcell::write_text(folder / "names.txt", "AAA\nBBB\nCCC\nDDD\nnon-targeting\n");
  vcell::write_text(folder / "few.txt", "AAA\n");
  CHECK_THAT(run_vcell(folder, predict + " --perturbation-names " + (folder / "few.txt")).err,
             contains("1 names of perturbations"));
  CHECK_THAT(run_vcell(folder, predict + " --genes " + (folder / "few.txt")).err,
             contains("1 names of genes") && contains("20"));
}

TEST_CASE("program: tx infer predicts what State's does", "[program][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const TemporaryFolder folder("infer");
  const auto rows = vcell::read_safetensors(golden_run() / "expected.safetensors")
                        .tensors.at("infer.control_row")
                        .as<size_t>();
  std::string csv = "row,control_row\n";
  for (size_t i = 0; i < rows.size(); ++i) csv += vcell::message(i, ',', rows[i], '\n');
  vcell::write_text(folder / "controls.csv", csv);
  const auto ran = run_vcell(
      folder, "tx infer --model-dir '" + (golden_run() / "run").string() + "' --adata '" +
                  (golden_run() / "query.h5ad").string() + "' --embed-key X_hvg --pert-col gene " +
                  "--controls " + (folder / "controls.csv") + " --output " + (folder / "o.h5ad"));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.err, contains("'ZZZ'"));
  const auto values = [](const fs::path& file) {
    const auto data = vcell::read_h5ad(file);
    return vcell::to_dense<float>(vcell::matrix(data.obsm, "X_hvg", "obsm")).values;
  };
  const auto made = values(folder / "o.h5ad"), expected = values(golden_run() / "infer.h5ad");
  REQUIRE(made.size() == expected.size());
  float worst = 0;
  for (size_t i = 0; i < made.size(); ++i) worst = std::max(worst, std::abs(made[i] - expected[i]));
  CHECK(worst <= 1e-5f * *std::max_element(expected.begin(), expected.end()));
}
