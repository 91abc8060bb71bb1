// Cells in other formats than h5ad, through the program.
#include "io/cell_files.hpp"
#include "support/catch.hpp"
#include "support/program.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell_test;

namespace {

/// A simulated screen, and the same cells as triplets beside a table of labels.
void write_screen(const TemporaryFolder& folder) {
  const auto made =
      run_vcell(folder,
                "simulate --genes 30 --perturbations 5 --contexts 2 --cells-per-perturbation 12 "
                "--control-cells 24 --seed 3 --out " +
                    (folder / "screen.h5ad"));
  INFO(made.err);
  REQUIRE(made.code == 0);
  const vcell::AnnData a = vcell::read_h5ad(folder / "screen.h5ad");
  std::string entries, features, barcodes, metadata = "cell,perturbation,context\n";
  size_t count = 0;
  for (size_t cell = 0; cell < a.cells(); ++cell) {
    std::vector<float> row(a.genes());
    vcell::copy_row(*a.X, cell, std::span<float>(row));
    for (size_t gene = 0; gene < row.size(); ++gene)
      if (row[gene] != 0 && ++count)
        entries += vcell::message(gene + 1, ' ', cell + 1, ' ', int(row[gene]), '\n');
  }
  for (const auto& gene : a.var.index)
    features += "id_" + gene + '\t' + gene + "\tGene Expression\n";
  const auto labels = a.obs.column("perturbation").text(),
             contexts = a.obs.column("context").text();
  for (size_t cell = 0; cell < a.cells(); ++cell) {
    barcodes += a.obs.index[cell] + '\n';
    metadata += a.obs.index[cell] + ',' + labels[cell] + ',' + contexts[cell] + '\n';
  }
  write_mtx_folder(folder.path() / "mtx",
                   vcell::message("%%MatrixMarket matrix coordinate integer general\n", a.genes(),
                                  ' ', a.cells(), ' ', count, '\n', entries),
                   features, barcodes);
  write_file(folder.path() / "cells.csv", metadata);
}

}  // namespace

TEST_CASE("program: triplets with metadata go through every command as h5ad does", "[program]") {
  const TemporaryFolder folder("cells");
  write_screen(folder);
  const std::string mtx =
      " --data " + (folder / "mtx") + " --metadata " + (folder / "cells.csv") + " ";
  const std::string h5ad = " --data " + (folder / "screen.h5ad") + " ";
  const auto ran = [&](const std::string& words) {
    const auto r = run_vcell(folder, words);
    INFO(words << '\n' << r.err);
    CHECK(r.code == 0);
    return r;
  };
  const auto at = [&](const char* name) { return folder.path() / name; };

  CHECK_THAT(ran("inspect " + (folder / "mtx")).out,
             contains("mtx") && contains("int32") && contains(": '"));
  CHECK_THAT(ran("inspect --json " + (folder / "mtx")).out, contains("\"/X\""));

  ran("preprocess --hvgs 10 --out " + (folder / "a.h5ad") + mtx);
  ran("preprocess --hvgs 10 --out " + (folder / "b.h5ad") + h5ad);
  const auto a = vcell::read_h5ad(at("a.h5ad")), b = vcell::read_h5ad(at("b.h5ad"));
  CHECK(vcell::to_dense<float>(*a.X) == vcell::to_dense<float>(*b.X));
  CHECK(a.uns.at("X_hvg_var_names") == b.uns.at("X_hvg_var_names"));
  CHECK(a.var.column("gene_ids").text()[0] == "id_" + a.var.index[0]);

  ran("de --context-key context --out " + (folder / "a_de.csv") + mtx);
  ran("de --context-key context --out " + (folder / "b_de.csv") + h5ad);
  size_t tables = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    if (const auto name = entry.path().filename().string(); name.ends_with("a_de.csv")) {
      std::string other = name;
      other[other.size() - 8] = 'b';
      CHECK(vcell::read_text(entry.path()) == vcell::read_text(folder.path() / other));
      ++tables;
    }
  CHECK(tables == 2);

  ran("split --context-key context --seed 3 --out " + (folder / "split.toml") + mtx);
  const std::string small =
      " --context-key context --split " + (folder / "split.toml") +
      " --hidden 16 --layers 1 --heads 2 --head-dim 8 --mlp-width 16 --max-steps 4 --ensemble 1 "
      "--validate-every 2 --set-size 8 --batch-size 4 --no-ceiling --methods state_transition "
      "--out ";
  ran("run" + mtx + small + (folder / "run"));
  CHECK_THAT(vcell::read_text(at("run") / "data.csv"),
             contains("[data] metadata") && contains("matrix.mtx.gz"));
  CHECK(std::filesystem::exists(at("run") / "report.html"));
}

TEST_CASE("program: what is wrong with other formats is said by flags", "[program]") {
  const TemporaryFolder folder("cells-errors");
  write_file(folder.path() / "t.csv", "x,g1,g2\na,1,2\nb,3,0\nc,5,6\n");
  write_file(folder.path() / "m.csv", "cell,perturbation\na,p\nb,non-targeting\nd,p\n");
  const auto fails = [&](const std::string& words, const std::string& text) {
    const auto r = run_vcell(folder, words);
    CHECK(r.code == 2);
    CHECK_THAT(r.err, contains(text));
  };
  const std::string data = "preprocess --out " + (folder / "o.h5ad") + " --data ";
  const std::string table = data + (folder / "t.csv");
  fails(table + " --metadata " + (folder / "m.csv"), "1 of 3 cells have no row in the table: 'c'");
  fails(table + " --metadata " + (folder / "m.csv"), "drop them by --drop-unmatched");
  fails(table + " --metadata " + (folder / "m.csv") + " --metadata-key none", "--metadata-key");
  fails(table + " --genes-by ids", "--genes-by is of 10x .h5 and mtx");
  fails(table + " --genes-by id", "--genes-by is 'id', expected 'symbols', 'ids'");
  write_file(folder.path() / "x", "no cells\n");
  fails(data + (folder / "x"), "expected an AnnData file");
  const auto r =
      run_vcell(folder, table + " --hvgs 1 --drop-unmatched --metadata " + (folder / "m.csv"));
  INFO(r.err);
  CHECK(r.code == 0);
  CHECK_THAT(r.err, contains("they are left out"));
  CHECK(vcell::read_h5ad(folder / "o.h5ad").obs.index == std::vector<std::string>{"a", "b"});
}
