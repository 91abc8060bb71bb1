// vcell evaluate with cell-eval's own command lines, and with what has no counterpart there.
#include <algorithm>
#include <cmath>
#include <set>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/json.hpp"
#include "vcell/io/number_text.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

/// A command line of cell-eval that made a part of the golden folder, for vcell: its files in that
/// folder, what it writes in another.
struct CellEvalCall {
  fs::path golden;
  std::string words;

  CellEvalCall(const fs::path& folder, const std::string& name) : golden(folder) {
    const auto meta = vcell::parse_json_object(vcell::read_text(folder / "meta.json"), "meta.json");
    words = meta.find("calls")->find(name)->text;
    const std::string run = "cell-eval run ";
    REQUIRE(words.starts_with(run));
    words = words.substr(run.size());
  }
  Ran run(const TemporaryFolder& folder, const std::string& out,
          const std::string& more = "") const {
    std::string line = words;
    const size_t at = line.find("-o tmp/");
    REQUIRE(at != line.npos);
    line.replace(at, line.find(' ', at + 3) - at, "-o '" + (folder.path() / out).string() + "'");
    return run_shell(folder, vcell::message("cd '", golden.string(), "' && '", VCELL_TEST_PROGRAM,
                                            "' evaluate ", line, ' ', more));
  }
};

std::set<std::string> files_in(const fs::path& folder) {
  std::set<std::string> out;
  for (const auto& entry : fs::directory_iterator(folder))
    out.insert(entry.path().filename().string());
  return out;
}

/// The columns of a table without one that is compared elsewhere.
std::vector<std::string> columns_of(const vcell::CsvTable& table) {
  auto out = table.header;
  std::erase(out, "clustering_agreement");
  return out;
}

void require_like(const fs::path& found, const fs::path& expected) {
  INFO(found.string());
  const auto a = vcell::read_csv(found), b = vcell::read_csv(expected);
  REQUIRE(columns_of(a) == columns_of(b));
  REQUIRE(a.rows.size() == b.rows.size());
  for (const auto& column : columns_of(b))
    for (size_t r = 0; r < b.rows.size(); ++r) {
      INFO(column << ", row " << r);
      const auto &x = a.rows[r][a.column(column)], &y = b.rows[r][b.column(column)];
      const auto number = vcell::parse_number(y);
      if (!number || std::isnan(*number))
        REQUIRE(x == y);
      else
        REQUIRE(std::abs(vcell::parse_number(x).value() - *number) <= 1e-6);
    }
}

vcell::Json record_in(const fs::path& folder) {
  return vcell::parse_json_object(vcell::read_text(folder / "scores.json"), "scores.json");
}

}  // namespace

