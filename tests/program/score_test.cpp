// vcell score and vcell prep, as they are typed, on the goldens of the challenge.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/json.hpp"
#include "vcell/io/number_text.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

/// The number of a row, which its first field names, and a column of a table.
double number_in_table(const std::string& file, const std::string& row, const std::string& column) {
  const auto table = vcell::read_csv(file);
  for (const auto& fields : table.rows)
    if (fields[0] == row) return vcell::parse_number(fields[table.column(column)]).value_or(NAN);
  FAIL("there is no row " << row << " in " << file);
  return NAN;
}

/// A number of a JSON file, by its keys.
double number_in_json(const std::string& file, const std::vector<std::string>& keys) {
  const auto json = vcell::parse_json_object(vcell::read_text(file), file);
  const vcell::Json* at = &json;
  for (const auto& key : keys) {
    at = at->find(key);
    REQUIRE(at);
  }
  return vcell::parse_number(at->text).value();
}

/// The cells of a file n times, each time in another context, "c0", "c1", ...
/// @param without  a label whose cells are left out
vcell::AnnData in_contexts(const fs::path& file, size_t n, const std::string& without = "") {
  const auto cells = vcell::read_h5ad(file);
  const auto labels = cells.obs.column("target_gene").text();
  std::vector<size_t> rows;
  std::vector<std::string> names, contexts;
  for (size_t context = 0; context < n; ++context)
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == without) continue;
      rows.push_back(i);
      contexts.push_back(vcell::message('c', context));
      names.push_back(vcell::message(cells.obs.index[i], '_', context));
    }
  vcell::AnnData out;
  out.obs = cells.obs.select_rows(rows);
  out.obs.index = names;
  out.obs.set("context", contexts);
  out.var.index = cells.var.index;
  out.X = vcell::select_rows(*cells.X, rows);
  return out;
}

/// Writes the genes and the panel that make cells of in_contexts a submission.
void write_lists(const TemporaryFolder& folder, const vcell::AnnData& cells) {
  std::string genes;
  for (const auto& gene : cells.var.index) genes += gene + '\n';
  vcell::write_text(folder / "genes.csv", genes);
  const auto labels = vcell::factor(cells.obs.column("target_gene"));
  const auto contexts = vcell::factor(cells.obs.column("context"));
  vcell::CsvTable panel{{"target_gene", "n_cells"}, {}};
  for (size_t i = 0; i < labels.names.size(); ++i) {
    const auto n = std::count(labels.codes.begin(), labels.codes.end(), int32_t(i));
    panel.rows.push_back({labels.names[i], vcell::message(size_t(n) / contexts.names.size())});
  }
  vcell::write_csv(folder / "panel.csv", panel);
}

}  // namespace

TEST_CASE("score: contexts of 2026, a pair of files each", "[program][golden]") {
  const auto golden = golden_folder("challenge");
  if (!golden) VCELL_SKIP("no folder challenge");
  const TemporaryFolder folder("score");
  const auto at = *golden / "2026";
  std::string words = "score --rules vcc2026 --quiet --out '" + (folder / "out") + "'";
  for (const std::string context : {"A", "B", "C"})
    words += " --real '" + (at / context / "real.h5ad").string() + "' --pred '" +
             (at / context / "pred.h5ad").string() + "' --context " + context;
  const auto ran = run_vcell(folder, words);
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const std::string table = folder / "out/final_score.csv";
  for (const std::string context : {"A", "B", "C", "final"}) {
    INFO(context);
    CHECK(number_in_table(table, context, "avg_score") ==
          Approx(number_in_json((at / "final.json").string(), {context})).epsilon(1e-9));
  }
  // The tables of a context are those of the peer, row by row.
  const fs::path out = folder.path() / "out";
  for (const std::string file : {"score.csv", "replicate_agg.csv"}) {
    const auto found = vcell::read_csv(out / ("B_" + file)),
               expected = vcell::read_csv(at / "B" / file);
    CHECK(found.header == expected.header);
    for (const auto& row : expected.rows) {
      if (row[0] == "expr_real_mass_ratio") continue;  // a figure without a formula
      for (size_t c = 1; c < expected.header.size(); ++c) {
        INFO(file << ", " << row[0] << ", " << expected.header[c]);
        const auto number = vcell::parse_number(row[c]);
        if (!number) continue;
        CHECK(number_in_table((out / ("B_" + file)).string(), row[0], expected.header[c]) ==
              Approx(*number).epsilon(1e-9).margin(1e-12));
      }
    }
  }
  for (const auto& [found, expected] : {std::pair("B_agg_results.csv", "agg_results.csv"),
                                        {"B_baseline_agg.csv", "baseline_agg.csv"}}) {
    const auto wanted = vcell::read_csv(at / "B" / expected);
    for (const auto& row : wanted.rows)
      for (size_t c = 1; c < wanted.header.size(); ++c) {
        if (wanted.header[c] == "expr_real_mass_ratio") continue;
        INFO(expected << ", " << row[0] << ", " << wanted.header[c]);
        const double number = vcell::parse_number(row[c]).value(),
                     here = number_in_table((out / found).string(), row[0], wanted.header[c]);
        if (std::isnan(number))
          CHECK(std::isnan(here));
        else
          CHECK(here == Approx(number).epsilon(1e-9).margin(1e-12));
      }
  }
  const auto record =
      vcell::parse_json_object(vcell::read_text(out / "scores.json"), "scores.json");
  CHECK(record.find("rules")->text == "vcc2026");
  CHECK(record.find("metrics")->items.size() == 6);
  const auto info = vcell::parse_json_object(vcell::read_text(at / "A/info.json"), "info.json");
  CHECK(record.find("seeds")->find("split 4")->text == info.find("seeds")->items[4].text);

  const auto again = run_vcell(folder, words);
  CHECK(again.code == 2);
  CHECK_THAT(again.err, contains("--overwrite"));
}

