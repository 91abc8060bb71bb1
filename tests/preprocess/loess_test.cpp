#include "vcell/preprocess/loess.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using namespace vcell_test;

TEST_CASE("loess: a quadratic is met, and points need not be sorted", "[preprocess]") {
  std::vector<double> x, y;
  for (size_t i = 0; i < 200; ++i) {
    x.push_back(std::fmod(double(i) * 0.618, 1.0) * 5 - 2);
    y.push_back(1 - 2 * x[i] + 0.5 * x[i] * x[i]);
  }
  const auto curve = loess(x, y);
  for (size_t i = 0; i < 200; ++i) CHECK(std::abs(curve[i] - y[i]) < 1e-12);
}

TEST_CASE("loess: cells are cut at the middle, or near it where points are equal", "[preprocess]") {
  std::vector<double> x;
  for (int i = 1; i <= 9; ++i) x.push_back(i);
  const auto cuts = [&](size_t most) {
    auto ends = detail::loess_cells(x, most);
    CHECK(ends.front() == Approx(x.front() - 0.005 * (x.back() - x.front())));
    return std::vector<double>(ends.begin() + 1, ends.end() - 1);
  };
  CHECK(cuts(5) == std::vector<double>{5});
  CHECK(cuts(4) == std::vector<double>{3, 5});
  CHECK(cuts(9).empty());
  x = {1, 2, 3, 4, 5, 5, 7, 8, 9};  // the 5th equals the 6th, so it is cut behind that
  CHECK(cuts(6) == std::vector<double>{5});
  x = {1, 2, 2, 2, 2, 2, 2, 2, 3};  // tried up and down to the ends, and not found
  CHECK(cuts(8) == std::vector<double>{2});
}

TEST_CASE("loess: errors", "[preprocess]") {
  const std::vector<double> nine(9), ten(10), bad{1, 2, 3, 4, 5, 6, 7, 8, 9, std::nan("")};
  check_error<ShapeError>([&] { loess(nine, ten); }, {"loess", "(9)", "(10)"});
  check_error<ConfigError>([&] { loess(nine, nine); }, {"9 points", "2 points, expected"});
  check_error<ConfigError>([&] { loess(ten, ten); }, {"equal x"});
  check_error<ConfigError>([&] { loess(bad, ten); }, {"number 9", "nan"});
  check_error<ConfigError>([&] { loess(ten, ten, {.span = 0}); }, {"span is 0"});
}
