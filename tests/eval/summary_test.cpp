#include "vcell/eval/summary.hpp"

#include "support/catch.hpp"
#include "vcell/eval/score_table.hpp"

using namespace vcell;
using vcell_test::contains;

namespace {

const double nan_value = std::numeric_limits<double>::quiet_NaN();

Summary of(const std::vector<Score>& scores) { return summarise(scores); }

}  // namespace

TEST_CASE("summary: numbers, nulls and the nearest quantiles", "[eval]") {
  const Summary s = of({3, {}, 1, 2, 10, {}});
  REQUIRE(s[0] == 4);
  REQUIRE(s[1] == 2);
  REQUIRE(s[2] == 4);
  REQUIRE(*s[3] == Approx(std::sqrt((9 + 4 + 1 + 36) / 3.)));
  REQUIRE(s[4] == 1);
  REQUIRE(s[5] == 2);  // place floor(0.75 + 0.5) = 1
  REQUIRE(s[6] == 3);  // place floor(1.5 + 0.5) = 2: halves go up
  REQUIRE(s[7] == 3);  // place floor(2.25 + 0.5) = 2
  REQUIRE(s[8] == 10);
}

TEST_CASE("summary: NaN is counted, spoils the mean, and sorts last", "[eval]") {
  const Summary s = of({5, nan_value, 1});
  REQUIRE(s[0] == 3);
  REQUIRE(s[1] == 0);
  REQUIRE(std::isnan(*s[2]));
  REQUIRE(std::isnan(*s[3]));
  REQUIRE(s[4] == 1);
  REQUIRE(s[6] == 5);
  REQUIRE(std::isnan(*s[7]));
  REQUIRE(s[8] == 5);
  const Summary all = of({nan_value, nan_value});
  for (size_t i = 2; i < all.size(); ++i) REQUIRE(std::isnan(*all[i]));
}

TEST_CASE("summary: one score and none", "[eval]") {
  const Summary one = of({7, {}});
  REQUIRE(one[0] == 1);
  REQUIRE(one[2] == 7);
  REQUIRE_FALSE(one[3]);
  for (size_t i = 4; i < one.size(); ++i) REQUIRE(one[i] == 7);
  for (const Summary& none : {of({}), of({{}, {}})}) {
    REQUIRE(none[0] == 0);
    for (size_t i = 2; i < none.size(); ++i) REQUIRE_FALSE(none[i]);
  }
}

TEST_CASE("summary: the mean over contexts leaves nulls out", "[eval]") {
  const std::vector<Summary> both = {of({1, 3}), of({5}), of({{}})};
  const Summary mean = mean_of(both);
  REQUIRE(mean[0] == 1);  // 2, 1 and 0 scores
  REQUIRE(*mean[1] == Approx(1. / 3));
  REQUIRE(mean[2] == 3.5);         // of 2 and 5
  REQUIRE(mean[3] == both[0][3]);  // the only one
  REQUIRE(std::isnan(*mean_of(std::vector{of({nan_value}), of({1})})[2]));
  REQUIRE_FALSE(mean_of({})[2]);
}

TEST_CASE("score_table: finds its columns by name", "[eval]") {
  const ScoreTable table{{"A"}, {{"mae", {0.5}}, {"overlap_at_N", {{}}}}};
  REQUIRE(table.column("mae")[0] == 0.5);
  REQUIRE_FALSE(table.column("overlap_at_N")[0]);
  REQUIRE_THROWS_AS(table.column("mse"), ConfigError);
  REQUIRE_THROWS_WITH(table.column("mse"), contains("'mse'") && contains("'overlap_at_N'"));
}
