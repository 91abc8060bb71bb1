#include "vcell/models/perturbation_features.hpp"

#include <algorithm>
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

TEST_CASE("perturbation_features: a combination is the sum of its parts", "[models]") {
  auto one_hot = PerturbationFeatures::one_hot({"ctrl", "A", "B"});
  one_hot.combine("A+B", {"A", "B"});
  one_hot.combine("A+A", {"A", "A"});
  CHECK(one_hot.width() == 3);
  CHECK(one_hot.vector("A+B") == std::vector<float>{0, 1, 1});
  CHECK(one_hot.vector("A+A") == std::vector<float>{0, 2, 0});
  CHECK(one_hot.place("A+B") == 3);
  CHECK(one_hot.is_combination(3));
  CHECK_FALSE(one_hot.is_combination(1));
  CHECK(std::ranges::equal(one_hot.parts(3), std::vector<size_t>{1, 2}));
  CHECK(one_hot.parts(2).empty());
  one_hot.silence("A+B");
  one_hot.silence("B");
  CHECK(one_hot.vector("A+B") == std::vector<float>(3, 0));
  CHECK(one_hot.silent() == std::vector<std::string>{"B", "A+B"});

  PerturbationFeatures f(2);
  f.add("A", std::vector<float>{1, 2});
  f.add("B", std::vector<float>{10, -1});
  f.combine("A+B", {"A", "B"});
  f.add("C", std::vector<float>{7, 7});  // singles may come later
  CHECK(f.vector("A+B") == std::vector<float>{11, 1});
  CHECK(f.vector("C") == std::vector<float>{7, 7});
  CHECK(f.parts(3).empty());
  f.silence("C");
  CHECK(f.vector("C") == std::vector<float>{0, 0});
  CHECK(f.vector("B") == std::vector<float>{10, -1});
  check_error<ConfigError>([&] { f.combine("A+X", {"A", "X"}); }, {"'X'", "'A+X'"});
  check_error<ConfigError>([&] { f.combine("A+B+A", {"A+B", "A"}); }, {"'A+B'"});
  check_error<ConfigError>([&] { f.combine("A+B", {"A", "B"}); }, {"'A+B' comes twice"});
  CHECK(f.names().size() == 4);
}
