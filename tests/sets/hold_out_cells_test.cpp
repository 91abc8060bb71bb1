#include "vcell/sets/hold_out_cells.hpp"

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "vcell/sets/validation_cells.hpp"

using namespace vcell;
using vcell_test::Cells;
using vcell_test::small_screen;

namespace {

size_t count(const Screen& screen, const std::vector<Part>& parts, const std::string& name,
             Part part) {
  size_t n = 0;
  for (size_t i = 0; i < parts.size(); ++i)
    n += parts[i] == part && vcell_test::perturbation_of(screen, i) == name;
  return n;
}

}  // namespace

TEST_CASE("hold_out_cells: a share of every pair, controls left alone", "[sets]") {
  const Screen screen =
      small_screen({{"x", "ctrl", 50}, {"x", "A", 20}, {"y", "B", 5}, {"y", "C", 1}});
  std::vector<Part> parts(screen.cells(), Part::train);
  hold_out_cells(screen, {.validation = 0.1, .test = 0.25, .seed = 1}, parts);
  CHECK(count(screen, parts, "A", Part::test) == 5);
  CHECK(count(screen, parts, "A", Part::validation) == 2);
  CHECK(count(screen, parts, "B", Part::test) == 1);        // 1.25
  CHECK(count(screen, parts, "B", Part::validation) == 1);  // 0.5, halves up
  CHECK(count(screen, parts, "C", Part::train) == 1);
  CHECK(count(screen, parts, "ctrl", Part::train) == 50);
}

TEST_CASE("hold_out_cells: depends on the seed, and on no other pair", "[sets]") {
  const Screen screen = small_screen({{"x", "ctrl", 3}, {"x", "A", 40}, {"x", "B", 40}});
  const auto held = [](const Screen& s, uint64_t seed) {
    std::vector<Part> parts(s.cells(), Part::train);
    hold_out_cells(s, {.test = 0.5, .seed = seed}, parts);
    return std::vector<Part>(parts.begin(), parts.begin() + 43);  // controls and A
  };
  CHECK(held(screen, 1) == held(screen, 1));
  CHECK(held(screen, 1) != held(screen, 2));
  CHECK(held(screen, 1) == held(small_screen({{"x", "ctrl", 3}, {"x", "A", 40}}), 1));
}

TEST_CASE("hold_out_cells: halves are rounded up, also where the product is a little less",
          "[sets]") {
  for (const auto& [n, fraction, expected] :
       {std::tuple{50, 0.29, 15}, {10, 0.35, 4}, {5, 0.1, 1}, {4, 0.1, 0}, {45, 0.1, 5}}) {
    CAPTURE(n, fraction);
    const Screen screen = small_screen({{"x", "ctrl", 1}, {"x", "A", size_t(n)}});
    std::vector<Part> parts(screen.cells(), Part::train);
    hold_out_cells(screen, {.test = fraction}, parts);
    CHECK(count(screen, parts, "A", Part::test) == size_t(expected));
  }
}

TEST_CASE("hold_out_cells: validation cells are no function of the test cells", "[sets]") {
  // With one seed for both, the same draw would take the cells at the same places.
  const Screen screen = small_screen({{"x", "ctrl", 1}, {"x", "A", 1000}});
  std::vector<Part> split(screen.cells(), Part::train), drawn = split;
  hold_out_cells(screen, {.test = 0.1}, split, "split by cells");
  hold_out_cells(screen, {.validation = 0.1}, drawn);
  size_t both = 0;
  for (size_t i = 0; i < split.size(); ++i)
    both += split[i] == Part::test && drawn[i] == Part::validation;
  CHECK(both < 30);  // 10 are expected by chance, with standard deviation 2.9
}

TEST_CASE("hold_out_cells: one cell of a pair stays", "[sets]") {
  const Screen screen = small_screen({{"x", "ctrl", 1}, {"x", "A", 2}, {"x", "B", 1}});
  std::vector<Part> parts(screen.cells(), Part::train);
  hold_out_cells(screen, {.validation = 0.49, .test = 0.5}, parts);
  CHECK(count(screen, parts, "A", Part::train) == 1);
  CHECK(count(screen, parts, "B", Part::train) == 1);
}

TEST_CASE("hold_out_cells: errors", "[sets]") {
  const Screen screen = small_screen({{"x", "ctrl", 1}, {"x", "A", 2}});
  std::vector<Part> parts(screen.cells(), Part::train);
  CHECK_THROWS_AS(hold_out_cells(screen, {.test = 1.0}, parts), ConfigError);
  CHECK_THROWS_AS(hold_out_cells(screen, {.test = -0.1}, parts), ConfigError);
  CHECK_THROWS_AS(hold_out_cells(screen, {.validation = 0.6, .test = 0.4}, parts), ConfigError);
  CHECK_THROWS_AS(hold_out_cells(screen, {.test = std::nan("")}, parts), ConfigError);
  parts.pop_back();
  CHECK_THROWS_AS(hold_out_cells(screen, {.test = 0.1}, parts), ShapeError);
}

TEST_CASE("validation_cells: a tenth of the training cells, never of the test cells", "[sets]") {
  const Screen screen =
      small_screen({{"x", "ctrl", 30}, {"x", "A", 60}, {"x", "B", 40}, {"y", "A", 14}});
  std::vector<Part> before(screen.cells(), Part::train);
  for (size_t i = 0; i < before.size(); ++i)
    if (vcell_test::perturbation_of(screen, i) == "B") before[i] = Part::test;
  auto parts = before;
  CHECK(add_validation_cells(screen, parts, {.seed = 5}) == 7);  // 6 of 60 and 1 of 14
  for (size_t i = 0; i < parts.size(); ++i) {
    if (before[i] == Part::test) CHECK(parts[i] == Part::test);
    if (parts[i] == Part::validation) CHECK(vcell_test::perturbation_of(screen, i) == "A");
  }
  // A second call finds a validation part and leaves it.
  const auto after = parts;
  CHECK(add_validation_cells(screen, parts, {.seed = 6}) == 0);
  CHECK(parts == after);
}
