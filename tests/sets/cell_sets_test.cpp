#include "vcell/sets/cell_sets.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::small_screen;

namespace {

Screen screen() {
  return small_screen({{"x", "ctrl", 9, "b1"},
                       {"x", "A", 7, "b1"},
                       {"x", "A", 3, "b2"},
                       {"x", "B", 4, "b1"},
                       {"y", "ctrl", 5, "b2"},
                       {"y", "A", 1, "b2"}});
}

}  // namespace

TEST_CASE("cell_sets: every cell once, the rest from its own group", "[sets]") {
  const Screen s = screen();
  const std::vector<Part> parts(s.cells(), Part::train);
  for (const size_t size : {1, 4, 32}) {
    const CellSets sets(s, parts, {.set_size = size});
    CHECK(sets.groups().size() == 5);
    for (uint64_t e = 0; e < 3; ++e) {
      const EpochSets epoch = sets.epoch(42, e);
      REQUIRE(epoch.group.size() == sets.sets());
      REQUIRE(epoch.cells.size() == sets.sets() * size);
      std::map<size_t, size_t> seen;
      std::map<size_t, size_t> sets_of;
      for (size_t i = 0; i < epoch.cells.size(); ++i) {
        const CellGroup& group = sets.groups()[epoch.group[i / size]];
        CHECK(s.context.codes[epoch.cells[i]] == group.context);
        CHECK(s.perturbation.codes[epoch.cells[i]] == group.perturbation);
        ++seen[epoch.cells[i]];
        if (i % size == 0) ++sets_of[epoch.group[i / size]];
      }
      CHECK(seen.size() == s.cells());
      for (size_t g = 0; g < sets.groups().size(); ++g)
        CHECK(sets_of[g] == (sets.groups()[g].cells.size() + size - 1) / size);
      // Nothing is filled where S divides the group.
      if (size == 1)
        for (const auto& cell : seen) CHECK(cell.second == 1);
    }
  }
  CHECK(CellSets(s, parts, {.set_size = 4}).sets() == 3 + 3 + 1 + 2 + 1);
}

TEST_CASE("cell_sets: a function of seed and epoch", "[sets]") {
  const Screen s = screen();
  const std::vector<Part> parts(s.cells(), Part::train);
  const CellSets sets(s, parts, {.set_size = 4});
  CHECK(sets.epoch(1, 5).cells == CellSets(s, parts, {.set_size = 4}).epoch(1, 5).cells);
  CHECK(sets.epoch(1, 5).cells != sets.epoch(1, 6).cells);
  CHECK(sets.epoch(1, 5).cells != sets.epoch(2, 5).cells);
}

TEST_CASE("cell_sets: part, controls and batches are chosen", "[sets]") {
  const Screen s = screen();
  std::vector<Part> parts(s.cells(), Part::train);
  for (size_t i = 9; i < 14; ++i) parts[i] = Part::test;  // five of A
  const auto cells = [&](const CellSetOptions& options) {
    const auto epoch = CellSets(s, parts, options).epoch(0, 0);
    return std::set<size_t>(epoch.cells.begin(), epoch.cells.end());
  };
  CHECK(cells({.part = Part::test}) == std::set<size_t>{9, 10, 11, 12, 13});
  CHECK(cells({.part = Part::train}).size() == s.cells() - 5);
  CHECK(cells({.part = Part::train, .control_sets = false}).size() == s.cells() - 5 - 14);
  CHECK(cells({.part = Part::validation}).empty());

  const CellSets by_batch(s, parts, {.set_size = 3, .by_batch = true});
  CHECK(by_batch.groups().size() == 6);
  const auto epoch = by_batch.epoch(0, 0);
  for (size_t i = 0; i < epoch.cells.size(); ++i)
    CHECK(s.batch.codes[epoch.cells[i]] == by_batch.groups()[epoch.group[i / 3]].batch);
}

TEST_CASE("cell_sets: cells of different strata never share a set", "[sets]") {
  const Screen s = screen();
  const std::vector<Part> parts(s.cells(), Part::train);
  std::vector<int32_t> strata(s.cells());
  for (size_t i = 0; i < strata.size(); ++i) strata[i] = i % 3 == 0 ? 40 : -2;
  for (const bool fill : {true, false}) {
    const CellSets sets(s, parts, {.set_size = 4, .fill = fill, .strata = strata});
    size_t expected = 0;
    for (const CellGroup& group : sets.groups()) expected += (group.cells.size() + 3) / 4;
    CHECK(sets.sets() == expected);
    std::set<size_t> seen;
    const auto epoch = sets.epoch(3, 0);
    for (size_t i = 0; i < epoch.cells.size(); ++i) {
      if (epoch.cells[i] == no_cell) continue;
      CHECK(strata[epoch.cells[i]] == sets.groups()[epoch.group[i / 4]].stratum);
      seen.insert(epoch.cells[i]);
    }
    CHECK(seen.size() == s.cells());
  }
  // One stratum is as none.
  strata.assign(s.cells(), 5);
  CHECK(CellSets(s, parts, {.strata = strata}).epoch(1, 2).cells ==
        CellSets(s, parts, {}).epoch(1, 2).cells);
  CHECK(CellSets(s, parts, {}).groups()[0].stratum == -1);
}

