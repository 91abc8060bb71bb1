// What `vcell split` and `vcell stats` say and write, on files.
#include <map>

#include "support/catch.hpp"
#include "support/program.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/data/keep.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/simulate/simulate_screen.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

std::string split_screen(const TemporaryFolder& folder) {
  vcell::SimulateOptions options{.seed = 3, .genes = 30, .contexts = 2};
  options.perturbations = 12;
  options.control_cells = 30;
  const auto made = vcell::simulate_screen(options);
  // A few cells of each.
  std::vector<size_t> rows;
  std::map<std::string, size_t> seen;
  const auto perturbation = made.screen.obs.column("perturbation").text();
  const auto context = made.screen.obs.column("context").text();
  vcell::AnnData few = made.screen;
  std::vector<uint8_t> keep;
  for (size_t i = 0; i < perturbation.size(); ++i)
    keep.push_back(seen[context[i] + perturbation[i]]++ < 10);
  vcell::keep_cells(few, keep);
  const std::string file = folder / "screen.h5ad";
  vcell::write_h5ad(file, few);
  return file;
}

}  // namespace

TEST_CASE("program: split by lists, strata, columns, and what they measure", "[program]") {
  const TemporaryFolder folder("split_kinds");
  const std::string screen = split_screen(folder);
  const std::string split = "split --data " + screen + " --context-key context ";
  const auto names = vcell::factor(vcell::read_h5ad(screen).obs.column("perturbation")).names;
  const std::vector<std::string> wanted = {names[1], names[3]};
  vcell::write_text(folder.path() / "test.txt", names[3] + "\n" + names[1] + "\n");
  const auto listed =
      run_vcell(folder, split + "--kind perturbation --test-list " + (folder / "test.txt") +
                            " --validation 0 --out " + (folder / "listed.toml"));
  INFO(listed.err);
  REQUIRE(listed.code == 0);
  CHECK_THAT(listed.out, contains("models need features of perturbations") &&
                             contains("validation: no perturbed cell"));
  const auto spec = vcell::read_split(folder / "listed.toml");
  for (const auto& [key, held] : spec.fewshot) CHECK(held.test == wanted);
  CHECK(spec.fewshot.size() == 2);

  const auto strata = run_vcell(
      folder, split + "--kind perturbation --stratify --test 0.25 --out " + (folder / "s.toml"));
  INFO(strata.err);
  REQUIRE(strata.code == 0);
  const auto plain =
      run_vcell(folder, split + "--kind perturbation --test 0.25 --out " + (folder / "plain.toml"));
  REQUIRE(plain.code == 0);
  CHECK(vcell::read_split(folder / "s.toml").fewshot.begin()->second.test.size() == 3);

  // As an obs column and back.
  const auto written =
      run_vcell(folder, split + "--kind underrepresented --context context_1 --kept 0.5 --out " +
                            (folder / "few.toml") + " --column part --data-out " +
                            (folder / "with_parts.h5ad"));
  INFO(written.err);
  REQUIRE(written.code == 0);
  CHECK_THAT(written.out, contains("(few-shot)"));
  const auto read =
      run_vcell(folder, "split --context-key context --kind column --column part --data " +
                            (folder / "with_parts.h5ad") + " --out " + (folder / "again.toml"));
  INFO(read.err);
  REQUIRE(read.code == 0);
  const auto before = vcell::read_split(folder / "few.toml"),
             after = vcell::read_split(folder / "again.toml");
  REQUIRE(after.fewshot.size() == 1);
  CHECK(after.fewshot.begin()->second == before.fewshot.begin()->second);
  CHECK(vcell::read_h5ad(folder / "with_parts.h5ad").X == vcell::read_h5ad(screen).X);

  for (const auto& [words, says] : std::vector<std::pair<std::string, std::string>>{
           {"--kind cells --kept 0.1 --out x", "--kept says nothing for --kind cells"},
           {"--kind column --out x", "--kind column needs --column"},
           {"--column part --out x", "go together"},
           {"--kind perturbation --test-list nothing --out x", "nothing"},
           {"--kind perturbation --test 2 --out x", "test 2"}}) {
    const auto ran = run_vcell(folder, split + words);
    INFO(words << ": " << ran.err);
    CHECK(ran.code == 2);
    CHECK_THAT(ran.err, contains(says));
  }
  CHECK_FALSE(fs::exists(folder.path() / "x"));
}

TEST_CASE("program: statistics of a screen", "[program]") {
  const TemporaryFolder folder("stats");
  const std::string screen = split_screen(folder);
  const std::string stats = "stats --data " + screen + " --batch-key batch --guide-key guide ";
  REQUIRE(run_vcell(folder, "split --data " + screen + " --context-key context --out " +
                                (folder / "split.toml"))
              .code == 0);
  const auto ran =
      run_vcell(folder, stats + "--context-key context --split " + (folder / "split.toml") +
                            " --top 5 --prefix-plots --out " + (folder / "out"));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const fs::path out = folder.path() / "out";
  const auto genes = vcell::read_csv(out / "gene_statistics.csv");
  CHECK(genes.rows.size() == 30);
  CHECK(genes.rows[0][genes.column("scale")] == "counts");
  CHECK(vcell::read_csv(out / "gene_delta_top5.csv").rows.size() == 5);
  CHECK(vcell::read_csv(out / "gene_delta_all_sorted.csv").rows.size() == 30);
  const auto perturbations = vcell::read_csv(out / "perturbation_table.csv");
  CHECK(perturbations.rows.size() == 13);
  size_t cells = 0;
  for (const auto& row : perturbations.rows)
    for (const char* part : {"train", "validation", "test", "unused"})
      cells += std::stoul(row[perturbations.column(std::string("cells:") + part)]);
  CHECK(cells == 2 * 13 * 10);
  CHECK(vcell::read_csv(out / "guide_table.csv").rows.size() >= 13);
  const auto page = vcell::read_text(out / "statistics.html");
  CHECK_THAT(page,
             contains("Between batches") && contains("by chance alone") && contains("screen.h5ad"));
  if (page.find("No plot") == page.npos) {
    CHECK(fs::exists(out / "plots" / "screen_gene_mean_distribution.svg"));
    CHECK(vcell::read_text(out / "plots" / "screen_top5_delta_barh.png").substr(1, 3) == "PNG");
  }
  // The same bytes by one thread, and nothing is replaced unasked.
  const auto again = run_vcell(folder, stats + "--threads 1 --no-png --out " + (folder / "one"));
  REQUIRE(again.code == 0);
  CHECK(vcell::read_text(folder.path() / "one" / "gene_statistics.csv") ==
        vcell::read_text(out / "gene_statistics.csv"));
  const auto refused = run_vcell(folder, stats + "--out " + (folder / "one"));
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("is there already"));
  const auto wrong = run_vcell(folder, stats + "--control DMSO --out " + (folder / "two"));
  CHECK(wrong.code == 2);
  CHECK_THAT(wrong.err, contains("--control") || contains("DMSO"));
  CHECK_FALSE(fs::exists(folder.path() / "two"));
}