TEST_CASE("evaluate: cell-eval's command lines give its files", "[program][golden]") {
  const auto golden = golden_folder("evaluation");
  if (!golden) VCELL_SKIP("golden folder evaluation is absent");
  const TemporaryFolder folder("cell_eval");
  const auto ran = CellEvalCall(*golden, "full").run(folder, "full", "--num-threads 2");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const auto full = folder.path() / "full";
  for (const char* table : {"results.csv", "agg_results.csv"})
    require_like(full / table, *golden / "full" / table);
  for (const char* table : {"real_de.csv", "pred_de.csv"}) REQUIRE(fs::exists(full / table));
  const auto record = record_in(full);
  REQUIRE(record.find("like")->text == "cell-eval-0.8");
  REQUIRE(record.find("profile")->text == "full");
  REQUIRE(record.find("epsilon")->text == "0.0");
  REQUIRE(record.find("means")->text == "geometric");
  REQUIRE(record.find("metrics")->items.size() + 1 ==
          vcell::read_csv(full / "results.csv").header.size());

  REQUIRE(CellEvalCall(*golden, "celltype").run(folder, "celltype").code == 0);
  for (const auto& entry : fs::directory_iterator(*golden / "celltype"))
    require_like(folder.path() / "celltype" / entry.path().filename(), entry.path());

  REQUIRE(CellEvalCall(*golden, "filtered").run(folder, "filtered").code == 0);
  for (const char* table : {"results.csv", "agg_results.csv"})
    require_like(folder.path() / "filtered" / table, *golden / "filtered" / table);
  // The filtered tables, as finished ones, give the same.
  const auto filtered = (folder.path() / "filtered").string();
  const auto again =
      CellEvalCall(*golden, "filtered")
          .run(folder, "again",
               " -dr '" + filtered + "/real_de.csv' -dp '" + filtered + "/pred_de.csv'");
  INFO(again.err);
  REQUIRE(vcell::read_text(folder.path() / "again" / "results.csv") ==
          vcell::read_text(folder.path() / "filtered" / "results.csv"));

  // Finished tables take the place of testing.
  const auto tables = " -dr '" + (*golden / "full" / "real_de.csv").string() + "' -dp '" +
                      (*golden / "full" / "pred_de.csv").string() + "'";
  const auto finished = CellEvalCall(*golden, "minimal").run(folder, "minimal", tables);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  for (const char* table : {"results.csv", "agg_results.csv"})
    require_like(folder.path() / "minimal" / table, *golden / "minimal" / table);

  const auto ceiling = CellEvalCall(*golden, "ceiling").run(folder, "ceiling");
  INFO(ceiling.err);
  REQUIRE(ceiling.code == 0);
  REQUIRE(files_in(folder.path() / "ceiling") ==
          std::set<std::string>{"ceiling_results.csv", "agg_ceiling_results.csv", "scores.json"});
  for (const char* table : {"ceiling_results.csv", "agg_ceiling_results.csv"})
    require_like(folder.path() / "ceiling" / table, *golden / "ceiling" / table);
  REQUIRE(record_in(folder.path() / "ceiling").find("seeds")->find("ceiling")->text == "3");
}

TEST_CASE("evaluate: counts by cell-eval's rules", "[program][golden]") {
  const auto golden = golden_folder("evaluation");
  if (!golden) VCELL_SKIP("golden folder evaluation is absent");
  const TemporaryFolder folder("cell_eval_counts");
  const auto meta = vcell::parse_json_object(vcell::read_text(*golden / "meta.json"), "meta.json");
  for (const std::string name : {"normlog", "discrete"}) {
    const auto ran = CellEvalCall(*golden, "counts_" + name)
                         .run(folder, name, "--profile minimal --skip-metrics pearson_delta");
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    const auto found = vcell::read_csv(folder.path() / name / "agg_results.csv"),
               expected = vcell::read_csv(*golden / "counts" / name / "agg_results.csv");
    REQUIRE(std::find(found.header.begin(), found.header.end(), "pearson_delta") ==
            found.header.end());
    for (const char* metric : {"mae", "mse", "overlap_at_N"})
      REQUIRE(std::stod(found.rows[2][found.column(metric)]) ==
              Approx(std::stod(expected.rows[2][expected.column(metric)])).epsilon(1e-5));
    const auto record = record_in(folder.path() / name);
    REQUIRE(record.find("scale")->text == (name == "discrete" ? "counts" : "log1p"));
    if (name == "normlog")
      REQUIRE(record.find("target_sum")->find("real")->text ==
              meta.find("counts_median_total")->find("real")->text);
  }
}

