// vcell de: the library's tables, with the columns of the packages.
#include <cmath>
#include <map>

#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/program.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/eval/expression_preset.hpp"
#include "vcell/eval/write_expression.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell_test;
using namespace vcell;
namespace fs = std::filesystem;

namespace {

const std::string keys = " --perturbation-key target_gene --control non-targeting";

std::string cells(const std::string& name) {
  return (golden_folder("differential_expression").value() / (name + ".h5ad")).string();
}

DifferentialExpression tested(const AnnData& adata, const DifferentialExpressionOptions& options) {
  return differential_expression(to_csr<float>(*adata.X).view(), adata.var.index,
                                 factor(adata.obs.column("target_gene")), "non-targeting", options);
}

std::string header_of(const fs::path& file) {
  const std::string text = read_text(file);
  return text.substr(0, text.find('\n'));
}

/// The rows of a table by the names in them, and the numbers beside these, by column.
std::map<std::string, std::map<std::string, double>> named_rows(const fs::path& file) {
  std::map<std::string, std::map<std::string, double>> out;
  const CsvTable table = read_csv(file);
  for (const auto& row : table.rows) {
    std::string names;
    std::map<std::string, double> numbers;
    for (size_t c = 0; c < row.size(); ++c)
      if (const auto number = parse_number(row[c]))
        numbers[table.header[c]] = *number;
      else
        names += row[c] + '/';
    REQUIRE(out.emplace(names, numbers).second);
  }
  return out;
}

/// Checks that two files hold the same table. The program and the library's tests may be compiled
/// with other optimisations, which round the last bit of a float32 mean otherwise: means and what
/// is tested by them are held to that bit, logarithms and ratios of them, which may be near 0, to
/// what it makes of these, and ranks are the same.
void check_same_table(const fs::path& file, const fs::path& expected_file) {
  REQUIRE(header_of(file) == header_of(expected_file));
  const auto found = named_rows(file), expected = named_rows(expected_file);
  REQUIRE(found.size() == expected.size());
  for (const auto& [names, numbers] : expected) {
    INFO(names);
    REQUIRE(found.contains(names));
    const auto& others = found.at(names);
    REQUIRE(others.size() == numbers.size());
    for (const auto& [column, b] : numbers) {
      const double a = others.at(column);
      INFO(column << ": " << a << ", expected " << b);
      const bool is_change =
          column.find("change") != column.npos || column.find("fold") != column.npos;
      const double within = (is_change ? 1e-6 : 0) + 1e-6 * std::abs(b);
      REQUIRE(((std::isnan(a) && std::isnan(b)) || a == b || std::abs(a - b) <= within));
    }
  }
}

}  // namespace

TEST_CASE("program: de writes what the library finds, for every package", "[program]") {
  const TemporaryFolder folder("de");
  for (const std::string scale : {"log1p", "counts"}) {
    const AnnData adata = read_h5ad(cells(scale));
    for (const auto rules : expression_presets) {
      if (rules == "vcc2026" && scale == "log1p") continue;
      INFO(rules << " of " << scale);
      const std::string out = folder / "de.csv";
      const auto ran =
          run_vcell(folder, message("de --overwrite --data '", cells(scale), "'", keys, " --scale ",
                                    scale, " --rules ", rules, " --out ", out));
      INFO(ran.err);
      REQUIRE(ran.code == 0);
      CHECK(ran.out == out + '\n');
      const auto view = std::find(expression_views.begin(), expression_views.end(), rules);
      write_differential_expression(
          folder.path() / "expected.csv", tested(adata, expression_preset(rules, scale == "log1p")),
          expression_view(view == expression_views.end() ? "pdex-0.3" : *view), "non-targeting");
      check_same_table(out, folder.path() / "expected.csv");
    }
  }
}

TEST_CASE("program: flags of de go over the rules", "[program]") {
  const TemporaryFolder folder("de");
  const AnnData adata = read_h5ad(cells("log1p"));
  const auto matches = [&](const std::string& flags, const DifferentialExpressionOptions& options,
                           const char* view = "pdex-0.3") {
    INFO(flags);
    const auto ran = run_vcell(folder, "de --overwrite --scale log1p --data '" + cells("log1p") +
                                           "'" + keys + " --out " + (folder / "de.csv") + flags);
    INFO(ran.err);
    REQUIRE(ran.code == 0);
    write_differential_expression(folder.path() / "expected.csv", tested(adata, options),
                                  expression_view(view),
                                  options.mode == ExpressionMode::all ? "" : "non-targeting");
    check_same_table(folder.path() / "de.csv", folder.path() / "expected.csv");
  };
  matches(" --mode all --means arithmetic --epsilon 0.5",
          {.epsilon = 0.5, .geometric_mean = false, .mode = ExpressionMode::all});
  matches(" --test t_test --fdr global --threads 3",
          {.test = ExpressionTest::t_test, .fdr_scope = FdrScope::global});
  matches(
      " --mode on_target --gene-key target_gene_name --continuity none --tie-correction no",
      {.mode = ExpressionMode::on_target, .tie_correction = false, .continuity = Continuity::none});
  matches(" --exact-cells 5 --zero-means clip --clip-value 8 --cpm-filter 400 --least-mean 0.1",
          {.exact_cells = 5,
           .zero_means = ZeroMeans::clip,
           .clip_value = 8,
           .cpm_filter = 400,
           .least_ref_mean = 0.1});
  auto z = DifferentialExpressionOptions{.has_z_score = true};
  matches(" --columns illico", z, "illico");
  CHECK(header_of(folder.path() / "de.csv") ==
        "pert,feature,p_value,statistic,z_score,fold_change");
}

