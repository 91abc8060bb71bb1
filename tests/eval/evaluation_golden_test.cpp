#include <map>

#include "golden_support.hpp"
#include "support/golden.hpp"
#include "vcell/eval/ceiling.hpp"
#include "vcell/eval/expression_preset.hpp"
#include "vcell/io/json.hpp"
#include "vcell/preprocess/normalize_to_log1p.hpp"

using namespace vcell_test;

namespace {

/// How a part of the folder was made.
struct Call {
  std::filesystem::path folder;
  std::string line;  ///< of cell-eval

  Call(const std::filesystem::path& golden, const std::string& name) : folder(golden) {
    const Json meta = parse_json_object(read_text(golden / "meta.json"), "meta.json");
    line = meta.find("calls")->find(name)->text + ' ';
  }
  bool has(const std::string& flag) const { return line.find(flag + ' ') != line.npos; }
  /// The value of a flag; of one that the line lacks, `otherwise`.
  std::string value(const std::string& flag, const std::string& otherwise = "") const {
    const size_t at = line.find(flag + ' ');
    if (at == line.npos) return otherwise;
    const size_t begin = at + flag.size() + 1;
    return line.substr(begin, line.find(' ', begin) - begin);
  }
  std::string profile() const { return value("--profile", "full"); }

  LabelledCells side(const char* flag) const {
    AnnData adata = read_h5ad(folder / value(flag));
    LabelledCells out;
    if (has("--allow-discrete")) {
      out.scale = Scale::counts;
    } else if (value(flag).starts_with("counts/")) {
      out.target_sum =
          normalize_to_log1p(adata, {.scale = Scale::counts, .library_log1p = true}).target_sum;
      out.is_own_total = true;
    }
    out.X = to_csr<float>(std::move(*adata.X));
    out.genes = adata.var.index;
    out.perturbation = factor(adata.obs.column(value("--pert-col")));
    if (has("--celltype-col")) out.context = factor(adata.obs.column(value("--celltype-col")));
    return out;
  }
  EvaluationOptions options() const {
    EvaluationOptions out{.control = value("--control-pert")};
    out.metrics = metrics_of(profile());
    out.expression = expression_preset("cell-eval-0.8");
    out.expression.epsilon = parse_number(value("--epsilon", "0")).value();
    if (has("--cpm-filter")) out.expression.cpm_filter = parse_number(value("--cpm-filter"));
    return out;
  }
  Evaluation evaluate() const {
    auto result = vcell::evaluate(side("-ar"), side("-ap"), options());
    REQUIRE(result.left_out.empty());
    return result;
  }
};

/// Compared in a folder of its own, where it is defined.
const std::string undefined = "clustering_agreement";

/// How far a score may be from cell-eval's: ranks are exact, what is of sorted genes nearly so, and
/// the peer's mean expression is float32.
double bound(const std::string& score) {
  if (score.starts_with("discrimination")) return 0;
  const Metric metric = metric_named(score);
  return metric.reads == MetricReads::expression ? 1e-9 : 1e-6;
}

void require_score(const Score& score, const std::string& expected, double within) {
  REQUIRE(score.has_value() == !expected.empty());
  if (!score) return;
  const double number = parse_number(expected).value();
  if (std::isnan(number))
    REQUIRE(std::isnan(*score));
  else
    REQUIRE(agrees(*score, number, within, within >= 1e-6 ? within : 0));  // float32, of any size
}

/// The columns of a table that a profile has, in its order.
void require_columns(const CsvTable& table, const ScoreTable& scores) {
  std::vector<std::string> expected, found;
  for (const std::string& name : table.header)
    if (name != undefined && name != "perturbation" && name != "statistic")
      expected.push_back(name);
  for (const ScoreColumn& column : scores.columns)
    if (column.name != undefined) found.push_back(column.name);
  REQUIRE(found == expected);
}

void require_scores(const ScoreTable& scores, const std::filesystem::path& file) {
  const CsvTable results = read_csv(file);
  require_columns(results, scores);
  REQUIRE(results.rows.size() == scores.perturbations.size());
  for (const ScoreColumn& column : scores.columns)
    for (size_t p = 0; p < column.values.size(); ++p) {
      if (column.name == undefined) continue;
      INFO(column.name << " of " << scores.perturbations[p]);
      REQUIRE(results.rows[p][results.column("perturbation")] == scores.perturbations[p]);
      require_score(column.values[p], results.rows[p][results.column(column.name)],
                    bound(column.name));
    }
}

/// Compares results.csv and agg_results.csv of a folder, all columns and rows.
void require_results(const ContextEvaluation& evaluation, const std::filesystem::path& folder,
                     const std::string& prefix = "") {
  require_scores(evaluation.scores, folder / (prefix + "results.csv"));
  const CsvTable aggregate = read_csv(folder / (prefix + "agg_results.csv"));
  require_columns(aggregate, evaluation.scores);
  REQUIRE(aggregate.rows.size() == summary_statistics.size());
  for (const ScoreColumn& column : evaluation.scores.columns) {
    if (column.name == undefined) continue;
    const Summary summary = summarise(column.values);
    for (size_t s = 0; s < summary.size(); ++s) {
      INFO(summary_statistics[s] << " of " << column.name);
      REQUIRE(aggregate.rows[s][aggregate.column("statistic")] == summary_statistics[s]);
      // Even where each score is exact, the order of a sum is not.
      require_score(summary[s], aggregate.rows[s][aggregate.column(column.name)],
                    std::max(bound(column.name), 1e-12));
    }
  }
}

const TableBounds table_bounds{.mean_relative = 5e-7,  // same sums, an expm1 of another library
                               .log2_absolute = 2e-6,
                               .log2_relative = 0,
                               .percent_absolute = 2e-6,
                               .percent_relative = 2e-6,
                               .p_relative = 1e-12};

/// The rows of some targets alone.
DifferentialExpression targets_of(const ExpressionTable& table, const CsvTable& expected) {
  std::vector<size_t> places;
  for (size_t t = 0; t < table.targets().size(); ++t)
    for (const auto& row : expected.rows)
      if (row[expected.column("target")] == table.targets()[t]) {
        places.push_back(t);
        break;
      }
  return *table.select(places).whole();
}

std::optional<std::filesystem::path> golden() { return golden_folder("evaluation"); }

}  // namespace