TEST_CASE("evaluate: an embedding for two of the metrics", "[program][golden]") {
  const auto golden = golden_folder("evaluation");
  if (!golden) VCELL_SKIP("golden folder evaluation is absent");
  const TemporaryFolder folder("embed_key");
  // An embedding that tells perturbations apart by their order, on both sides alike.
  for (const char* name : {"real.h5ad", "pred.h5ad"}) {
    auto adata = vcell::read_h5ad(*golden / name);
    const auto labels = vcell::factor(adata.obs.column("target_gene"));
    vcell::DenseMatrix<float> embedding{adata.cells(), 2, {}};
    for (const int32_t code : labels.codes) {
      embedding.values.push_back(float(code));
      embedding.values.push_back(1);
    }
    adata.obsm.insert_or_assign("X_mine", vcell::Value(vcell::Matrix(embedding)));
    vcell::write_h5ad(folder.path() / name, adata);
  }
  const std::string line = "evaluate -ap pred.h5ad -ar real.h5ad --profile pds -o ";
  const auto ran = run_vcell_in(folder, line + "with --embed-key X_mine");
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  REQUIRE(run_vcell_in(folder, line + "without").code == 0);
  const auto with = vcell::read_csv(folder.path() / "with" / "results.csv"),
             without = vcell::read_csv(folder.path() / "without" / "results.csv");
  for (size_t r = 0; r < with.rows.size(); ++r) {
    REQUIRE(with.rows[r][with.column("discrimination_score_l2")] == "1");
    REQUIRE(with.rows[r][with.column("discrimination_score_l1")] ==
            without.rows[r][without.column("discrimination_score_l1")]);
  }
  const auto none = run_vcell_in(folder, line + "none --embed-key X_mime");
  REQUIRE(none.code == 2);
  REQUIRE_THAT(none.err, contains("X_mime") && contains("X_mine"));
}

TEST_CASE("evaluate: ceilings between the levels of a column", "[program][golden]") {
  const auto golden = golden_folder("evaluation");
  if (!golden) VCELL_SKIP("golden folder evaluation is absent");
  const TemporaryFolder folder("ceiling_by");
  // Each perturbation has two guides; one has a single one.
  auto real = vcell::read_h5ad(*golden / "real.h5ad");
  const auto labels = real.obs.column("target_gene").text();
  std::string single;
  std::vector<std::string> guides;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (single.empty() && labels[i] != "non-targeting") single = labels[i];
    guides.push_back(labels[i] + (labels[i] != single && i % 2 ? " 2" : " 1"));
  }
  real.obs.set("guide", vcell::Column(vcell::Labels(guides)));
  vcell::write_h5ad(folder.path() / "real.h5ad", real);
  const std::string line = "evaluate -ar real.h5ad --profile minimal --ceiling-by guide -o ";
  const auto alone = run_vcell_in(folder, line + "alone");
  INFO(alone.err);
  REQUIRE(alone.code == 0);
  const std::set<std::string> tables = {"ceiling_by_results.csv", "agg_ceiling_by_results.csv",
                                        "ceiling_by_levels.csv", "scores.json"};
  REQUIRE(files_in(folder.path() / "alone") == tables);
  REQUIRE_THAT(alone.err, contains("Ceiling by 'guide'") && contains("'" + single + "'"));
  REQUIRE_THAT(alone.out, contains("by guide  pearson_delta"));
  const auto scores = vcell::read_csv(folder.path() / "alone" / "ceiling_by_results.csv");
  REQUIRE(scores.rows.size() + 2 == vcell::factor(labels).names.size());
  REQUIRE(vcell::read_csv(folder.path() / "alone" / "agg_ceiling_by_results.csv").rows.size() == 1);

  // Beside the scores of a prediction, and gone when those are replaced without it.
  const auto pred = " -ap '" + (*golden / "pred.h5ad").string() + "'";
  const auto both = run_vcell_in(folder, line + "both" + pred);
  INFO(both.err);
  REQUIRE(both.code == 0);
  for (const char* table :
       {"ceiling_by_results.csv", "agg_ceiling_by_results.csv", "ceiling_by_levels.csv"})
    REQUIRE(vcell::read_text(folder.path() / "both" / table) ==
            vcell::read_text(folder.path() / "alone" / table));
  REQUIRE_THAT(vcell::read_text(folder.path() / "both" / "warnings.csv"),
               contains("Ceiling by 'guide'"));
  REQUIRE_THAT(vcell::read_text(folder.path() / "both" / "report.html"),
               contains("<small>by guide</small>"));
  REQUIRE(
      run_vcell_in(folder, "evaluate -ar real.h5ad --profile minimal -o both --overwrite" + pred)
          .code == 0);
  REQUIRE_FALSE(fs::exists(folder.path() / "both" / "ceiling_by_levels.csv"));

  const auto none = run_vcell_in(folder, "evaluate -ar real.h5ad --ceiling-by guid -o none");
  REQUIRE(none.code == 2);
  REQUIRE_THAT(none.err, contains("--ceiling-by 'guid': no such column") && contains("'guide'"));
}

