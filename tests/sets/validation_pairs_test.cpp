#include "vcell/sets/validation_pairs.hpp"

#include <cmath>
#include <map>
#include <set>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::even_screen;
using vcell_test::small_screen;

namespace {

using Pair = std::pair<std::string, std::string>;

std::set<Pair> pairs_in(const Screen& screen, const std::vector<Part>& parts, Part part) {
  std::set<Pair> out;
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i] == part && !screen.is_control(i))
      out.insert({vcell_test::context_of(screen, i), vcell_test::perturbation_of(screen, i)});
  return out;
}

/// The pairs that move when all cells train; as many as the return value says.
std::set<Pair> moved(const Screen& screen, const ValidationPairOptions& options = {}) {
  std::vector<Part> parts(screen.cells(), Part::train);
  const size_t n = add_validation_pairs(screen, parts, options);
  const auto pairs = pairs_in(screen, parts, Part::validation);
  CHECK(pairs.size() == n);
  for (const Pair& pair : pairs_in(screen, parts, Part::train)) CHECK_FALSE(pairs.contains(pair));
  for (size_t i = 0; i < parts.size(); ++i)
    if (screen.is_control(i)) CHECK(parts[i] == Part::train);
  return pairs;
}

}  // namespace

TEST_CASE("validation_pairs: a share of the pairs, rounded down, at least one", "[sets]") {
  const Screen screen = even_screen({"x", "y", "z"}, 10);
  CHECK(moved(screen).size() == 6);
  CHECK(moved(screen, {.share = 0.33}).size() == 9);
  CHECK(moved(screen, {.share = 0.01}).size() == 1);
  CHECK(moved(screen, {.share = 0}).empty());
  // 0.29 of 100, though the product comes out a little below 29.
  CHECK(moved(even_screen({"x", "y"}, 50), {.share = 0.29}).size() == 29);
  // Perturbations of one context do not count.
  const Screen uneven = small_screen({{"x", "ctrl", 3},
                                      {"x", "A", 2},
                                      {"x", "B", 2},
                                      {"x", "C", 2},
                                      {"x", "D", 2},
                                      {"y", "ctrl", 3},
                                      {"y", "A", 5},
                                      {"y", "E", 2},
                                      {"z", "ctrl", 1},
                                      {"z", "A", 1}});
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto pairs = moved(uneven, {.share = 0.5, .seed = seed});  // of three, not of seven
    REQUIRE(pairs.size() == 1);
    CHECK(pairs.begin()->second == "A");
  }
}

TEST_CASE("validation_pairs: a perturbation keeps a context", "[sets]") {
  const Screen two = even_screen({"x", "y"}, 10), three = even_screen({"x", "y", "z"}, 10);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    // 19 of 20 are asked for, and 29 of 30: one pair of each perturbation stays.
    for (const auto& [screen, left] : {std::pair(&two, 10), std::pair(&three, 20)}) {
      std::map<std::string, size_t> contexts;
      const auto pairs = moved(*screen, {.share = 0.99, .seed = seed});
      CHECK(pairs.size() == size_t(left));
      for (const Pair& pair : pairs) ++contexts[pair.second];
      for (const auto& [name, n] : contexts) CHECK(n == size_t(left) / 10);
    }
    // As many as there can be move, also where the first drawn are all of one perturbation.
    CHECK(moved(two, {.share = 0.5, .seed = seed}).size() == 10);
  }
}

TEST_CASE("validation_pairs: drawn by seed and names alone", "[sets]") {
  const Screen screen = even_screen({"x", "y", "z"}, 10);
  CHECK(moved(screen, {.seed = 3}) == moved(screen, {.seed = 3}));
  CHECK(moved(screen, {.seed = 3}) != moved(screen, {.seed = 4}));
  // Neither the order of the cells nor their number matters.
  std::vector<vcell_test::Cells> groups;
  for (const std::string context : {"z", "y", "x"}) {
    for (int i = 9; i >= 0; --i) groups.push_back({context, "P00" + std::to_string(i), 3});
    groups.push_back({context, "ctrl", 1});
  }
  const auto other = small_screen(groups);
  CHECK(moved(other, {.seed = 3}) == moved(screen, {.seed = 3}));
  // Nor do the other pairs: without those that moved last, the first ones are the same.
  const auto few = moved(screen, {.share = 0.1, .seed = 3});
  for (const Pair& pair : few) CHECK(moved(screen, {.share = 0.3, .seed = 3}).contains(pair));
  const Screen larger = even_screen({"x", "y", "z"}, 11);
  const auto more = moved(larger, {.share = 0.1, .seed = 3});
  size_t kept = 0;
  for (const Pair& pair : more) kept += few.contains(pair);
  CHECK(kept + 1 >= more.size());
  // Any pair may be drawn.
  std::set<Pair> drawn;
  for (uint64_t seed = 0; seed < 200; ++seed) drawn.merge(moved(screen, {.seed = seed}));
  CHECK(drawn.size() == 30);
}

TEST_CASE("validation_pairs: nothing to move", "[sets]") {
  CHECK(moved(even_screen({"x"}, 5)).empty());
  CHECK(moved(small_screen({{"x", "ctrl", 2}, {"x", "A", 3}, {"y", "ctrl", 2}, {"y", "B", 3}}))
            .empty());
  CHECK(moved(small_screen({{"x", "ctrl", 2}, {"y", "ctrl", 2}})).empty());
}

TEST_CASE("validation_pairs: of train alone, and where there is no validation", "[sets]") {
  // Cells 0 .. 3 control, 4 .. 7 (x, A), 8 .. 11 (y, A), 12, 13 (x, B), 14, 15 (y, B).
  const Screen screen = small_screen({{"x", "ctrl", 2},
                                      {"y", "ctrl", 2},
                                      {"x", "A", 4},
                                      {"y", "A", 4},
                                      {"x", "B", 2},
                                      {"y", "B", 2}});
  std::vector<Part> before(screen.cells(), Part::train);
  before[4] = before[8] = before[12] = before[13] = Part::test;
  before[9] = Part::unused;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    auto parts = before;
    // B trains in y alone, since its cells of x are test.
    CHECK(add_validation_pairs(screen, parts, {.share = 0.9, .seed = seed}) == 1);
    CHECK(pairs_in(screen, parts, Part::validation).begin()->second == "A");
    const size_t moves = size_t(std::count(parts.begin(), parts.end(), Part::validation));
    CHECK(moves == (parts[5] == Part::validation ? 3 : 2));
    for (size_t i = 0; i < parts.size(); ++i)
      if (before[i] != Part::train) CHECK(parts[i] == before[i]);
    // A second call finds a validation part and leaves it.
    const auto after = parts;
    CHECK(add_validation_pairs(screen, parts, {.seed = seed}) == 0);
    CHECK(parts == after);
  }
  // Control cells in validation are none to validate on.
  auto parts = before;
  parts[0] = Part::validation;
  CHECK(add_validation_pairs(screen, parts) == 1);
  CHECK(parts[0] == Part::validation);
}

TEST_CASE("validation_pairs: errors", "[sets]") {
  const Screen screen = even_screen({"x", "y"}, 2);
  std::vector<Part> parts(screen.cells(), Part::train);
  for (const double share : {1.0, -0.1, std::nan("")})
    check_error<ConfigError>([&] { add_validation_pairs(screen, parts, {.share = share}); },
                             {"add_validation_pairs", "share", "below 1"});
  parts.pop_back();
  CHECK_THROWS_AS(add_validation_pairs(screen, parts), ShapeError);
}
