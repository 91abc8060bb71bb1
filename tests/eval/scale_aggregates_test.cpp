#include "vcell/eval/scale_aggregates.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/eval/aggregate_files.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

/// Metrics that have a name and a best value alone.
std::vector<Metric> known_metrics() {
  Metric error{.name = "error"}, score{.name = "score"}, other{.name = "other"};
  error.best = 0;
  score.best = 1;
  other.best = 1;
  return {error, score, other, Metric{.name = "count"}};
}

std::vector<AggregateScore> aggregates_of(Score score, Score error, Score count = 3) {
  return {{"score", score}, {"count", count}, {"error", error}};
}

ScaledAggregates scaled_aggregates(const std::vector<AggregateScore>& user,
                                   const std::vector<AggregateScore>& base,
                                   const ScaleAggregatesOptions& options = {}) {
  return scale_aggregates(user, base, options, known_metrics());
}

/// Compares scores with what cell-eval wrote.
void require_scaled_scores(const std::filesystem::path& user, const std::filesystem::path& base,
                           const std::filesystem::path& expected, double bound) {
  const auto found = scale_aggregates(read_aggregates(user), read_aggregates(base));
  const CsvTable wanted = read_csv(expected);
  const size_t metric = wanted.column("metric"), value = wanted.column("from_baseline");
  REQUIRE(wanted.rows.size() == found.scores.size() + 1);
  for (size_t i = 0; i < found.scores.size(); ++i) {
    CHECK(wanted.rows[i][metric] == found.scores[i].metric);
    INFO(wanted.rows[i][metric]);
    CHECK(std::abs(found.scores[i].score - parse_number(wanted.rows[i][value]).value()) <= bound);
  }
  CHECK(wanted.rows.back()[metric] == "avg_score");
  CHECK(std::abs(found.average - parse_number(wanted.rows.back()[value]).value()) <= bound);
}

}  // namespace

TEST_CASE("scale_aggregates: 0 is the baseline, 1 the best value, below is 0", "[eval]") {
  const auto found = scaled_aggregates(aggregates_of(0.8, 1.5), aggregates_of(0.6, 2.0));
  REQUIRE(found.scores.size() == 2);
  CHECK(found.scores[0].metric == "error");
  CHECK(found.scores[0].score == 0.25);
  CHECK(found.scores[1].metric == "score");
  CHECK(found.scores[1].score == Approx(0.5));
  CHECK(found.average == Approx(0.375));
  CHECK(scaled_aggregates(aggregates_of(0.1, 3), aggregates_of(0.6, 2)).average == 0);
  CHECK(scaled_aggregates(aggregates_of(1.4, -2), aggregates_of(0.6, 2)).scores[0].score ==
        2);  // no upper bound
}

TEST_CASE("scale_aggregates: what is no number scores 0", "[eval]") {
  CHECK(scaled_aggregates(aggregates_of(NAN, 1), aggregates_of(0.6, 2)).scores[1].score == 0);
  CHECK(scaled_aggregates(aggregates_of({}, 1), aggregates_of(0.6, 2)).scores[1].score == 0);
  CHECK(scaled_aggregates(aggregates_of(0.9, 1), aggregates_of({}, 2)).scores[1].score == 0);
  CHECK(scaled_aggregates(aggregates_of(0.9, 0), aggregates_of(1, 0)).average == 0);  // 0 / 0 twice
}

