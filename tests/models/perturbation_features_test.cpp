#include "vcell/models/perturbation_features.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

TEST_CASE("perturbation_features: one-hot", "[models]") {
  const auto f = PerturbationFeatures::one_hot({"ctrl", "A", "B"});
  REQUIRE(f.is_one_hot());
  REQUIRE(f.width() == 3);
  REQUIRE(f.vector("A") == std::vector<float>{0, 1, 0});
  REQUIRE(f.place("B") == 2);
  REQUIRE(f.has("ctrl"));
  REQUIRE_FALSE(f.has("C"));
  std::vector<double> out(3, 7);
  f.copy<double>(0, out);
  REQUIRE(out == std::vector<double>{1, 0, 0});
}

TEST_CASE("perturbation_features: vectors by name", "[models]") {
  PerturbationFeatures f(2);
  f.add("A", std::vector<float>{0.5f, 2});
  f.add("ctrl", std::vector<float>{0, 0});
  REQUIRE_FALSE(f.is_one_hot());
  REQUIRE(f.names() == std::vector<std::string>{"A", "ctrl"});
  REQUIRE(f.vector("A") == std::vector<float>{0.5f, 2});
  REQUIRE(f.vector("ctrl") == std::vector<float>{0, 0});
}

TEST_CASE("perturbation_features: errors", "[models]") {
  auto one_hot = PerturbationFeatures::one_hot({"STAT1", "STAT2"});
  check_error<ConfigError>([&] { one_hot.place("Stat3"); },
                           {"'Stat3' is not known to the model", "did you mean 'STAT1'"});
  check_error<ConfigError>([&] { one_hot.add("x", std::vector<float>{1, 2}); }, {"'x'"});
  check_error<ConfigError>(
      [] {
        PerturbationFeatures::one_hot({"A", "B", "A"});
      },
      {"'A' comes twice"});
  PerturbationFeatures f(2);
  check_error<ShapeError>([&] { f.add("A", std::vector<float>{1}); }, {"(1)", "(2)"});
  check_error<ConfigError>([&] { f.add("A", std::vector<float>{1, NAN}); }, {"'A' hold nan"});
  REQUIRE(f.names().empty());
  f.add("A", std::vector<float>{1, 2});
  check_error<ConfigError>([&] { f.add("A", std::vector<float>{1, 2}); }, {"'A' comes twice"});
  std::vector<float> out(2);
  check_error<ShapeError>([&] { f.copy<float>(1, out); }, {"place is 1"});
}
