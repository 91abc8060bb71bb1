#include <limits>
#include <set>

#include "same_expression.hpp"
#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/eval/read_results.hpp"
#include "vcell/eval/remove_results.hpp"
#include "vcell/eval/result_files.hpp"
#include "vcell/eval/score_record.hpp"
#include "vcell/eval/write_results.hpp"

using namespace vcell_test;

namespace {

const std::vector<std::string> quoted_labels = {"ctrl", "g1", "A,\"B\"", "ctrl"};

Evaluation example(const std::vector<std::string>& contexts) {
  const auto side = [&](uint64_t seed) {
    const size_t cells = 96;
    LabelledCells out{
        random_cells(cells, 9, 0.4, 0, seed), numbered("g", 9), by_turns(quoted_labels, cells), {}};
    std::vector<std::string> text;
    for (size_t i = 0; i < cells; ++i) text.push_back(contexts[(i / 4) % contexts.size()]);
    if (!contexts[0].empty()) out.context = factor(text);
    return out;
  };
  return evaluate(side(1), side(2), {.control = "ctrl"});
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    out.push_back(entry.path().filename().string());
  std::sort(out.begin(), out.end());
  return out;
}

void require_same(const Evaluation& a, const Evaluation& b) {
  REQUIRE(a.contexts.size() == b.contexts.size());
  for (size_t c = 0; c < a.contexts.size(); ++c) {
    REQUIRE(a.contexts[c].context == b.contexts[c].context);
    REQUIRE(a.contexts[c].scores.perturbations == b.contexts[c].scores.perturbations);
    for (const auto& column : a.contexts[c].scores.columns)
      REQUIRE(b.contexts[c].scores.column(column.name) == column.values);
    REQUIRE(same_expression(*a.contexts[c].real_de.whole(), *b.contexts[c].real_de.whole()));
    REQUIRE(
        same_expression(*a.contexts[c].predicted_de.whole(), *b.contexts[c].predicted_de.whole()));
  }
}

}  // namespace

TEST_CASE("results: one context has the names that cell-eval users know", "[eval]") {
  const TemporaryFolder folder;
  const auto evaluation = example({""});
  write_results(folder.path() / "a" / "b", evaluation);
  const auto path = folder.path() / "a" / "b";
  REQUIRE(names_in(path) ==
          std::vector<std::string>{"agg_results.csv", "pred_de.csv", "real_de.csv", "results.csv"});
  REQUIRE(read_csv(path / "results.csv").header ==
          std::vector<std::string>{"perturbation", "overlap_at_N", "mae", "discrimination_score_l1",
                                   "pearson_delta", "mae_delta", "edistance"});
  REQUIRE(read_csv(path / "pred_de.csv").header ==
          std::vector<std::string>(differential_expression_columns.begin(),
                                   differential_expression_columns.end()));
  const auto aggregate = read_csv(path / "agg_results.csv");
  const auto summaries = summarise(evaluation.contexts[0].scores);
  for (size_t s = 0; s < summary_statistics.size(); ++s) {
    REQUIRE(aggregate.rows[s][0] == summary_statistics[s]);
    for (size_t c = 0; c < summaries.size(); ++c)
      REQUIRE(parse_number(aggregate.rows[s][c + 1]) == summaries[c][s]);
  }
  require_same(read_results(path), evaluation);
}

TEST_CASE("results: several contexts have their own tables and a mean", "[eval]") {
  const TemporaryFolder folder;
  const auto evaluation = example({"K562", "a/b", "A/B", "agg"});
  write_results(folder.path(), evaluation);
  for (const char* name : {"K562_results.csv", "K562_agg_results.csv", "K562_real_de.csv",
                           "K562_pred_de.csv", "A_B_results.csv", "a_b_2_results.csv",
                           "agg_2_results.csv", "agg_results.csv", "contexts.csv"})
    REQUIRE(std::filesystem::exists(folder.path() / name));
  REQUIRE(names_in(folder.path()).size() == 18);
  require_same(read_results(folder.path()), evaluation);
  const auto mean = read_csv(folder.path() / "agg_results.csv");
  double sum = 0;
  for (const auto& c : evaluation.contexts) sum += *summarise(c.scores)[1][summary_mean];
  REQUIRE(*parse_number(mean.rows[summary_mean][2]) == Approx(sum / 4).epsilon(1e-14));
}

TEST_CASE("results: the name of a lone context is kept", "[eval]") {
  const TemporaryFolder folder;
  const auto evaluation = example({"rep_3"});
  write_results(folder.path(), evaluation);
  REQUIRE(std::filesystem::exists(folder.path() / "results.csv"));
  require_same(read_results(folder.path()), evaluation);
}

TEST_CASE("results: written over those of other contexts they read back", "[eval]") {
  const TemporaryFolder folder;
  for (const std::vector<std::string>& contexts :
       {std::vector<std::string>{"x", "y"}, {""}, {"z"}, {"x"}, {""}}) {
    const auto evaluation = example(contexts);
    write_results(folder.path(), evaluation);
    require_same(read_results(folder.path()), evaluation);
  }
}

