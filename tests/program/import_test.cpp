// vcell import and vcell export, on a run folder of Arc's State.
#include <algorithm>
#include <cmath>
#include <map>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/largest_error.hpp"
#include "support/program.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/npz.hpp"
#include "vcell/io/safetensors.hpp"
#include "vcell/io/torch_archive.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

fs::path golden_run() {
  const auto golden = golden_folder("state_transition");
  return golden && fs::exists(*golden / "run_folder") ? *golden / "run_folder" : fs::path();
}

/// A copy of the run folder and what it was trained on, to work in.
void copy_run(const TemporaryFolder& folder) {
  for (const char* part : {"run", "data", "split.toml"})
    fs::copy(golden_run() / part, folder.path() / part, fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
    fs::permissions(entry.path(), fs::perms::owner_write, fs::perm_options::add);
}

std::vector<float> dense(const vcell::Matrix& m) { return vcell::to_dense<float>(m).values; }

/// Whether values are those expected, but for rounding.
void check_values(const std::vector<float>& made, const std::vector<float>& expected) {
  CHECK(largest_magnitude(expected) > 0.1);
  CHECK(relative_error(made, expected) <= 1e-5);
}

std::map<std::string, size_t> counted(const vcell::AnnData& data, const std::string& key) {
  std::map<std::string, size_t> out;
  for (const auto& name : data.obs.column(key).text()) ++out[name];
  return out;
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
    return dense(vcell::matrix(vcell::read_h5ad(file).obsm, "X_hvg", "obsm"));
  };
  check_values(values(folder / "o.h5ad"), values(golden_run() / "infer.h5ad"));
}

TEST_CASE("program: tx infer leaves cells out and adds virtual ones, as State's does",
          "[program][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const TemporaryFolder folder("virtual");
  const auto query = vcell::read_h5ad(golden_run() / "query.h5ad");
  const auto before = counted(query, "gene");
  const auto infer = [&](const std::string& words, const std::string& out = "o.h5ad") {
    return run_vcell(folder, "tx infer --model-dir '" + (golden_run() / "run").string() +
                                 "' --adata '" + (golden_run() / "query.h5ad").string() +
                                 "' --embed-key X_hvg --pert-col gene --overwrite " + words +
                                 " --output " + (folder / out));
  };
  const auto genes_after = [&](const std::string& words) {
    const auto ran = infer(words);
    INFO(words << ran.err);
    REQUIRE(ran.code == 0);
    return counted(vcell::read_h5ad(folder / "o.h5ad"), "gene");
  };
  const size_t controls = before.at("non-targeting");
  auto expected = before;
  expected["AAA"] = controls;  // the only one of the model's that the query does not have
  CHECK(genes_after("--all-perts") == expected);
  expected["AAA"] = 3;
  CHECK(genes_after("--all-perts --virtual-cells-per-pert 3") == expected);

  vcell::write_text(folder / "add.tsv", "perturbation\tnum_cells\nBBB\t30\nAAA\t5\n");
  expected["AAA"] = 5;
  expected["BBB"] += 30;
  CHECK(genes_after("--tsv " + (folder / "add.tsv")) == expected);
  for (const auto& [gene, n] : genes_after("--min-cells 40"))
    CHECK(n == std::max<size_t>(40, before.at(gene)));
  for (const auto& [gene, n] : genes_after("--max-cells 10"))
    CHECK(n == std::min<size_t>(10, before.at(gene)));
  CHECK(genes_after("--celltypes beta") == before);
  const auto virtual_cell = vcell::read_h5ad(folder / "o.h5ad");
  CHECK(virtual_cell.obs.index == query.obs.index);

  REQUIRE(infer("", "o.h5ad").code == 0);
  REQUIRE(infer("", "o.npy").code == 0);
  const auto array = vcell::detail::read_npy(vcell::read_text(folder / "o.npy"), "o.npy").numbers;
  CHECK(array.shape == std::vector<size_t>{query.cells(), 20});
  CHECK(array.as<float>() ==
        dense(vcell::matrix(vcell::read_h5ad(folder / "o.h5ad").obsm, "X_hvg", "obsm")));

  const auto fails = [&](const std::string& words, const std::vector<std::string>& texts,
                         const std::string& out = "o.h5ad") {
    const auto ran = infer(words, out);
    CHECK(ran.code == 2);
    for (const auto& text : texts) CHECK_THAT(ran.err, contains(text));
  };
  fails("--celltypes beta,gamma", {"'gamma'", "beta"});
  fails("--min-cells 40 --max-cells 10", {"--max-cells", "--min-cells"});
  fails("--virtual-cells-per-pert 3", {"--all-perts"});
  fails("--min-cells 40 --controls " + (folder / "add.tsv"), {"--controls"});
  fails("", {"o.csv", ".npy"}, "o.csv");
}

