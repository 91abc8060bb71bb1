#include "vcell/sets/control_pairing.hpp"

#include <map>
#include <set>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/sets/gather_rows.hpp"
#include "vcell/tensor/tensor.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::small_screen;

namespace {

std::vector<size_t> list(std::span<const size_t> cells) { return {cells.begin(), cells.end()}; }

}  // namespace

TEST_CASE("control_pairing: controls of the same context", "[sets]") {
  const Screen screen = small_screen(
      {{"x", "ctrl", 2}, {"x", "A", 1}, {"y", "A", 2}, {"y", "ctrl", 3}, {"x", "ctrl", 1}});
  const ControlPairing pairing(screen);
  CHECK(list(pairing.controls(0)) == std::vector<size_t>{0, 1, 8});
  CHECK(list(pairing.controls(1)) == std::vector<size_t>{5, 6, 7});
  CHECK(list(pairing.controls_of_cell(2)) == std::vector<size_t>{0, 1, 8});
  CHECK(list(pairing.controls_of_cell(3)) == std::vector<size_t>{5, 6, 7});
  CHECK(pairing.fallbacks().empty());
  Rng rng(1);
  std::set<size_t> drawn;
  for (int i = 0; i < 100; ++i) drawn.insert(pairing.draw(4, rng));
  CHECK(drawn == std::set<size_t>{5, 6, 7});
  CHECK_THROWS_AS(pairing.controls(2), ShapeError);
  CHECK_THROWS_AS(pairing.controls(-1), ShapeError);
}

TEST_CASE("control_pairing: in turn, so that all are used alike", "[sets]") {
  const Screen screen = small_screen({{"x", "ctrl", 5, "b1"},
                                      {"x", "ctrl", 2, "b2"},
                                      {"x", "A", 9, "b1"},
                                      {"x", "A", 3, "b2"},
                                      {"x", "A", 4, "b3"}});
  const ControlPairing pairing(screen, {.within_batch = true});
  std::vector<size_t> cells = {no_cell};
  for (size_t cell = 7; cell < 23; ++cell) cells.push_back(cell);
  Rng rng(3), again(3), other(4);
  const auto controls = pairing.cycle(cells, rng);
  CHECK(controls == pairing.cycle(cells, again));
  CHECK(controls != pairing.cycle(cells, other));
  CHECK(controls[0] == no_cell);
  std::map<size_t, size_t> of_first, of_second, of_third;
  for (size_t i = 1; i < cells.size(); ++i)
    ++(cells[i] < 16 ? of_first : cells[i] < 19 ? of_second : of_third)[controls[i]];
  CHECK(of_first.size() == 5);  // 9 of 5: each once or twice
  for (const auto& [control, n] : of_first) CHECK((control < 5 && n <= 2));
  CHECK(of_second.size() == 2);
  for (const auto& [control, n] : of_second) CHECK((control >= 5 && control < 7 && n <= 2));
  CHECK(of_third.size() == 4);  // no controls in b3: those of the context, each at most once
  // One that is kept is a function of cell and seed.
  std::set<size_t> kept;
  for (size_t cell = 7; cell < 16; ++cell) {
    CHECK(pairing.cached(cell, 1) == pairing.cached(cell, 1));
    CHECK(pairing.cached(cell, 1) < 5);
    kept.insert(pairing.cached(cell, 1));
  }
  CHECK(kept.size() > 1);
}

TEST_CASE("control_pairing: controls of the same batch, else of the context", "[sets]") {
  const Screen screen = small_screen({{"x", "ctrl", 2, "b1"},
                                      {"x", "ctrl", 1, "b2"},
                                      {"x", "A", 1, "b1"},
                                      {"x", "A", 1, "b2"},
                                      {"x", "B", 2, "b3"},
                                      {"y", "ctrl", 1, "b3"},
                                      {"y", "A", 4, "b1"},
                                      {"z", "ctrl", 1, "b1"}});
  const ControlPairing pairing(screen, {.within_batch = true});
  CHECK(list(pairing.controls_of_cell(3)) == std::vector<size_t>{0, 1});
  CHECK(list(pairing.controls_of_cell(4)) == std::vector<size_t>{2});
  CHECK(list(pairing.controls_of_cell(5)) == std::vector<size_t>{0, 1, 2});  // none in b3
  CHECK(list(pairing.controls_of_cell(8)) == std::vector<size_t>{7});
  CHECK(list(pairing.controls(0)) == std::vector<size_t>{0, 1, 2});
  REQUIRE(pairing.fallbacks().size() == 2);
  CHECK(pairing.fallbacks()[0].context == 0);
  CHECK(pairing.fallbacks()[0].batch == screen.batch.code("b3"));
  CHECK(pairing.fallbacks()[0].cells == 2);
  CHECK(pairing.fallbacks()[1].context == 1);
  CHECK(pairing.fallbacks()[1].cells == 4);
  CHECK(ControlPairing(screen).fallbacks().empty());
}

TEST_CASE("control_pairing: errors", "[sets]") {
  const Screen screen = small_screen({{"x", "ctrl", 1}, {"y", "A", 1}});
  CHECK_THROWS_AS(ControlPairing(screen, {.within_batch = true}), ConfigError);
  const ControlPairing pairing(screen);
  check_error<ConfigError>([&] { pairing.controls_of_cell(1); },
                           {"context 'y' has no control cells ('ctrl')"});
}

TEST_CASE("gather_rows: rows in order, zeros included", "[sets]") {
  const Screen screen = small_screen({{"x", "ctrl", 1}, {"x", "A", 1}});
  Tensor<float, 2> out({3, 3});
  std::fill(out.values().begin(), out.values().end(), -7.f);
  const std::vector<size_t> rows{1, 0, 1};
  gather_rows(screen.expression, rows, out.view());
  CHECK(std::vector<float>(out.values().begin(), out.values().end()) ==
        std::vector<float>{2, 0, 1, 1, 0, 0, 2, 0, 1});
  CHECK_THROWS_AS(gather_rows(screen.expression, std::vector<size_t>{0, 1, 2}, out.view()),
                  ShapeError);
  CHECK_THROWS_AS(gather_rows(screen.expression, std::vector<size_t>{0, 1}, out.view()),
                  ShapeError);
  Tensor<float, 2> none({0, 3});
  CHECK_NOTHROW(gather_rows(screen.expression, std::vector<size_t>{}, none.view()));
}