TEST_CASE("score: several contexts in one pair, the prediction a container that prep made",
          "[program][golden]") {
  const auto golden = golden_folder("challenge");
  if (!golden) VCELL_SKIP("no folder challenge");
  const TemporaryFolder folder("score");
  const auto at = *golden / "2026";
  vcell::write_h5ad(folder / "real.h5ad", in_contexts(at / "A/real.h5ad", 2));
  const auto predicted = in_contexts(at / "A/pred.h5ad", 2, "non-targeting");
  vcell::write_h5ad(folder / "pred.h5ad", predicted);
  write_lists(folder, predicted);
  const auto packed =
      run_vcell_in(folder,
                   "prep --rules vcc2026 --data pred.h5ad --genes genes.csv --panel "
                   "panel.csv --expected-genes any --out pred.vcc");
  INFO(packed.err);
  REQUIRE(packed.code == 0);
  CHECK(packed.out == "pred.vcc\n");
  const auto ran = run_vcell_in(folder,
                                "score --rules vcc2026 --real real.h5ad --pred pred.vcc "
                                "--context-key context --out out");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  for (const std::string context : {"c0", "c1", "final"})
    CHECK(number_in_table(folder / "out/final_score.csv", context, "avg_score") ==
          Approx(number_in_json((at / "final.json").string(), {"A"})).epsilon(1e-9));
  CHECK(fs::exists(folder / "out/c1_replicate_splits.csv"));
  for (const auto& entry : fs::directory_iterator(folder / "out"))
    CHECK(entry.path().string().find("partial") == std::string::npos);
}

TEST_CASE("score: 2025, and two tables", "[program][golden]") {
  const auto golden = golden_folder("challenge");
  if (!golden) VCELL_SKIP("no folder challenge");
  const TemporaryFolder folder("score");
  const auto at = *golden / "2025";
  const auto ran =
      run_vcell(folder, "score --rules vcc2025 --scale log1p --real '" +
                            (at / "real.h5ad").string() + "' --pred '" +
                            (at / "pred.h5ad").string() + "' --out '" + (folder / "out") + "'");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const auto expected = vcell::read_csv(at / "score.csv");
  for (const auto& row : expected.rows)
    CHECK(number_in_table(folder / "out/score.csv", row[0], "from_baseline") ==
          Approx(vcell::parse_number(row[1]).value()).margin(1e-6));
  for (const char* file : {"results.csv", "real_de.csv", "pred_de.csv", "baseline_results.csv",
                           "baseline_mean.csv", "scores.json"})
    CHECK(fs::exists(folder.path() / "out" / file));
  const auto tables = run_vcell_in(folder,
                                   "score -i out/agg_results.csv -I out/baseline_agg_results.csv "
                                   "-o again.csv");
  INFO(tables.err);
  REQUIRE(tables.code == 0);
  CHECK(vcell::read_text(folder / "again.csv") == vcell::read_text(folder / "out/score.csv"));
  const auto weighted = run_vcell_in(
      folder,
      "score --user-input out/agg_results.csv --base-input out/baseline_agg_results.csv --output "
      "new/weighted.csv --weight discrimination_score_l1=3 --threshold overlap_at_N=0.5");
  INFO(weighted.err);
  REQUIRE(weighted.code == 0);
  const std::string table = folder / "new/weighted.csv";
  CHECK(number_in_table(table, "overlap_at_N", "from_baseline") == 0);
  CHECK(number_in_table(table, "avg_score", "from_baseline") ==
        Approx(3 * number_in_table(table, "discrimination_score_l1", "from_baseline") / 5));
}

