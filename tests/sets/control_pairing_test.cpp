#include "vcell/sets/control_pairing.hpp"

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
