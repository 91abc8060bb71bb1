// vcell train --kind se and vcell embed, as a user types them.
#include <filesystem>

#include "support/small_run.hpp"
#include "vcell/data/matrix.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

/// The flags of a training on `screen.h5ad` of the folder that takes a moment.
std::string se_flags(const TemporaryFolder& folder) {
  return "train --kind se --data " + (folder / "screen.h5ad") +
         " --gene-table-width 8 --sentence-length 12 --width 8 --heads 2 --layers 1 "
         "--output-width 6 --mlp-width 8 --expressed 4 --unexpressed 4 --shared 4 --batch-size 8 "
         "--max-steps 6 --validate-every 3 ";
}

void trained(const TemporaryFolder& folder, const std::string& words = "") {
  small_screen(folder);
  const auto ran = run_vcell(folder, se_flags(folder) + words + " --out " + (folder / "se"));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  REQUIRE(ran.out == (folder / "se/model") + "\n");
}

std::string embed_flags(const TemporaryFolder& folder) {
  return "embed " + (folder / "screen.h5ad") + " --model " + (folder / "se/model") + " ";
}

void refuses(const TemporaryFolder& folder, const std::string& words,
             const std::vector<std::string>& said) {
  INFO(words);
  const auto ran = run_vcell(folder, words);
  CHECK(ran.code == 2);
  CHECK(ran.out.empty());
  for (const std::string& part : said) CHECK_THAT(ran.err, contains(part));
}

}  // namespace

TEST_CASE("program: embed writes obsm of the size, type and key that is asked for", "[program]") {
  const TemporaryFolder folder("embed");
  trained(folder);
  CHECK(vcell::read_text(folder / "se/metrics.csv").starts_with("step,train_loss"));
  CHECK_THAT(vcell::read_text(folder / "se/run.log"), contains("30 of 30 genes have a vector"));
  const auto out = folder / "a.h5ad";
  const auto ran = run_vcell(folder, embed_flags(folder) + "--out " + out);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK(ran.out == out + "\n");
  CHECK_THAT(ran.err, contains("6 values of every cell in obsm X_emb"));
  const auto whole = vcell::read_h5ad(out), before = vcell::read_h5ad(folder / "screen.h5ad");
  CHECK(whole.X == before.X);
  CHECK(whole.obs == before.obs);
  const auto& single = vcell::matrix(whole.obsm, "X_emb", "obsm");
  CHECK(single.dtype() == vcell::DType::f32);
  CHECK(single.columns() == 6);

  const auto half = run_vcell(
      folder, embed_flags(folder) + "--dtype float16 --key se --out " + (folder / "half.h5ad"));
  INFO(half.err);
  REQUIRE(half.code == 0);
  const auto other = vcell::read_h5ad(folder / "half.h5ad");
  CHECK(other.obsm.count("X_emb") == 0);
  const auto& rounded = vcell::matrix(other.obsm, "se", "obsm");
  CHECK(rounded.dtype() == vcell::DType::f16);
  const auto a = single.values().as<float>(), b = rounded.values().as<float>();
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK(b[i] == Approx(a[i]).margin(1e-3));

  const auto bytes = vcell::read_text(out);
  refuses(folder, embed_flags(folder) + "--out " + out, {"a.h5ad", "--overwrite"});
  CHECK(vcell::read_text(out) == bytes);
  CHECK(run_vcell(folder, embed_flags(folder) + "--overwrite --out " + out).code == 0);
  CHECK(vcell::read_text(out) == bytes);
}