TEST_CASE("score, prep: what makes no sense is refused in one message", "[program][golden]") {
  const auto golden = golden_folder("challenge");
  if (!golden) VCELL_SKIP("no folder challenge");
  const TemporaryFolder folder("score");
  const auto at = *golden / "2026/A";
  fs::create_symlink(at / "real.h5ad", folder / "real.h5ad");
  fs::create_symlink(at / "pred.h5ad", folder / "pred.h5ad");
  fs::create_symlink(*golden / "2025/real.h5ad", folder / "log1p.h5ad");
  write_lists(folder, in_contexts(at / "pred.h5ad", 1));
  struct Case {
    std::string words;
    std::vector<std::string> said;
  };
  const std::string pair = " --real real.h5ad --pred pred.h5ad --out out",
                    lists = " --data pred.h5ad --genes genes.csv --out a.vcc";
  const Case cases[] = {
      {"score", {"--user-input", "--rules"}},
      {"score --rules vcc2024" + pair, {"--rules is 'vcc2024'", "vcc2025"}},
      {"score --rules vcc2026 --real real.h5ad --out out", {"--pred"}},
      {"score --rules vcc2026 --real real.h5ad" + pair, {"2 --real and 1 --pred"}},
      {"score --rules vcc2026 --weight mae=1" + pair, {"'--weight'", "vcc2026"}},
      {"score --rules vcc2026 --context a --context b" + pair, {"--context"}},
      {"score --rules vcc2026 --context-key batch" + pair, {"'batch'"}},
      {"score --rules vcc2026 --control ctrl" + pair, {"'ctrl'"}},
      {"score --rules vcc2026 --real real.h5ad --pred log1p.h5ad --out out",
       {"predicted cells", "no counts", "cells: "}},
      {"score --rules vcc2025 --context-key context" + pair, {"'--context-key'", "vcc2025"}},
      {"score -i a.csv -I b.csv -o c.csv --weight mae", {"METRIC=NUMBER"}},
      {"prep --rules vcc2026 --expected-genes any" + lists, {"--panel"}},
      {"prep --rules vcc2026 --expected-genes 0 --panel panel.csv" + lists, {"--expected-genes"}},
      {"prep --rules vcc2026 --panel panel.csv" + lists, {"160 genes", "18533"}},
      {"prep --rules vcc2026 --panel panel.csv --expected-genes any" + lists, {"'context'"}},
      {"prep --rules vcc2026 --panel panel.csv --expected-genes any --context-key target_gene" +
           lists,
       {"'non-targeting', the control", "cells: "}},
      {"prep --rules vcc2025 --panel panel.csv" + lists, {"'--panel'", "vcc2025"}},
      {"prep --rules vcc2025 --expected-genes any --max-cells 10" + lists, {"at most 10"}},
  };
  for (const Case& c : cases) {
    INFO(c.words);
    const auto ran = run_vcell_in(folder, c.words);
    CHECK(ran.code == 2);
    for (const auto& text : c.said) CHECK_THAT(ran.err, contains(text));
    CHECK(!fs::exists(folder / "out"));
    CHECK(!fs::exists(folder / "a.vcc"));
  }
}

TEST_CASE("score, prep: a request to end is heard", "[program][golden]") {
  const auto golden = golden_folder("challenge");
  if (!golden) VCELL_SKIP("no folder challenge");
  const TemporaryFolder folder("score");
  const auto at = *golden / "2026/A";
  vcell::write_h5ad(folder / "real.h5ad", in_contexts(at / "real.h5ad", 20));
  const auto predicted = in_contexts(at / "pred.h5ad", 20, "non-targeting");
  vcell::write_h5ad(folder / "pred.h5ad", predicted);
  const auto scored = interrupt_vcell(
      folder,
      "score --rules vcc2026 --context-key context --real '" + (folder / "real.h5ad") +
          "' --pred '" + (folder / "pred.h5ad") + "' --out '" + (folder / "out") + "'",
      folder / "stderr", 12);
  CHECK(scored.code == 130);
  CHECK_THAT(scored.err, contains("stopped on request"));
  CHECK(!fs::exists(folder / "out"));
}