TEST_CASE("program: tx predict predicts what State's does, and scores it", "[program][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const TemporaryFolder folder("tx_predict");
  copy_run(folder);
  const fs::path out = folder.path() / "run/eval_final.ckpt";
  fs::rename(out, folder.path() / "theirs");
  const auto theirs = vcell::read_h5ad(folder.path() / "theirs/adata_pred.h5ad"),
             observed = vcell::read_h5ad(folder.path() / "theirs/adata_real.h5ad");
  const std::string predict = "tx predict --output-dir run --checkpoint final.ckpt ";
  const auto ran =
      run_vcell_in(folder, predict + "--predict-only --controls theirs/adata_pred.h5ad");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.out == "run/eval_final.ckpt/adata_pred.h5ad\n");
  CHECK(!fs::exists(out / "agg_results.csv"));
  const auto made = vcell::read_h5ad(out / "adata_pred.h5ad"),
             real = vcell::read_h5ad(out / "adata_real.h5ad");
  check_values(dense(*made.X), dense(*theirs.X));
  CHECK(dense(*real.X) == dense(*observed.X));
  for (const char* column :
       {"gene", "cell_type", "gem_group", "pert_cell_barcode", "ctrl_cell_barcode"})
    CHECK(made.obs.column(column).text() == theirs.obs.column(column).text());
  CHECK(made.var.index[0] == "G0");

  // The same rows and controls as a list, and then as drawn here: by the seed, the same cells.
  const auto data = vcell::read_h5ad(golden_run() / "data/tiny.h5ad");
  const auto row = [&](const std::string& name) {
    return size_t(std::find(data.obs.index.begin(), data.obs.index.end(), name) -
                  data.obs.index.begin());
  };
  std::string csv = "row,control_row\n";
  const auto cell = theirs.obs.column("pert_cell_barcode").text(),
             control = theirs.obs.column("ctrl_cell_barcode").text();
  for (size_t i = 0; i < cell.size(); ++i)
    csv += vcell::message(row(cell[i]), ',', row(control[i]), '\n');
  vcell::write_text(folder / "controls.csv", csv);
  REQUIRE(
      run_vcell_in(folder, predict + "--predict-only --overwrite --controls controls.csv").code ==
      0);
  CHECK(vcell::read_h5ad(out / "adata_pred.h5ad") == made);

  const auto scored = run_vcell_in(folder, predict + "--overwrite --profile minimal");
  INFO(scored.err);
  REQUIRE(scored.code == 0);
  CHECK(fs::exists(out / "agg_results.csv"));
  CHECK(fs::exists(out / "report.html"));
  CHECK_THAT(scored.out, contains("discrimination_score_l1"));
  const auto drawn = vcell::read_h5ad(out / "adata_pred.h5ad");
  CHECK(counted(drawn, "gene") == counted(theirs, "gene"));
  CHECK(std::ranges::is_permutation(drawn.obs.column("pert_cell_barcode").text(), cell));
  const auto again = run_vcell_in(folder, predict + "--overwrite --profile anndata");
  REQUIRE(again.code == 0);
  CHECK(vcell::read_h5ad(out / "adata_pred.h5ad") == drawn);

  // From elsewhere, the split and the data are found where the run lies.
  fs::remove(out / "adata_pred.h5ad");
  REQUIRE(run_vcell(folder, "tx predict --output-dir '" + (folder.path() / "run/").string() +
                                "' --checkpoint final.ckpt --predict-only")
              .code == 0);
  CHECK(vcell::read_h5ad(out / "adata_pred.h5ad") == drawn);

  REQUIRE(
      run_vcell_in(folder, "tx predict --output-dir run --eval-train-data --predict-only").code ==
      0);
  const auto train = vcell::read_h5ad(folder.path() / "run/eval_last.ckpt/adata_pred.h5ad");
  CHECK(counted(train, "gene").at("AAA") == counted(data, "gene").at("AAA"));
  CHECK(counted(train, "gene").at("DDD") < counted(data, "gene").at("DDD"));
}

TEST_CASE("program: tx predict names what it does not do", "[program][golden]") {
  if (golden_run().empty()) VCELL_SKIP("no golden run_folder");
  const TemporaryFolder folder("tx_refused");
  copy_run(folder);
  const auto fails = [&](const std::string& words, const std::vector<std::string>& texts) {
    const auto ran = run_vcell_in(folder, "tx predict --output-dir run " + words);
    INFO(words << ran.err);
    CHECK(ran.code == 2);
    for (const auto& text : texts) CHECK_THAT(ran.err, contains(text));
  };
  fails("--test-time-finetune 2", {"--test-time-finetune"});
  fails("--pseudobulk", {"--pseudobulk"});
  fails("--profile most", {"--profile", "'minimal'"});
  fails("--skip-adatas --predict-only", {"--skip-adatas"});
  fails("--checkpoint newest", {"'newest'", "best.ckpt"});
  fails("--checkpoint final.ckpt", {"adata_pred.h5ad", "--overwrite"});
  fails("--toml no.toml", {"no.toml", "--toml"});
  vcell::write_text(folder / "controls.csv", "row,control_row\n0,1\n");
  const auto theirs =
      vcell::read_h5ad(folder.path() / "run/eval_final.ckpt/adata_pred.h5ad", {.X = false});
  fails("--controls controls.csv",
        {"1 cells", vcell::message("split's are ", theirs.obs.index.size())});
  vcell::write_text(folder / "controls.csv", "row,control_row\n0,-1\n");
  fails("--controls controls.csv", {"'-1'"});
  vcell::write_text(folder / "all.toml",
                    "[datasets]\ntiny = \"data/tiny.h5ad\"\n[training]\ntiny = \"train\"\n");
  fails("--toml all.toml", {"no perturbed cell", "test"});
}
