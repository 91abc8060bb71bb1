#include <cmath>
#include <fstream>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/models/baselines.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"
#include "vcell/simulate/simulate_screen.hpp"

using namespace vcell_test;

namespace {

/// A screen of counts in a file.
std::string baseline_screen(const TemporaryFolder& folder) {
  const auto simulated = vcell::simulate_screen({.seed = 5,
                                                 .genes = 40,
                                                 .contexts = 2,
                                                 .perturbations = 5,
                                                 .cells_per_perturbation = 12,
                                                 .control_cells = 30});
  vcell::write_h5ad(folder / "screen.h5ad", simulated.screen);
  return " --data " + (folder / "screen.h5ad");
}

}  // namespace

TEST_CASE("baseline: every one makes cells that evaluate takes", "[program]") {
  const TemporaryFolder folder("baseline");
  const std::string data = baseline_screen(folder);
  for (const auto name : vcell::baseline_names) {
    INFO(name);
    const std::string out = folder / (std::string(name) + ".h5ad");
    const auto made = run_vcell(
        folder, vcell::message("baseline ", name, data, " --context-key context --out ", out));
    REQUIRE(made.code == 0);
    CHECK(made.out == out + "\n");
    const auto scored = run_vcell(
        folder, vcell::message("evaluate --real ", folder / "screen.h5ad", " --pred ", out,
                               " --context-key context --out ", folder / std::string(name)));
    INFO(scored.err);
    REQUIRE(scored.code == 0);
  }
  // The same bytes for any number of threads.
  const auto again =
      run_vcell(folder, "baseline mean_response" + data +
                            " --context-key context --threads 1 --out " + (folder / "again.h5ad"));
  REQUIRE(again.code == 0);
  CHECK(vcell::read_h5ad(folder / "again.h5ad").obs.index ==
        vcell::read_h5ad(folder / "mean_response.h5ad").obs.index);
  CHECK(vcell::to_csr<float>(*vcell::read_h5ad(folder / "again.h5ad").X) ==
        vcell::to_csr<float>(*vcell::read_h5ad(folder / "mean_response.h5ad").X));
}

TEST_CASE("baseline: --as-delta, --counts and --de", "[program]") {
  const TemporaryFolder folder("baseline_flags");
  const std::string data = baseline_screen(folder);
  const auto cells = [&](const std::string& flags) {
    const std::string out = folder / "made.h5ad";
    const auto ran = run_vcell(folder, "baseline " + flags + data + " --overwrite --out " + out);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    return vcell::to_csr<float>(*vcell::read_h5ad(out).X);
  };
  const auto constant = cells("mean_of_perturbation_means");
  CHECK(constant.row_values(0).size() == constant.row_values(1).size());
  CHECK(std::ranges::equal(constant.row_values(0), constant.row_values(1)));
  const auto moved = cells("mean_of_perturbation_means --as-delta");
  CHECK(moved == cells("context_mean"));
  CHECK_FALSE(std::ranges::equal(moved.row_values(0), moved.row_values(1)));
  CHECK(moved != cells("context_mean --seed 7"));
  const auto is_large = [](float x) { return x > 30; };
  const auto log1p = cells("mean_response"), counts = cells("mean_response --counts");
  CHECK(std::none_of(log1p.values.begin(), log1p.values.end(), is_large));
  CHECK(std::any_of(counts.values.begin(), counts.values.end(), is_large));

  const auto ran = run_vcell(folder, "baseline mean_of_perturbation_means" + data + " --out " +
                                         (folder / "with.h5ad") + " --de " + (folder / "de.csv"));
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.out, contains("with.h5ad") && contains("de.csv"));
  const auto table = vcell::read_csv(folder / "de.csv");
  CHECK(table.header.front() == "target");
  CHECK(table.rows.size() == 5 * 40);

  // Of contexts, a table each: those that evaluate has of the same cells.
  const std::string by_context = " --context-key context";
  REQUIRE(run_vcell(folder, "baseline perturbation_mean" + data + by_context + " --out " +
                                (folder / "each.h5ad") + " --de " + (folder / "each.csv"))
              .code == 0);
  const auto scored =
      run_vcell(folder, "evaluate --real " + (folder / "screen.h5ad") + " --pred " +
                            (folder / "each.h5ad") + by_context + " --out " + (folder / "scores"));
  INFO(scored.err);
  REQUIRE(scored.code == 0);
  for (const std::string context : {"context_1", "context_2"}) {
    const auto own = vcell::read_text(folder / (context + "_each.csv"));
    CHECK(own == vcell::read_text(folder.path() / "scores" / (context + "_pred_de.csv")));
  }
  const auto again =
      run_vcell(folder, "baseline perturbation_mean" + data + by_context + " --out " +
                            (folder / "more.h5ad") + " --de " + (folder / "each.csv"));
  CHECK(again.code == 2);
  CHECK_THAT(again.err,
             contains("context_1_each.csv") && contains("another --de") && contains("--overwrite"));

  // Counts with fractions say that they are such, and are normalised like others.
  REQUIRE(run_vcell(folder, "baseline mean_response --counts" + data + by_context + " --out " +
                                (folder / "counts.h5ad"))
              .code == 0);
  const auto taken = run_vcell(folder, "evaluate --real " + (folder / "screen.h5ad") + " --pred " +
                                           (folder / "counts.h5ad") + by_context + " --out " +
                                           (folder / "scores_of_counts"));
  INFO(taken.err);
  CHECK(taken.code == 0);
}