TEST_CASE("results: null, NaN and infinity are told apart", "[eval]") {
  const TemporaryFolder folder;
  const double inf = std::numeric_limits<double>::infinity();
  const ScoreTable table{{"A", "B", "C", "D"}, {{"s", {{}, std::nan(""), -inf, 0.1}}}};
  write_scores(folder.path() / "s.csv", table);
  REQUIRE(read_text(folder.path() / "s.csv") == "perturbation,s\nA,\nB,NaN\nC,-inf\nD,0.1\n");
  const auto read = read_scores(folder.path() / "s.csv").column("s");
  REQUIRE_FALSE(read[0]);
  REQUIRE(std::isnan(*read[1]));
  REQUIRE(read[2] == -inf);
  REQUIRE(read[3] == 0.1);
}

TEST_CASE("results: intervals are kept beside the tables, and go with them", "[eval]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "intervals.csv";
  auto evaluation = example({"x", "y"});
  ScoreIntervals& made = evaluation.intervals;
  made.metrics = {"mae", "own"};
  made.contexts = {{"x", {ScoreInterval{0.125, -0.5, 0.75}, {}}},
                   {"y", {{}, ScoreInterval{0.1, 0.2, 0.3}}}};
  made.overall = {"", {ScoreInterval{1, 2, 3}, {}}};
  write_results(folder.path(), evaluation);
  REQUIRE(read_text(path) ==
          "context,metric,sd,low,high\nx,mae,0.125,-0.5,0.75\nx,own,,,\ny,mae,,,\n"
          "y,own,0.1,0.2,0.3\n,mae,1,2,3\n,own,,,\n");
  const ScoreIntervals read = read_results(folder.path()).intervals;
  REQUIRE(read.metrics == made.metrics);
  REQUIRE(read.contexts.size() == 2);
  REQUIRE(read.contexts[1].context == "y");
  REQUIRE_FALSE(read.contexts[1].intervals[0]);
  REQUIRE(read.contexts[1].intervals[1]->high == 0.3);
  REQUIRE(read.overall.intervals[0]->low == 2);
  REQUIRE_FALSE(read.overall.intervals[1]);

  const auto damaged = [&](const std::string& text, const std::vector<std::string>& parts) {
    write_text(path, text);
    check_error<FormatError>([&] { read_intervals(path); }, parts);
  };
  damaged("context,metric,sd,low,high\n,mae,1,x,3\n",
          {"read_intervals", "row 1", "'low' holds 'x'"});
  damaged("context,metric,sd,low,high\nx,mae,1,2,3\n,mse,1,2,3\n", {"row 2", "'mse'"});
  damaged("context,metric,sd,low,high\nx,mae,1,2,3\nx,mse,1,2,3\n,mae,1,2,3\n",
          {"1 rows", "expected 2"});
  damaged("context,metric,sd,low,high\nx,mae,1,2,3\n", {"'x'", "mean over contexts"});
  damaged("context,metric,sd,low\n", {"'high'"});

  evaluation.intervals = {};
  write_results(folder.path(), evaluation);  // those of before are not its own
  REQUIRE_FALSE(std::filesystem::exists(path));
  write_intervals(path, made);
  remove_results(folder.path());
  REQUIRE_FALSE(std::filesystem::exists(path));
}

TEST_CASE("results: warnings are kept beside the tables, and go with them", "[eval]") {
  const TemporaryFolder folder;
  auto evaluation = example({"x"});
  evaluation.warnings = {"Mixed scales: a, \"b\"", "Missing controls"};
  write_results(folder.path(), evaluation);
  REQUIRE(read_results(folder.path()).warnings == evaluation.warnings);
  evaluation.warnings.clear();
  write_results(folder.path(), evaluation);
  REQUIRE_FALSE(std::filesystem::exists(folder.path() / "warnings.csv"));
  REQUIRE(read_results(folder.path()).warnings.empty());
  evaluation.warnings = {"Missing controls"};
  write_results(folder.path(), evaluation);
  remove_results(folder.path());
  REQUIRE_FALSE(std::filesystem::exists(folder.path() / "warnings.csv"));
}

TEST_CASE("results: names of files stay in their folder and are unique", "[eval]") {
  const auto prefixes = [](const std::vector<std::string>& contexts) {
    std::vector<std::string> out;
    for (const auto& files : result_files(contexts)) out.push_back(files.prefix);
    return out;
  };
  using Names = std::vector<std::string>;
  REQUIRE(prefixes({"x"}) == Names{""});
  REQUIRE(prefixes({"../../etc", "a b|c", "\xCE\xB2", ""}) ==
          Names{"_._.._etc_", "a_b_c_", "___", "__"});
  REQUIRE(prefixes({"X", "x", "x_2"}) == Names{"X_", "x_2_", "x_2_2_"});
  REQUIRE(prefixes({"x", "x_agg"}) == Names{"x_", "x_agg_2_"});
  REQUIRE(prefixes({"agg", "y"}) == Names{"agg_2_", "y_"});
  REQUIRE(prefixes({std::string(300, 'n'), std::string(299, 'n')})[1].size() == 103);
}