TEST_CASE("program: de reads cells in blocks where memory says so", "[program]") {
  const TemporaryFolder folder("de");
  for (const std::string scale : {"log1p", "counts"}) {
    const std::string words =
        "de --mode all --scale " + scale + " --data '" + cells(scale) + "'" + keys;
    const auto whole = run_vcell(folder, words + " --out " + (folder / (scale + ".csv")));
    const auto blocks = run_vcell(folder, words + " --memory 0.00002 --threads 2 --out " +
                                              (folder / (scale + "_blocks.csv")));
    INFO(blocks.err);
    REQUIRE(whole.code == 0);
    REQUIRE(blocks.code == 0);
    CHECK_THAT(blocks.err, contains("in blocks"));
    CHECK(read_text(folder.path() / (scale + ".csv")) ==
          read_text(folder.path() / (scale + "_blocks.csv")));
  }
}

TEST_CASE("program: de has a table for each context", "[program]") {
  const TemporaryFolder folder("de");
  AnnData adata = read_h5ad(cells("counts"));
  std::vector<std::string> names;
  const auto labels = adata.obs.column("target_gene").text();
  std::map<std::string, size_t> met;
  for (const auto& label : labels) names.push_back(met[label]++ % 2 ? "K/562" : "RPE1");
  adata.obs.set("cell", names);
  write_h5ad(folder.path() / "cells.h5ad", adata);
  const auto ran = run_vcell(folder, "de --context-key cell --data " + (folder / "cells.h5ad") +
                                         keys + " --out " + (folder / "tables/de.csv"));
  INFO(ran.err);
  REQUIRE(ran.code == 0);
  CHECK_THAT(ran.err, contains("--scale counts"));  // what was assumed
  for (const std::string name : {"K/562", "RPE1"}) {
    std::vector<size_t> rows;
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) rows.push_back(i);
    const auto X = to_csr<float>(*adata.X);
    Factor groups = factor(adata.obs.column("target_gene"));
    Factor here{groups.names, {}};
    for (const size_t i : rows) here.codes.push_back(groups.codes[i]);
    write_differential_expression(
        folder.path() / "expected.csv",
        differential_expression(select_rows(X, std::span<const size_t>(rows)).view(),
                                adata.var.index, here, "non-targeting",
                                expression_preset("pdex-0.3", false)));
    const std::string file =
        folder / ("tables/" + std::string(name == "RPE1" ? "RPE1" : "K_562") + "_de.csv");
    check_same_table(file, folder.path() / "expected.csv");
  }
}

TEST_CASE("program: de says what is wrong, by its flag", "[program]") {
  const TemporaryFolder folder("de");
  const std::string out = " --out " + (folder / "de.csv");
  AnnData adata = read_h5ad(cells("log1p"));
  adata.var.index[3] = adata.var.index[2];
  write_h5ad(folder.path() / "twice.h5ad", adata);
  struct Case {
    std::string words;
    std::vector<std::string> said;
  };
  const std::string data = "de --data '" + cells("log1p") + "'",
                    logs = data + keys + " --scale log1p";
  const Case cases[] = {
      {logs + out + " --rules pdex", {"'pdex'", "'pdex-0.3'", "'illico'"}},
      {logs + out + " --columns excel", {"'excel'", "'scanpy'"}},
      {logs + out + " --mode rest", {"--mode", "'rest'", "'on_target'"}},
      {logs + out + " --test t-test", {"--test", "'t-test'", "'t_test'"}},
      {logs + out + " --tie-correction maybe", {"--tie-correction", "'maybe'", "'yes'"}},
      {logs + out + " --epsilon small", {"--epsilon", "'small'"}},
      {logs + out + " --rules vcc2026", {"--rules vcc2026", "counts", "log1p"}},
      {logs + out + " --target-sum 100", {"--target-sum", "counts"}},
      {data + keys + out + " --scale counts", {"declared counts", "--scale log1p"}},
      {data + " --scale log1p --control non-targeting" + out, {"'perturbation'", "target_gene"}},
      {data + " --scale log1p --perturbation-key target_gene --control ctrl" + out,
       {"'ctrl'", "'non-targeting'"}},
      {logs + " --out " + cells("log1p"), {"is there already", "--overwrite"}},
      {"de --scale log1p --data " + (folder / "twice.h5ad") + keys + out,
       {"twice", quoted(adata.var.index[2])}},
      {logs + out + " --mode on_target --gene-key nothing", {"nothing"}},
      {data + " --scale log1p --perturbation-key nothing" + out, {"'nothing'", "target_gene"}},
      {logs + out + " --columns pdex-0.3 --clip-value 0 --zero-means clip", {"--clip-value is 0"}},
  };
  for (const auto& [words, said] : cases) {
    INFO(words);
    const auto ran = run_vcell(folder, words);
    INFO(ran.err);
    CHECK(ran.code == 2);
    for (const auto& part : said) CHECK_THAT(ran.err, contains(part));
    CHECK_FALSE(fs::exists(folder.path() / "de.csv"));
  }
}