TEST_CASE("baseline: the flags of cell-eval's baseline", "[program][golden]") {
  const auto golden = golden_folder("evaluation");
  if (!golden) VCELL_SKIP("golden folder evaluation is absent");
  const TemporaryFolder folder("cell_eval_baseline");
  const std::string real = "'" + (*golden / "real.h5ad").string() + "'";
  // As argparse, the last of a flag that comes twice counts.
  const auto ran = run_vcell_in(folder, "baseline -a none.h5ad --adata=" + real +
                                            " -o other.h5ad --output-path a.h5ad -O a.csv -t 1 "
                                            "--control-pert non-targeting");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK_FALSE(std::filesystem::exists(folder / "other.h5ad"));
  const auto made = vcell::read_h5ad(folder / "a.h5ad");
  const auto cell = vcell::read_csv(*golden / "baseline" / "mean.csv");
  REQUIRE(cell.rows.size() == made.genes());
  const auto X = vcell::to_dense<float>(*made.X);
  for (size_t g = 0; g < made.genes(); ++g) {
    const double mean = std::stod(cell.rows[g][cell.column("mean")]);
    CHECK(double(X.row(0)[g]) == Approx(mean).epsilon(5e-6));
  }
  const auto expected = vcell::read_csv(*golden / "baseline" / "baseline_de_2targets.csv"),
             found = vcell::read_csv(folder / "a.csv");
  REQUIRE(found.header == expected.header);
  size_t at = 0;
  for (const auto& row : expected.rows) {
    while (at < found.rows.size() && (found.rows[at][0] != row[0] || found.rows[at][1] != row[1]))
      ++at;
    REQUIRE(at < found.rows.size());
    for (const char* column : {"p_value", "fdr"})
      CHECK(std::stod(found.rows[at][found.column(column)]) ==
            Approx(std::stod(row[expected.column(column)])).epsilon(1e-4));
  }

  // Its defaults: files in the working folder, and the table unless it is skipped.
  REQUIRE(run_vcell_in(folder, "baseline -a " + real).code == 0);
  CHECK(vcell::read_text(folder / "baseline_de.csv") == vcell::read_text(folder / "a.csv"));
  CHECK(std::filesystem::exists(folder / "baseline.h5ad"));
  const auto again = run_vcell_in(folder, "baseline -a " + real);
  CHECK(again.code == 2);
  CHECK_THAT(again.err, contains("baseline.h5ad") && contains("--overwrite"));
  REQUIRE(run_vcell_in(folder, "baseline control_copy --skip-de -a " + real + " -o c.h5ad").code ==
          0);
}

TEST_CASE("baseline: that of the challenge of 2025 is nothing by the challenge's rules",
          "[program]") {
  const TemporaryFolder folder("baseline_score");
  auto cells = vcell::simulate_screen(
                   {.seed = 6, .genes = 60, .contexts = 1, .perturbations = 6, .control_cells = 40})
                   .screen;
  vcell::write_h5ad(folder / "counts.h5ad", cells);
  vcell::normalize_to_log1p(cells);
  vcell::write_h5ad(folder / "real.h5ad", cells);
  const std::string key = " --perturbation-key perturbation --out ";
  REQUIRE(run_vcell(folder, "baseline mean_of_perturbation_means --data " + (folder / "real.h5ad") +
                                key + (folder / "made.h5ad"))
              .code == 0);
  const auto scored =
      run_vcell(folder, "score --rules vcc2025 --real " + (folder / "real.h5ad") + " --pred " +
                            (folder / "made.h5ad") + key + (folder / "scores"));
  INFO(scored.err);
  REQUIRE(scored.code == 0);
  const auto table = vcell::read_csv(folder.path() / "scores" / "score.csv");
  REQUIRE(table.rows.size() > 3);
  for (const auto& row : table.rows) CHECK(std::abs(vcell::parse_number(row[1]).value()) < 1e-6);

  // Counts with fractions are no submission.
  REQUIRE(run_vcell(folder, "baseline mean_response --counts --data " + (folder / "counts.h5ad") +
                                key + (folder / "fractions.h5ad"))
              .code == 0);
  const auto refused =
      run_vcell(folder, "score --rules vcc2026 --real " + (folder / "counts.h5ad") + " --pred " +
                            (folder / "fractions.h5ad") + key + (folder / "scores2026"));
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, contains("fractional"));
}

TEST_CASE("baseline: what it refuses", "[program]") {
  const TemporaryFolder folder("baseline_errors");
  const std::string data = baseline_screen(folder), out = " --out " + (folder / "made.h5ad");
  struct Case {
    std::string words;
    std::vector<std::string> said;
  };
  const Case cases[] = {
      {"baseline" + data + out, {"name"}},
      {"baseline mean" + data + out, {"'mean'", "'mean_response'"}},
      {"baseline control_copy --as-delta" + data + out, {"--as-delta", "control_copy"}},
      {"baseline context_mean --counts" + data + out, {"--counts", "mean_response"}},
      {"baseline mean_response --counts --de x.csv" + data + out, {"--de", "--counts"}},
      {"baseline context_mean --like me" + data + out, {"--like", "'cell-eval-0.8'"}},
      {"baseline context_mean --control none" + data + out, {"'none'"}},
      {"baseline context_mean --out x.h5ad", {"--data"}},
  };
  for (const auto& c : cases) {
    INFO(c.words);
    const auto ran = run_vcell(folder, c.words);
    CHECK(ran.code == 2);
    for (const auto& text : c.said) {
      INFO(ran.err);
      CHECK(ran.err.find(text) != std::string::npos);
    }
  }
  CHECK_FALSE(std::filesystem::exists(folder / "made.h5ad"));
  REQUIRE(run_vcell(folder, "baseline control_copy" + data + out).code == 0);
  const auto again = run_vcell(folder, "baseline control_copy" + data + out);
  CHECK(again.code == 2);
  CHECK_THAT(again.err, contains("made.h5ad") && contains("--overwrite"));
}