TEST_CASE("results: damaged tables are errors that name the place", "[eval]") {
  const TemporaryFolder folder;
  write_results(folder.path(), example({""}));
  const auto path = folder.path() / "real_de.csv";
  const CsvTable whole = read_csv(path);
  const auto read_with = [&](auto&& change) {
    CsvTable table = whole;
    change(table);
    write_csv(path, table);
    return read_results(folder.path());
  };
  REQUIRE_THROWS_WITH(read_with([](CsvTable& t) { t.rows[3][10] = "low"; }),
                      contains("row 4") && contains("'fdr'") && contains("'low'"));
  REQUIRE_THROWS_WITH(read_with([](CsvTable& t) { t.rows[0][4] = "-1"; }),
                      contains("'target_membership'") && contains("-1"));
  REQUIRE_THROWS_WITH(read_with([](CsvTable& t) { t.rows[9] = t.rows[10]; }),
                      contains("row 11") && contains("again"));
  const auto filtered = read_with([](CsvTable& t) { t.rows.pop_back(); });
  const auto de = filtered.contexts[0].real_de.whole();
  REQUIRE_FALSE(de->has_row(de->targets.size() - 1, de->features.size() - 1));
  REQUIRE(de->has_row(0, 0));
  REQUIRE_THROWS_WITH(read_with([](CsvTable& t) { t.header[8] = "p"; }), contains("'p_value'"));
  std::filesystem::remove(path);
  REQUIRE_THROWS_AS(read_results(folder.path()), IoError);
  write_csv(folder.path() / "contexts.csv", {{"context", "prefix"}, {{"x", "../x_"}}});
  REQUIRE_THROWS_AS(read_results(folder.path()), FormatError);
}

TEST_CASE("remove_results: tables of an earlier evaluation, and nothing else", "[eval]") {
  const vcell_test::TemporaryFolder folder;
  const auto out = folder.path() / "out";
  std::filesystem::create_directory(out);
  const auto put = [&](const char* name, const char* text) { write_text(out / name, text); };
  const auto there = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(out))
      names.insert(entry.path().filename().string());
    return names;
  };
  CHECK_NOTHROW(remove_results(out));
  for (const char* name :
       {"results.csv", "agg_results.csv", "real_de.csv", "pred_de.csv", "x_results.csv",
        "x_agg_results.csv", "x_real_de.csv", "x_pred_de.csv", "my_results.csv", "y_results.csv"})
    put(name, "a\n");
  put("contexts.csv", "context,prefix\nx 1,x_\nevil,../\n");
  std::filesystem::create_directory(out / "inner");
  write_text(folder.path() / "results.csv", "a\n");
  remove_results(out);
  CHECK(there() == std::set<std::string>{"inner", "my_results.csv", "y_results.csv"});
  CHECK(std::filesystem::remove(folder.path() / "results.csv"));
  put("contexts.csv", "mine\n1\n");
  put("results.csv", "a\n");
  check_error<FormatError>([&] { remove_results(out); }, {"contexts.csv", "'mine'"});
  CHECK(there().contains("results.csv"));
}

TEST_CASE("results: one context has a prefix where it is asked for", "[eval]") {
  const TemporaryFolder folder;
  REQUIRE(result_files({"K"})[0].prefix.empty());
  REQUIRE(result_files({"K"}, true)[0].prefix == "K_");
  const auto evaluation = example({"K"});
  write_results(folder.path(), evaluation, {.always_prefixed = true});
  REQUIRE(std::filesystem::exists(folder.path() / "K_results.csv"));
  REQUIRE_FALSE(std::filesystem::exists(folder.path() / "results.csv"));
  const auto read = read_results(folder.path());
  REQUIRE(read.contexts.size() == 1);
  REQUIRE(read.contexts[0].context == "K");
  remove_results(folder.path());
  REQUIRE(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("results: a record has what applies", "[eval]") {
  const TemporaryFolder folder;
  EvaluationOptions options;
  options.metrics = metrics_of("vcc");
  auto record = score_record("vcell x", options);
  record.seeds = {{"ceiling", 7}};
  record.target_sum = {{"real", 1316}};
  write_score_record(folder.path() / "scores.json", record);
  REQUIRE(read_text(folder.path() / "scores.json") == R"({
  "written_by": "vcell x",
  "alpha": 0.05,
  "means": "geometric",
  "epsilon": 0.0,
  "scale": "log1p",
  "target_sum": {
    "real": 1316.0
  },
  "fdr": "target",
  "seeds": {
    "ceiling": 7
  },
  "metrics": [
    "overlap_at_N",
    "mae",
    "discrimination_score_l1"
  ]
}
)");
}
