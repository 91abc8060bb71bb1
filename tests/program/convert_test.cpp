// vcell convert, subset and concat, by the program.
#include <algorithm>
#include <cmath>

#include "io/write_10x_h5.hpp"
#include "support/catch.hpp"
#include "support/program.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/read_cells.hpp"

using namespace vcell_test;

TEST_CASE("program: cells are converted, cut and joined", "[program]") {
  const TemporaryFolder folder("convert");
  const auto ran = [&](const std::string& words, int code = 0) {
    const auto r = run_vcell(folder, words);
    INFO(words << '\n' << r.err);
    CHECK(r.code == code);
    return r.err;
  };
  ran("simulate --genes 12 --perturbations 3 --cells-per-perturbation 10 --control-cells 20 "
      "--seed 3 --out " +
      (folder / "screen.h5ad"));
  const vcell::AnnData a = vcell::read_h5ad(folder / "screen.h5ad");
  const std::string from = " --data " + (folder / "screen.h5ad") + " --out ";
  const auto expected = vcell::to_dense<float>(*a.X);
  for (const char* name : {"a.h5", "a.csv", "a.tsv.gz"}) {
    ran("convert" + from + (folder / name));
    const auto back = vcell::read_cells(folder.path() / name);
    CHECK(vcell::to_dense<float>(*back.X) == expected);
    CHECK(back.obs.index == a.obs.index);
  }
  const auto told = run_vcell(folder, "inspect " + (folder / "a.h5")).out;
  CHECK_THAT(told, contains("10x h5") && contains("/X") && contains(", chunks ") &&
                       contains(", shuffle gzip"));
  CHECK_THAT(told, contains("/var/gene_ids") && contains(vcell::quoted(a.obs.index[0])));
  ran("convert --data " + (folder / "a.csv") + " --metadata " + (folder / "a.metadata.csv") +
      " --x csc --index-type int64 --gzip 0 --out " + (folder / "back.h5ad"));
  const vcell::AnnData back = vcell::read_h5ad(folder / "back.h5ad");
  CHECK(back.X->layout == vcell::SparseLayout{true, vcell::DType::i64, vcell::DType::i64});
  CHECK(back.obs.column("perturbation").text() == a.obs.column("perturbation").text());
  CHECK(ran("convert" + from + (folder / "a.any"), 2).find("--to") != std::string::npos);

  ran("subset --sample 50% --by perturbation --seed 1" + from + (folder / "half.h5ad"));
  const vcell::AnnData half = vcell::read_h5ad(folder / "half.h5ad");
  size_t drawn = 0;
  const vcell::Factor labels = vcell::factor(a.obs.column("perturbation"));
  for (size_t i = 0; i < labels.names.size(); ++i)
    drawn += size_t(std::lround(
        0.5 * double(std::count(labels.codes.begin(), labels.codes.end(), int32_t(i)))));
  CHECK(half.cells() == drawn);
  const auto bad = ran("subset --sample 120%" + from + (folder / "half2.h5ad"), 2);
  CHECK(bad.find("--sample is '120%'") != std::string::npos);

  ran("concat --data " + (folder / "half.h5ad") + " --unique-names" + from + (folder / "two.h5ad"));
  CHECK(vcell::read_h5ad(folder / "two.h5ad").cells() == a.cells() + half.cells());
}

TEST_CASE("program: inspect tells of every genome of a 10x file", "[program]") {
  const TemporaryFolder folder("inspect_10x");
  write_10x_v2(folder.path() / "a.h5", {"hg19", "mm10"});
  const auto r = run_vcell(folder, "inspect " + (folder / "a.h5"));
  CHECK(r.code == 0);
  for (const char* genome : {"/hg19", "/mm10"})
    CHECK_THAT(r.out, contains(vcell::message(genome, "/X")) &&
                          contains(vcell::message(genome, "/var/gene_ids")));
}