TEST_CASE("cell_sets: a perturbation has its share of an epoch's sets", "[sets]") {
  const Screen s =
      small_screen({{"x", "ctrl", 40}, {"x", "A", 90}, {"x", "B", 10}, {"y", "A", 10}});
  const std::vector<Part> parts(s.cells(), Part::train);
  const auto shares = [&](const CellSetOptions& options) {
    const CellSets sets(s, parts, options);
    const size_t T = sets.sets(), epochs = 400;
    std::vector<double> mean(sets.groups().size());
    for (uint64_t e = 0; e < epochs; ++e) {
      const auto epoch = sets.epoch(7, e);
      REQUIRE(epoch.group.size() == T);
      REQUIRE(epoch.cells.size() == T * options.set_size);
      std::vector<size_t> n(mean.size());
      for (const size_t g : epoch.group) ++n[g];
      for (size_t g = 0; g < n.size(); ++g) mean[g] += double(n[g]) / double(epochs);
      for (size_t i = 0; i < epoch.cells.size(); ++i) {
        if (epoch.cells[i] == no_cell) continue;
        const CellGroup& group = sets.groups()[epoch.group[i / options.set_size]];
        CHECK(std::count(group.cells.begin(), group.cells.end(), epoch.cells[i]) == 1);
      }
    }
    for (double& m : mean) m /= double(T);
    return mean;
  };
  // Groups: x A (90 cells), x B (10), x ctrl (40), y A (10); A has 100 cells in all.
  const auto uniform = shares({.set_size = 8, .weights = SamplingWeights::uniform});
  const double third = 1.0 / 3;
  const double expected[] = {0.9 * third, third, third, 0.1 * third};
  for (size_t g = 0; g < 4; ++g) CHECK(uniform[g] == Approx(expected[g]).margin(0.004));
  const auto root = shares({.set_size = 8, .fill = false, .weights = SamplingWeights::square_root});
  const double sum = 10 + std::sqrt(10.0) + std::sqrt(40.0);
  const double by_root[] = {9 / sum, std::sqrt(10.0) / sum, std::sqrt(40.0) / sum, 1 / sum};
  for (size_t g = 0; g < 4; ++g) CHECK(root[g] == Approx(by_root[g]).margin(0.004));
  // Controls that are no targets have no share.
  const auto without =
      shares({.set_size = 8, .control_sets = false, .weights = SamplingWeights::uniform});
  CHECK(without[1] == Approx(0.5).margin(0.005));
}

TEST_CASE("cell_sets: a group with more sets than its cells make sees all cells alike", "[sets]") {
  const Screen s = small_screen({{"x", "ctrl", 400}, {"x", "A", 6}});
  const std::vector<Part> parts(s.cells(), Part::train);
  const CellSets sets(s, parts, {.set_size = 3, .weights = SamplingWeights::uniform});
  const auto epoch = sets.epoch(1, 0);
  std::map<size_t, size_t> seen;
  for (size_t i = 0; i < epoch.cells.size(); ++i)
    if (epoch.cells[i] >= 400) ++seen[epoch.cells[i]];
  REQUIRE(seen.size() == 6);  // 68 or 67 sets: 33 passes of two, and what is left
  for (const auto& cell : seen) CHECK((cell.second == 33 || cell.second == 34));
  const std::vector<Part> none(s.cells(), Part::unused);
  CHECK(CellSets(s, none, {.weights = SamplingWeights::uniform}).epoch(1, 0).cells.empty());
}

TEST_CASE("cell_sets: errors", "[sets]") {
  const Screen s = screen();
  std::vector<Part> parts(s.cells(), Part::train);
  CHECK_THROWS_AS(CellSets(s, parts, {.set_size = 0}), ConfigError);
  const std::vector<int32_t> strata(s.cells() - 1);
  check_error<ShapeError>([&] { CellSets(s, parts, {.strata = strata}); },
                          {"CellSets", "strata", "28", "29"});
  parts.pop_back();
  CHECK_THROWS_AS(CellSets(s, parts, {}), ShapeError);
  const Screen plain = small_screen({{"x", "ctrl", 1}});
  CHECK_THROWS_AS(CellSets(plain, std::vector<Part>(1), {.by_batch = true}), ConfigError);
}