TEST_CASE("evaluate: cell-eval's profiles full, minimal and vcc", "[eval][golden]") {
  const auto folder = golden();
  if (!folder) VCELL_SKIP("golden folder evaluation is absent");
  for (const std::string name : {"full", "minimal", "vcc"}) {
    INFO(name);
    const Call call(*folder, name);
    const auto result = call.evaluate();
    REQUIRE(result.contexts.size() == 1);
    require_results(result.contexts[0], *folder / name);
    if (name != "full") continue;
    const auto& evaluation = result.contexts[0];
    require_table(*evaluation.real_de.whole(), read_csv(*folder / name / "real_de.csv"),
                  table_bounds);
    require_table(*evaluation.predicted_de.whole(), read_csv(*folder / name / "pred_de.csv"),
                  table_bounds);
  }
}

TEST_CASE("evaluate: cell-eval's profile de of genes above a floor", "[eval][golden]") {
  const auto folder = golden();
  if (!folder) VCELL_SKIP("golden folder evaluation is absent");
  const auto evaluation = Call(*folder, "filtered").evaluate().contexts.at(0);
  require_results(evaluation, *folder / "filtered");
  const CsvTable rows = read_csv(*folder / "filtered" / "rows.csv");
  const auto count = [](const DifferentialExpression& de, size_t target) {
    double n = 0;
    for (size_t g = 0; g < de.features.size(); ++g) n += de.has_row(target, g);
    return n;
  };
  const auto real = evaluation.real_de.whole(), predicted = evaluation.predicted_de.whole();
  REQUIRE(rows.rows.size() == real->targets.size());
  for (size_t t = 0; t < rows.rows.size(); ++t) {
    REQUIRE(rows.rows[t][rows.column("target")] == real->targets[t]);
    REQUIRE(parse_number(rows.rows[t][rows.column("real_rows")]) == count(*real, t));
    REQUIRE(parse_number(rows.rows[t][rows.column("pred_rows")]) == count(*predicted, t));
  }
}

