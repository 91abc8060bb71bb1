#include "vcell/train/metrics_log.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using vcell_test::contains;
using vcell_test::TemporaryFolder;

namespace {

const std::vector<MetricsRow> rows = {
    {1, 0.5, std::nullopt, 1e-300, 3},
    {2, 1.0 / 3, 0.125, 3e-4, 1e18, 1, 0.25, 2.0 / 3},
    {3, -1.7976931348623157e308, -2.2250738585072014e-308, 0, 1.2345678901234567e-105}};

}  // namespace

TEST_CASE("metrics_log: rows read back to the same values", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.csv";
  MetricsLog log(path);
  REQUIRE(read_metrics(path).empty());
  for (const auto& row : rows) log.add(row);
  REQUIRE(read_metrics(path) == rows);  // while the log is open
  MetricsLog anew(path);
  REQUIRE(read_metrics(path).empty());
}

TEST_CASE("metrics_log: goes on after a step and drops what comes later", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.csv";
  {
    MetricsLog log(path);
    for (const auto& row : rows) log.add(row);
  }
  MetricsLog log(path, 2);
  REQUIRE(read_metrics(path).size() == 2);
  log.add(rows[2]);
  REQUIRE(read_metrics(path) == rows);
}

TEST_CASE("metrics_log: members in turn, each from its first step", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.csv";
  std::vector<MetricsRow> all = rows;
  for (MetricsRow row : rows) {
    row.member = 2;
    all.push_back(row);
  }
  const auto log_after = [&](std::vector<uint64_t> done) { return MetricsLog(path, done); };
  {
    MetricsLog log = log_after({0});
    CHECK(read_text(path) ==
          "member,step,train_loss,validation_loss,learning_rate,gradient_norm,pearson_delta,"
          "discrimination\n");
    for (const auto& row : all) log.add(row);
  }
  CHECK(read_metrics(path) == all);
  {
    MetricsLog log = log_after({3, 1});
    CHECK(read_metrics(path).size() == 4);
    log.add(all[4]);
    log.add(all[5]);
  }
  CHECK(read_metrics(path) == all);
  log_after({3, 0});
  CHECK(read_metrics(path) == rows);
  REQUIRE_THROWS_WITH(log_after({3, 1}), contains("the row of step 1 of member 2 is not there"));
  REQUIRE_THROWS_WITH(MetricsLog(path, 3), contains("expected the header step,"));
  const std::string header = "member,step,train_loss,validation_loss,learning_rate,gradient_norm\n";
  write_text(path, header + "1,1,2,,3,4\n3,1,2,,3,4\n");
  REQUIRE_THROWS_WITH(read_metrics(path), contains("row 2 is of step 1 of member 3"));
  write_text(path, header + "1,1,2,,3,4\n2,2,2,,3,4\n");
  REQUIRE_THROWS_WITH(read_metrics(path), contains("row 2 is of step 2 of member 2"));
}

TEST_CASE("metrics_log: errors", "[train]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "metrics.csv";
  REQUIRE_THROWS_AS(MetricsLog(path, 3), IoError);
  REQUIRE_THROWS_AS(MetricsLog(folder.path() / "absent" / "metrics.csv"), IoError);
  { MetricsLog(path).add(rows[0]); }
  REQUIRE_THROWS_WITH(MetricsLog(path, 2), contains("the row of step 2 is not there"));
  REQUIRE(read_metrics(path).size() == 1);
  write_text(path, "step,loss\n1,2\n");
  REQUIRE_THROWS_WITH(MetricsLog(path, 1), contains("expected the header"));
  REQUIRE_THROWS_WITH(read_metrics(path), contains("no column 'train_loss'"));
  const std::string header = "step,train_loss,validation_loss,learning_rate,gradient_norm\n";
  write_text(path, header + "1,2,0.5,3,4\n");  // of before there were metrics
  REQUIRE(read_metrics(path) == std::vector<MetricsRow>{{1, 2, 0.5, 3, 4}});
  write_text(path, header + "1,2,x,3,4\n");
  REQUIRE_THROWS_WITH(read_metrics(path), contains("row 1, column 'validation_loss' holds 'x'"));
  write_text(path, header + "2,2,,3,4\n");
  REQUIRE_THROWS_WITH(read_metrics(path), contains("row 1 is of step 2"));
}
