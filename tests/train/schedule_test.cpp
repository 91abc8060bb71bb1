#include "vcell/train/schedule.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace vcell;
using vcell_test::contains;
using vcell_test::golden_folder;

TEST_CASE("schedule: golden, warm-up and cosine", "[train][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  std::ifstream in(*folder / "ops.json");
  const auto schedules = nlohmann::json::parse(in).at("ops").at("schedule");
  size_t found = 0;
  for (const auto& [name, s] : schedules.items()) {
    if (!name.starts_with("transformers_")) continue;
    ++found;
    const Schedule schedule{.rate = s.at("lr"),
                            .shape = ScheduleShape::cosine,
                            .warmup = s.at("warmup"),
                            .total = s.at("total")};
    check_schedule(schedule);
    for (uint64_t step = 0; step <= schedule.total; ++step) {
      INFO(name << ", step " << step);
      REQUIRE(std::abs(learning_rate(schedule, step) - s.at("values").at(step).get<double>()) <=
              1e-12 * schedule.rate);
    }
    for (const uint64_t after : {1, 10, 1000000})
      REQUIRE(learning_rate(schedule, schedule.total + after) ==
              learning_rate(schedule, schedule.total));
  }
  REQUIRE(found > 0);
}

TEST_CASE("schedule: golden, chained", "[train][golden]") {
  const auto folder = golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  std::ifstream in(*folder / "ops.json");
  const auto schedules = nlohmann::json::parse(in).at("ops").at("schedule");
  size_t found = 0;
  for (const auto& [name, s] : schedules.items()) {
    if (!name.starts_with("state_embedding_chained_")) continue;
    ++found;
    REQUIRE(s.at("end").get<double>() == 1);
    Schedule schedule{.rate = s.at("lr"),
                      .shape = ScheduleShape::chained,
                      .warmup = s.at("warmup"),
                      .total = s.at("T_max"),
                      .last = s.at("eta_min").get<double>() / s.at("lr").get<double>(),
                      .first = s.at("start")};
    check_schedule(schedule);
    const auto& values = s.at("values");
    REQUIRE(values.size() == schedule.total + 1);
    for (const uint64_t stride : {1, 2, 9}) {
      schedule.stride = stride;
      for (uint64_t step = 0; (step + 1) * stride <= values.size(); ++step) {
        INFO(name << ", step " << step << " of stride " << stride);
        REQUIRE(std::abs(learning_rate(schedule, step) -
                         values.at((step + 1) * stride - 1).get<double>()) <=
                1e-12 * schedule.rate);
      }
    }
  }
  REQUIRE(found > 0);
}

TEST_CASE("schedule: golden, the rates that State Embedding's optimiser used", "[train][golden]") {
  const auto folder = golden_folder("state_embedding");
  if (!folder) VCELL_SKIP("golden folder state_embedding is absent");
  size_t found = 0;
  for (const auto& file : std::filesystem::directory_iterator(*folder)) {
    if (file.path().extension() != ".json" || file.path().stem() == "index") continue;
    std::ifstream in(file.path());
    const auto variant = nlohmann::json::parse(in);
    const auto& optimizer = variant.at("configuration").at("optimizer");
    const auto rates = variant.at("f64").at("learning_rates").get<std::vector<double>>();
    // Without accumulation the schedule makes two steps in one of training, and is as long as that.
    const uint64_t total = 2 * rates.size();
    const Schedule schedule{.rate = optimizer.at("max_lr"),
                            .shape = ScheduleShape::chained,
                            .warmup = uint64_t(0.03 * double(total)),
                            .total = total,
                            .last = 0.3,
                            .first = optimizer.at("start"),
                            .stride = 2};
    for (size_t step = 0; step < rates.size(); ++step) {
      INFO(file.path().stem() << ", step " << step);
      CHECK(std::abs(learning_rate(schedule, step) - rates[step]) <= 1e-12 * schedule.rate);
      ++found;
    }
  }
  REQUIRE(found > 0);
}

TEST_CASE("schedule: chained without warm-up, and after its end", "[train]") {
  // torch.optim.lr_scheduler's, 2.15: rate 4e-4 from 0.33 of it, to 0.3 of it within 6 steps.
  const Schedule s{
      .rate = 4e-4, .shape = ScheduleShape::chained, .total = 6, .last = 0.3, .first = 0.33};
  const std::pair<uint64_t, double> expected[] = {
      {0, 0.000132}, {1, 0.00013119615242270665},  {2, 0.00012900000000000002},
      {6, 0.00012},  {7, 0.00013875644347017857},  {8, 0.00018999999999999996},
      {12, 0.0004},  {13, 0.0003812435565298215},  {18, 0.00012},
      {24, 0.0004},  {27, 0.00026000000000000047}, {600'000'000'000, 0.0004}};
  for (const auto& [step, rate] : expected) {
    INFO("step " << step);
    CHECK(std::abs(learning_rate(s, step) - rate) < 1e-15);
  }
}

TEST_CASE("schedule: constant, with and without warm-up", "[train]") {
  REQUIRE(learning_rate({.rate = 0.5}, 0) == 0.5);
  REQUIRE(learning_rate({.rate = 0.5}, 1'000'000) == 0.5);
  const Schedule s{.rate = 0.5, .warmup = 4};
  REQUIRE(learning_rate(s, 0) == 0);
  REQUIRE(learning_rate(s, 1) == 0.125);
  REQUIRE(learning_rate(s, 4) == 0.5);
  REQUIRE(learning_rate(s, 5) == 0.5);
}

TEST_CASE("schedule: a cosine that ends above zero stays there", "[train]") {
  const Schedule s{.rate = 2, .shape = ScheduleShape::cosine, .total = 10, .last = 0.3};
  REQUIRE(learning_rate(s, 0) == 2);
  REQUIRE(learning_rate(s, 5) == Approx(1.3));
  REQUIRE(learning_rate(s, 10) == Approx(0.6));
  REQUIRE(learning_rate(s, 11) == learning_rate(s, 10));
}

TEST_CASE("schedule: errors", "[train]") {
  REQUIRE_THROWS_WITH(check_schedule({.rate = 0}), contains("rate is 0"));
  REQUIRE_THROWS_WITH(check_schedule({.rate = INFINITY}), contains("finite"));
  REQUIRE_THROWS_WITH(check_schedule({.last = 1.5}), contains("last is 1.5"));
  REQUIRE_THROWS_WITH(check_schedule({.shape = ScheduleShape::cosine, .warmup = 5, .total = 5}),
                      contains("total is 5 and warmup 5"));
  REQUIRE_THROWS_WITH(check_schedule({.shape = ScheduleShape::chained, .warmup = 5, .total = 5}),
                      contains("total is 5 and warmup 5"));
  REQUIRE_THROWS_WITH(check_schedule({.first = 0}), contains("first is 0"));
  REQUIRE_THROWS_WITH(check_schedule({.stride = 0}), contains("stride is 0"));
}