TEST_CASE("evaluate: cell-eval's scores by cell type", "[eval][golden]") {
  const auto folder = golden();
  if (!folder) VCELL_SKIP("golden folder evaluation is absent");
  const auto result = Call(*folder, "celltype").evaluate();
  REQUIRE(result.contexts.size() > 1);
  for (const ContextEvaluation& context : result.contexts) {
    INFO(context.context);
    require_results(context, *folder / "celltype", context.context + '_');
  }
}

TEST_CASE("evaluate: cell-eval's scores of counts, normalised and not", "[eval][golden]") {
  const auto folder = golden();
  if (!folder) VCELL_SKIP("golden folder evaluation is absent");
  const Json meta = parse_json_object(read_text(*folder / "meta.json"), "meta.json");
  for (const std::string name : {"normlog", "discrete"}) {
    INFO(name);
    const Call call(*folder, "counts_" + name);
    for (const auto& [side, flag] : {std::pair("real", "-ar"), std::pair("pred", "-ap")})
      if (name == "normlog")
        REQUIRE(call.side(flag).target_sum ==
                parse_number(meta.find("counts_median_total")->find(side)->text));
    const auto result = call.evaluate();
    require_results(result.contexts[0], *folder / "counts" / name);
    const CsvTable expected = read_csv(*folder / "counts" / name / "real_de_2targets.csv");
    auto bounds = table_bounds;
    bounds.mean_relative = 2e-6;  // the peer sums float32, and counts are summed in double here
    bounds.log2_absolute = bounds.percent_absolute = bounds.percent_relative = 2e-5;
    // numpy's log1p of a float and that of other libraries differ in the last bit of some, and that
    // decides whether two normalised counts are a tie.
    if (name == "normlog") bounds.p_relative = 1e-3;
    require_table(targets_of(result.contexts[0].real_de, expected), expected, bounds);
  }
}

TEST_CASE("evaluate: cell-eval's ceiling", "[eval][golden]") {
  const auto folder = golden();
  if (!folder) VCELL_SKIP("golden folder evaluation is absent");
  const Call call(*folder, "ceiling");
  auto options = call.options();
  const uint64_t seed = uint64_t(parse_number(call.value("--ceiling-seed")).value());
  LabelledCells cells = call.side("-ar");
  const auto names = read_h5ad(*folder / call.value("-ar")).obs.index;

  const auto halves = split_in_halves(
      expression_groups(cells.perturbation, options.control, detail::places(cells.X.rows)),
      options.control, seed);
  std::map<std::string, std::string> half_of;
  const auto add = [&](const ExpressionGroups& groups, const char* half) {
    for (const size_t row : groups.reference) half_of[names[row]] = half;
    for (const auto& rows : groups.rows)
      for (const size_t row : rows) half_of[names[row]] = half;
  };
  add(halves.real, "real");
  add(halves.predicted, "pred");
  const CsvTable split = read_csv(*folder / "ceiling" / "split.csv");
  for (const auto& row : split.rows) {
    const auto found = half_of.find(row[split.column("cell")]);
    INFO(row[split.column("cell")]);
    REQUIRE((found == half_of.end() ? "none" : found->second) == row[split.column("half")]);
  }

  // Nothing but the halves is tested.
  const auto sides =
      evaluation_sides(std::move(cells), {.control = options.control, .memory = {.kept_bytes = 0}});
  const auto ceilings = evaluation_ceilings(sides, options, seed);
  REQUIRE(ceilings.size() == 1);
  require_scores(ceilings[0].scores, *folder / "ceiling" / "ceiling_results.csv");
  const CsvTable aggregate = read_csv(*folder / "ceiling" / "agg_ceiling_results.csv");
  require_columns(aggregate, ceilings[0].scores);
  REQUIRE(aggregate.rows.size() == 1);
  for (size_t m = 0; m < ceilings[0].ceilings.size(); ++m) {
    const std::string& name = ceilings[0].scores.columns[m].name;
    if (name == undefined) continue;
    INFO(name);
    require_score(ceilings[0].ceilings[m], aggregate.rows[0][aggregate.column(name)],
                  std::max(bound(name), 1e-12));
  }
}
