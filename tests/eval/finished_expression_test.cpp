#include "vcell/eval/finished_expression.hpp"

#include <map>
#include <set>

#include "same_expression.hpp"
#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell_test;

namespace {

DifferentialExpression measured(const DifferentialExpressionOptions& options = {}) {
  const auto X = random_cells(90, 12, 0.4, 7, 3);
  return differential_expression(X.view(), numbered("g", 12),
                                 by_turns({"ctrl", "A", "B", "ctrl", "C,\"D"}, 90), "ctrl",
                                 options);
}

DifferentialExpression filtered() {
  const auto de = measured({.least_ref_mean = 0.75});
  size_t kept = 0;
  for (const uint8_t k : de.is_kept.values()) kept += k;
  REQUIRE(kept > 3);
  REQUIRE(kept < de.is_kept.count() - 3);
  return de;
}

/// The rows that a table has are those of another, and it has no others.
void require_rows(const DifferentialExpression& a, const DifferentialExpression& b) {
  REQUIRE(a.targets == b.targets);
  REQUIRE(a.features == b.features);
  REQUIRE(a.target_membership == b.target_membership);
  for (size_t t = 0; t < a.targets.size(); ++t)
    for (size_t g = 0; g < a.features.size(); ++g) {
      REQUIRE(a.has_row(t, g) == b.has_row(t, g));
      if (!a.has_row(t, g)) {
        REQUIRE(std::isnan(a.fdr(t, g)));
        continue;
      }
      const auto same = [&](const auto& x, const auto& y) { REQUIRE(x(t, g) == y(t, g)); };
      for_each_column(same, a, b);
      REQUIRE(a.reference_mean(t, g) == b.reference_mean(t, g));
    }
}

constexpr ExpressionMemory one_target = {.kept_bytes = 0, .block_bytes = 1};

}  // namespace

TEST_CASE("finished_expression: what was written comes back, in any order", "[eval]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "de.csv";
  for (const auto& de : {measured(), filtered()}) {
    write_differential_expression(path, de);
    for (const ExpressionMemory& memory : {ExpressionMemory{}, one_target}) {
      const auto table = finished_expression(path, de.targets, de.features, {.memory = memory});
      REQUIRE(table.is_kept() == (memory.kept_bytes > 0));
      require_rows(*table.whole(), de);
      const std::vector<std::string> targets = {"C,\"D", "A", "B"};
      auto genes = de.features;
      std::reverse(genes.begin(), genes.end());
      const auto turned = finished_expression(path, targets, genes, {.memory = memory}).whole();
      REQUIRE(turned->targets == targets);
      for (size_t g = 0; g < genes.size(); ++g) {
        REQUIRE(turned->has_row(1, g) == de.has_row(0, 11 - g));
        if (turned->has_row(1, g)) REQUIRE(turned->p_value(1, g) == de.p_value(0, 11 - g));
        if (turned->has_row(0, g)) REQUIRE(turned->fdr(0, g) == de.fdr(2, 11 - g));
      }
    }
  }
}

TEST_CASE("finished_expression: filtered tables are read in blocks as at once", "[eval]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "de.csv";
  write_differential_expression(path, filtered());
  const auto kept = read_differential_expression(path);
  const auto blocks = read_differential_expression(path, one_target);
  REQUIRE(kept.is_kept());
  REQUIRE_FALSE(blocks.is_kept());
  REQUIRE(same_expression(*kept.whole(), *blocks.whole()));
  write_differential_expression(folder.path() / "again.csv", blocks);
  REQUIRE(read_text(folder.path() / "again.csv") == read_text(path));
}

TEST_CASE("finished_expression: tables of other programs", "[eval]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "de.csv";
  const std::vector<std::string> targets = {"A", "B"}, genes = {"g0", "g1", "g2"};
  write_text(path,
             "feature,fold_change,p_adj,target\n"
             "g1,4,0.5,B\ng0,0,1,B\ng2,0.25,0.01,A\n");
  const auto de = finished_expression(path, targets, genes).whole();
  REQUIRE(de->log2_fold_change(1, 1) == 2);
  REQUIRE(de->log2_fold_change(0, 2) == -2);
  REQUIRE(de->log2_fold_change(1, 0) == -std::numeric_limits<double>::infinity());
  REQUIRE(de->fdr(0, 2) == 0.01);
  REQUIRE(std::isnan(de->p_value(0, 2)));
  REQUIRE_FALSE(de->has_row(0, 0));
  REQUIRE_FALSE(de->has_row(1, 2));
  REQUIRE(de->target_membership == std::vector<size_t>{0, 0});
  write_text(path, "feature,target,fdr\ng1,A,1\n");
  check_error<FormatError>([&] { finished_expression(path, targets, genes); },
                           {"log2_fold_change"});
}