TEST_CASE("evaluate: what does not fit is said", "[program][golden]") {
  const auto golden = golden_folder("evaluation");
  if (!golden) VCELL_SKIP("golden folder evaluation is absent");
  const TemporaryFolder folder("evaluate_errors");
  const std::string real = "'" + (*golden / "real.h5ad").string() + "'",
                    pred = "'" + (*golden / "pred.h5ad").string() + "'",
                    out = " -o " + (folder / "out"), both = "evaluate -ar " + real + " -ap " + pred;
  const auto fails = [&](const std::string& words, std::initializer_list<const char*> texts) {
    const auto ran = run_vcell(folder, words + out);
    INFO(words);
    INFO(ran.err);
    CHECK(ran.code == 2);
    for (const char* text : texts) CHECK_THAT(ran.err, contains(text));
    CHECK_FALSE(fs::exists(folder.path() / "out"));
  };
  fails("evaluate -ar " + real, {"--pred is required", "--ceiling"});
  fails(both + " --skip-metrics maee", {"--skip-metrics", "'maee'", "did you mean 'mae'"});
  fails(both + " --profile vcc --skip-metrics mae,overlap_at_N,discrimination_score_l1",
        {"--skip-metrics", "leaves no metric"});
  fails(both + " --more-metrics pdisk", {"--more-metrics", "'pdisk'", "'pdisc'"});
  fails(both + " --profile ful", {"'ful'", "did you mean 'full'"});
  fails(both + " --pert-col celltype", {"non-targeting"});
  fails(both + " --like cell-eval-1", {"--like", "'cell-eval-0.8'"});
  fails(both + " --celltype-col a --context-key b", {"--celltype-col", "--context-key"});
  fails(both + " --celltype-col celltype -dr " + real, {"--de-real", "one context"});
  fails(both + " --ceiling-seed x --ceiling", {"--ceiling-seed"});
  fails("evaluate -ar " + real + " --ceiling -dr x", {"--de-real"});

  // As argparse, the last of a flag that comes twice counts; of vcell's own words it is an error.
  const auto twice =
      run_vcell_in(folder, "evaluate -ar none.h5ad --adata-pred=none.h5ad -ap " + pred + " -ar " +
                               real + " --profile full --profile=pds -o none -o twice");
  INFO(twice.err);
  REQUIRE(twice.code == 0);
  CHECK_FALSE(fs::exists(folder.path() / "none"));
  CHECK(vcell::read_csv(folder.path() / "twice" / "results.csv").header.size() == 4);
  const auto kept = run_vcell_in(folder, "evaluate -ar " + real + " -ap " + pred + " -o twice");
  CHECK(kept.code == 2);
  CHECK_THAT(kept.err, contains("twice") && contains("--overwrite"));
  fails("evaluate --real a --real " + real + " --pred " + pred, {"--real"});

  // Metrics beside the profile's, and the defaults of vcell's own flags.
  const auto ran = run_vcell(folder, "evaluate --real " + real + " --pred " + pred +
                                         " --perturbation-key target_gene --scale log1p "
                                         "--more-metrics spearman_delta,pdisc,de_score --out " +
                                         (folder / "own"));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  const auto table = vcell::read_csv(folder.path() / "own" / "results.csv");
  REQUIRE(table.header == std::vector<std::string>{"perturbation", "overlap_at_N", "mae",
                                                   "discrimination_score_l1", "pearson_delta",
                                                   "mae_delta", "edistance", "spearman_delta",
                                                   "pdisc", "de_score"});
  REQUIRE_FALSE(record_in(folder.path() / "own").find("like"));
}