TEST_CASE("program: embed names what does not fit, and writes nothing", "[program]") {
  const TemporaryFolder folder("embed_errors");
  trained(folder);
  const auto out = folder / "b.h5ad";
  const auto flags = embed_flags(folder) + "--out " + out + " ";
  refuses(folder, flags + "--dtype float8", {"--dtype", "'float8'", "float16"});
  refuses(folder, flags + "--scale log2", {"--scale", "log1p"});
  refuses(folder, flags + "--gene-share 2", {"2"});
  refuses(folder, flags + "--gene-column nothing", {"'nothing'"});
  refuses(folder,
          "embed " + (folder / "screen.h5ad") + " --out " + out + " --model " + (folder / "none"),
          {"none"});
  refuses(folder,
          "embed " + (folder / "none.h5ad") + " --out " + out + " --model " + (folder / "se/model"),
          {"none.h5ad", "does not exist"});
  vcell::write_text(folder / "text.h5ad", "no HDF5");
  refuses(folder,
          "embed " + (folder / "text.h5ad") + " --out " + out + " --model " + (folder / "se/model"),
          {"text.h5ad"});
  vcell::AnnData other;
  other.obs = vcell::DataFrame({"a"});
  other.var = vcell::DataFrame({"x", "y"});
  other.X = vcell::Matrix(vcell::DenseMatrix<float>{1, 2, {3, 4}});
  vcell::write_h5ad(folder / "other.h5ad", other);
  refuses(
      folder,
      "embed " + (folder / "other.h5ad") + " --out " + out + " --model " + (folder / "se/model"),
      {"0 of 2 genes", "'x'", "--gene-column", "--gene-share"});
  // A table of genes of which the data has none.
  vcell::write_text(folder / "table.csv", "gene,a,b\nnothing,1,2\nelse,3,4\n");
  refuses(folder,
          se_flags(folder) + "--gene-table " + (folder / "table.csv") + " --out " + (folder / "no"),
          {"0 of 30 genes", "--gene-share"});
  CHECK_FALSE(fs::exists(folder / "no"));
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("program: train --kind se takes presets, tables and flags of its own", "[program]") {
  const TemporaryFolder folder("train_se");
  small_screen(folder);
  const auto flags = se_flags(folder) + "--out " + (folder / "run") + " ";
  refuses(folder, flags + "--hidden 4", {"--hidden", "state_embedding"});
  refuses(folder, flags + "--ensemble 2", {"--ensemble", "state_embedding"});
  refuses(folder, flags + "--choose-by discrimination",
          {"--choose-by is discrimination", "expected loss"});
  refuses(folder, flags + "--gene-table " + (folder / "none.csv"), {"none.csv"});
  refuses(folder, flags + "--gene-table " + (folder / "table.txt"),
          {"read_gene_table", "table.txt", ".safetensors"});
  refuses(folder, flags + "--isoforms genes.csv", {"--isoforms", "--gene-table is random"});
  refuses(folder, flags + "--dataset-key nothing", {"'nothing'"});
  refuses(folder, flags + "--preset state", {"'state'", "state_transition", "'se_small'"});
  refuses(folder,
          "run --preset se_small --data " + (folder / "screen.h5ad") + " --out " + (folder / "run"),
          {"--model-kind is state_embedding", "vcell train"});
  CHECK_FALSE(fs::exists(folder / "run"));

  const auto printed = run_vcell(folder, "config --preset se_small");
  CHECK_THAT(printed.out, contains("kind = \"state_embedding\"") && contains("mlp_width = 1024"));
  const auto tutorial = run_vcell(folder, "config --kind se --preset tutorial");
  CHECK_THAT(tutorial.out, contains("kind = \"state_embedding\"") && contains("epochs = 3"));

  const auto steps = run_vcell(folder, "config --kind se --preset tutorial --max-steps 9");
  CHECK_THAT(steps.out, contains("epochs = 0") && contains("max_steps = 9"));

  // A table of isoforms, the preset's schedule and clipping, and sizes of one's own.
  std::string vectors = "isoform,a,b\n", genes = "isoform,gene\n";
  for (const std::string& gene : vcell::read_h5ad(folder / "screen.h5ad").var.index)
    for (int k = 0; k < 2; ++k) {
      vectors += vcell::message(gene, '-', k, ',', k, ",1\n");
      genes += vcell::message(gene, '-', k, ',', gene, '\n');
    }
  vcell::write_text(folder / "isoforms.csv", vectors);
  vcell::write_text(folder / "genes.csv", genes);
  const auto ran =
      run_vcell(folder, flags + "--preset se_small --warmup 1 --accumulate 2 --gene-table " +
                            (folder / "isoforms.csv") + " --isoforms " + (folder / "genes.csv"));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const auto experiment = vcell::read_text(folder / "run/experiment.toml");
  CHECK_THAT(experiment, contains("schedule = \"chained\"") && contains("clip = 0.8"));
  CHECK_THAT(vcell::read_text(folder / "run/data.csv"), contains("genes.csv"));
}

TEST_CASE("program: a training of an embedding goes on where it was stopped", "[program]") {
  const TemporaryFolder folder("resume_se");
  trained(folder, "--max-steps 200");
  const auto flags = se_flags(folder) + "--max-steps 200 --out " + (folder / "other");
  refuses(folder, flags + " --resume", {"no run to go on with"});
  const auto stopped = interrupt_vcell(folder, flags, folder / "other/metrics.csv", 10);
  INFO(stopped.err);
  REQUIRE(stopped.code == 130);
  CHECK_THAT(stopped.err, contains("--resume goes on"));
  refuses(folder, flags, {"--resume", "--overwrite"});
  refuses(folder, flags + " --resume --batch-size 4", {"--resume goes on with the settings"});
  const auto resumed = run_vcell(folder, "train --resume --out " + (folder / "other"));
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  for (const char* file : {"model/weights.safetensors", "metrics.csv", "model/README.md"})
    CHECK(vcell::read_text(folder.path() / "other" / file) ==
          vcell::read_text(folder.path() / "se" / file));
}

TEST_CASE("program: a dry run of an embedding's training writes nothing", "[program]") {
  const TemporaryFolder folder("dry_se");
  small_screen(folder);
  const auto dry = run_vcell(folder, se_flags(folder) + "--dry-run --out " + (folder / "run"));
  INFO(dry.err);
  CHECK(dry.code == 0);
  CHECK_FALSE(fs::exists(folder / "run"));
  for (const std::string what : {"cells ", "30 of 30 have a vector", "distinct ones", "parameters ",
                                 "memory ", "step ", "6 steps and 2 validations"})
    CHECK_THAT(dry.out, contains(what));
  refuses(folder, se_flags(folder) + "--dry-run --heads 3", {"3 heads"});
}