TEST_CASE("scale_aggregates: weights and thresholds", "[eval]") {
  const auto user = aggregates_of(0.8, 1.5), base = aggregates_of(0.6, 2.0);
  CHECK(scaled_aggregates(user, base, {.weights = {{"score", 3}}}).average ==
        Approx((0.25 + 1.5) / 4));
  CHECK(scaled_aggregates(user, base, {.weights = {{"error", 0}}}).average == Approx(0.5));
  const auto bounded =
      scaled_aggregates(user, base, {.thresholds = {{"error", 0.3}, {"score", 0.4}}});
  CHECK(bounded.scores[0].score == 0);
  CHECK(bounded.average == Approx(0.25));
  CHECK(scaled_aggregates(user, base, {.thresholds = {{"error", 0.25}}}).scores[0].score == 0.25);
  check_error<ConfigError>(
      [&] {
        scaled_aggregates(user, base, {.weights = {{"scor", 1}}});
      },
      {"1 metric: 'scor'"});
  check_error<ConfigError>(
      [&] {
        scaled_aggregates(user, base, {.weights = {{"score", -1}}});
      },
      {"weight of 'score' is -1"});
  check_error<ConfigError>(
      [&] {
        scaled_aggregates(user, base, {.weights = {{"score", 0}, {"error", 0}}});
      },
      {"weight above 0"});
}

TEST_CASE("scale_aggregates: tables of other metrics are refused", "[eval]") {
  const auto user = aggregates_of(0.8, 1.5), base = aggregates_of(0.6, 2.0);
  auto more = user;
  more.push_back({"other", 1.0});
  check_error<ConfigError>([&] { scaled_aggregates(more, base); },
                           {"the baseline's table lacks 1 metric: 'other'"});
  check_error<ConfigError>([&] { scaled_aggregates(user, more); },
                           {"the prediction's table lacks 1 metric: 'other'"});
  auto twice = user;
  twice.push_back(user[0]);
  check_error<ConfigError>([&] { scaled_aggregates(twice, base); }, {"twice 1 metric: 'score'"});
  auto odd = user;
  odd[0].metric = "sco";
  check_error<ConfigError>([&] { scaled_aggregates(odd, odd); },
                           {"nothing is known of 1 metric: 'sco'"});
  check_error<ConfigError>(
      [&] {
        scaled_aggregates({{"count", 1.0}}, {{"count", 1.0}});
      },
      {"'count'"});
}

TEST_CASE("scale_aggregates: tables of aggregates are read and written", "[eval]") {
  const vcell_test::TemporaryFolder folder("aggregates");
  write_text(folder / "agg.csv", "statistic,mae,pearson_delta\ncount,3,3\nmean,,0.5\n");
  const auto read = read_aggregates(folder / "agg.csv");
  REQUIRE(read.size() == 2);
  CHECK(!read[0].mean);
  CHECK(read[1].metric == "pearson_delta");
  CHECK(read[1].mean == 0.5);
  write_text(folder / "none.csv", "statistic,mae\ncount,3\n");
  check_error<FormatError>([&] { read_aggregates(folder / "none.csv"); }, {"'mean'", "none.csv"});
  write_text(folder / "odd.csv", "statistic,mae\nmean,x\n");
  check_error<FormatError>([&] { read_aggregates(folder / "odd.csv"); }, {"'mae'", "'x'"});
  write_scaled_aggregates(folder / "score.csv", {{{"mae", 0.5}}, 0.25});
  CHECK(read_text(folder / "score.csv") == "metric,from_baseline\nmae,0.5\navg_score,0.25\n");
}

TEST_CASE("scale_aggregates: the scores that cell-eval gave", "[eval][golden]") {
  const auto challenge = vcell_test::golden_folder("challenge");
  const auto evaluation = vcell_test::golden_folder("evaluation");
  if (!challenge || !evaluation) VCELL_SKIP("no folders challenge and evaluation");
  require_scaled_scores(*challenge / "2025/agg_results.csv",
                        *challenge / "2025/baseline_agg_results.csv", *challenge / "2025/score.csv",
                        1e-6);
  for (const std::string profile : {"vcc", "full"}) {
    const auto base = *evaluation / "baseline" / profile / "agg_results.csv";
    require_scaled_scores(*evaluation / profile / "agg_results.csv", base,
                          *evaluation / ("score_" + profile + ".csv"), 1e-9);
  }
}
