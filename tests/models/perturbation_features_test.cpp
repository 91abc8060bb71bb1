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

TEST_CASE("perturbation_features: a dose is its perturbation times an amount", "[models]") {
  ScreenOptions labels;
  labels.control = "ctrl";
  labels.dose_key = "dose";
  labels.combination_separator = "+";
  auto one_hot = PerturbationFeatures::one_hot({"ctrl", "A", "B"});
  CHECK_THROWS_AS(one_hot.add_dose("A@1", {"A", 1}), Error);  // no range of doses yet
  CHECK(one_hot.names().size() == 3);
  one_hot.combine(std::vector<std::string>{"A@0.5", "A@4", "B@1", "A+B@2", "ctrl"}, labels);
  CHECK(one_hot.least_dose() == 0.5);
  CHECK(one_hot.greatest_dose() == 4);
  // Parts of a combination come with it, at its dose.
  CHECK(one_hot.names() ==
        std::vector<std::string>{"ctrl", "A", "B", "A@0.5", "A@4", "B@1", "A@2", "B@2", "A+B@2"});
  const auto amount = [](double dose) { return float(std::log1p(dose / 0.5) / std::log(9.)); };
  CHECK(one_hot.vector("A@0.5") == std::vector<float>{0, amount(0.5), 0});
  CHECK(one_hot.vector("A@4") == std::vector<float>{0, 1, 0});
  CHECK(one_hot.vector("B@1") == std::vector<float>{0, 0, amount(1)});
  CHECK(one_hot.vector("A+B@2") == std::vector<float>{0, amount(2), amount(2)});
  CHECK(one_hot.amount(0) == 0);
  CHECK(one_hot.amount(8) > 1);  // beyond what was tried
  const size_t low = one_hot.place("A@0.5");
  CHECK(one_hot.is_dosed(low));
  CHECK_FALSE(one_hot.is_combination(low));
  CHECK(one_hot.is_combination(one_hot.place("A+B@2")));
  CHECK_FALSE(one_hot.is_dosed(one_hot.place("A+B@2")));
  CHECK_FALSE(one_hot.is_dosed(1));
  CHECK(one_hot.at_dose(low).place == 1);
  CHECK(one_hot.other_doses(low) ==
        std::vector<size_t>{one_hot.place("A@4"), one_hot.place("A@2")});
  CHECK(one_hot.other_doses(1).empty());
  one_hot.silence("A@4");
  CHECK(one_hot.vector("A@4") == std::vector<float>(3, 0));
  CHECK(one_hot.silent() == std::vector<std::string>{"A@4"});
  CHECK(one_hot.vector("A@2") != std::vector<float>(3, 0));
  check_error<ConfigError>([&] { one_hot.add_dose("C@1", {"C", 1}); }, {"'C'", "'C@1'"});
  check_error<ConfigError>([&] { one_hot.add_dose("A@4", {"A", 4}); }, {"'A@4' comes twice"});
  check_error<ConfigError>([&] { one_hot.set_doses(2, 1); }, {"doses from 2 to 1"});

  PerturbationFeatures f(2);
  f.add("A", std::vector<float>{1, -2});
  f.combine(std::vector<std::string>{"A@3"}, labels);
  CHECK(f.vector("A@3") == std::vector<float>{1, -2});  // the one dose is the greatest
  f.set_doses(1, 3);
  f.combine(std::vector<std::string>{"A@1"}, labels);
  CHECK(f.vector("A@1") == std::vector<float>{0.5f, -1});
  f.silence("A@1");
  CHECK(f.vector("A@1") == std::vector<float>{0, 0});
  CHECK(f.vector("A") == std::vector<float>{1, -2});
}