TEST_CASE("finished_expression: the old columns of pdex come back", "[eval]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "de.csv";
  const auto de = measured({.zero_means = ZeroMeans::clip});
  write_differential_expression(path, de, expression_view("pdex-0.1.27"));
  const auto table = finished_expression(path, de.targets, de.features).whole();
  for (size_t t = 0; t < de.targets.size(); ++t)
    for (size_t g = 0; g < de.features.size(); ++g) {
      REQUIRE(table->p_value(t, g) == de.p_value(t, g));
      REQUIRE(table->log2_fold_change(t, g) ==
              Approx(de.log2_fold_change(t, g)).epsilon(1e-13).margin(1e-13));
      REQUIRE(table->reference_mean(t, g) == de.reference_mean(t, g));
    }
}

TEST_CASE("finished_expression: tables of cell-eval, old and new, and of cell-eval2",
          "[eval][golden]") {
  std::vector<std::filesystem::path> files;
  if (const auto folder = golden_folder("evaluation"))
    files.push_back(*folder / "full" / "real_de.csv");
  if (const auto folder = golden_folder("challenge")) {
    files.push_back(*folder / "2025" / "real_de.csv");
    files.push_back(*folder / "2026" / "A" / "real_de.csv");
  }
  if (files.empty()) VCELL_SKIP("golden folders evaluation and challenge are absent");
  for (const auto& file : files) {
    INFO(file.string());
    const CsvTable csv = read_csv(file);
    const size_t target = csv.column("target"), feature = csv.column("feature");
    std::set<std::string> targets, genes;
    std::map<std::pair<std::string, std::string>, const std::vector<std::string>*> rows;
    for (const auto& row : csv.rows) {
      targets.insert(row[target]);
      genes.insert(row[feature]);
      rows[{row[target], row[feature]}] = &row;
    }
    const std::vector<std::string> wanted(targets.begin(), targets.end()),
        all(genes.begin(), genes.end());
    const auto has = [&](const char* name) {
      return std::find(csv.header.begin(), csv.header.end(), name) != csv.header.end();
    };
    const auto de = finished_expression(file, wanted, all).whole();
    size_t found = 0;
    for (size_t t = 0; t < wanted.size(); ++t)
      for (size_t g = 0; g < all.size(); ++g) {
        const auto row = rows.find({wanted[t], all[g]});
        REQUIRE(de->has_row(t, g) == (row != rows.end()));
        if (row == rows.end()) continue;
        ++found;
        const auto number = [&](const char* name) {
          return parse_number((*row->second)[csv.column(name)]).value();
        };
        REQUIRE(de->p_value(t, g) == number("p_value"));
        REQUIRE(de->fdr(t, g) == number(has("fdr") ? "fdr" : "p_adj"));
        REQUIRE(de->log2_fold_change(t, g) == (has("log2_fold_change")
                                                   ? number("log2_fold_change")
                                                   : std::log2(number("fold_change"))));
      }
    REQUIRE(found == csv.rows.size());
  }
}

TEST_CASE("finished_expression: what differs is listed", "[eval]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "de.csv";
  const auto de = measured();
  write_differential_expression(path, de);
  auto genes = de.features;
  genes.pop_back();
  const std::vector<std::string> targets = {"A", "X"};
  check_error<ConfigError>([&] { finished_expression(path, targets, genes); },
                           {"de.csv", "without a row (1): 'X'", "no perturbation of the cells (2)",
                            "'B'", "no gene of the cells (1): 'g11'"});
  const std::vector<std::string> some = {"B"};
  const auto table = finished_expression(path, some, de.features, {.subset = true});
  REQUIRE(table.targets() == some);
  REQUIRE(table.whole()->p_value(0, 3) == de.p_value(1, 3));
  genes = de.features;
  genes.push_back("new");  // a gene without any row: a filter took it out
  REQUIRE_FALSE(finished_expression(path, de.targets, genes).whole()->has_row(0, 12));
}
