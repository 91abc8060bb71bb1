#include "vcell/models/draw_near_controls.hpp"

#include <set>

#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

/// Cells with about half of the columns, of values that differ in scale between columns.
CsrMatrix<float> cells(size_t n, size_t columns = 7) {
  CsrMatrix<float> x;
  x.columns = columns;
  Rng rng(5);
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < columns; ++k)
      if (rng.below(2)) {
        x.indices.push_back(int32_t(k));
        x.values.push_back(float(rng.uniform() * double(k + 1)));
      }
    x.end_row();
  }
  return x;
}

std::vector<double> mean(const CsrMatrix<float>& x, const std::vector<size_t>& rows) {
  std::vector<double> out(x.columns);
  for (const size_t row : rows)
    for (size_t i = 0; i < x.row_size(row); ++i)
      out[size_t(x.row_indices(row)[i])] += double(x.row_values(row)[i]) / double(rows.size());
  return out;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

std::vector<size_t> every_other(size_t n) {
  std::vector<size_t> rows;
  for (size_t i = 0; i < n; ++i) rows.push_back(2 * i + 1);
  return rows;
}

}  // namespace

TEST_CASE("draw_near_controls: the nearest of the draws", "[models]") {
  const auto x = cells(60);
  const auto controls = every_other(13);
  const auto middle = mean(x, controls);
  for (const size_t n : {1, 2, 6, 12, 14, 17, 25, 40})
    for (const size_t draws : {1, 2, 5, 64}) {
      CAPTURE(n, draws);
      Rng rng(n + draws), same(n + draws);
      const auto rows = draw_near_controls(x, controls, n, rng, draws);
      // By brute force: the first draw that nothing undercuts by more than rounding.
      std::vector<std::vector<size_t>> drawn;
      std::vector<double> far;
      for (size_t i = 0; i < draws; ++i) {
        drawn.push_back(draw_controls(controls, n, same));
        far.push_back(distance(mean(x, drawn.back()), middle));
      }
      const double least = *std::min_element(far.begin(), far.end());
      size_t first = 0;
      while (far[first] > least + 1e-12) ++first;
      CHECK(rows == drawn[first]);
      CHECK(rng.counter() == same.counter());
    }
}

TEST_CASE("draw_near_controls: one cell starts from the control nearest to the mean", "[models]") {
  // With so many draws each of the few controls comes up.
  const auto x = cells(20);
  const auto controls = every_other(6);
  std::vector<double> far;
  for (const size_t row : controls) far.push_back(distance(mean(x, {row}), mean(x, controls)));
  const auto nearest = std::min_element(far.begin(), far.end()) - far.begin();
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Rng rng(seed);
    CHECK(draw_near_controls(x, controls, 1, rng, 200) == std::vector{controls[size_t(nearest)]});
  }
}

TEST_CASE("draw_near_controls: all controls as often as they fit", "[models]") {
  const auto x = cells(30);
  const auto controls = every_other(10);
  for (const size_t n : {0, 10, 30}) {
    Rng rng(1), same(1);
    CHECK(draw_near_controls(x, controls, n, rng) == draw_controls(controls, n, same));
    CHECK(rng.counter() == same.counter());  // every draw would have the same mean
  }
  Rng rng(1);
  const auto rows = draw_near_controls(x, controls, 27, rng);
  REQUIRE(rows.size() == 27);
  for (const size_t row : controls) CHECK(std::count(rows.begin(), rows.end(), row) >= 2);
  CHECK(std::set<size_t>(rows.begin() + 20, rows.end()).size() == 7);
}

TEST_CASE("draw_near_controls: of equally near draws the first", "[models]") {
  // All cells are alike.
  CsrMatrix<float> x;
  x.columns = 2;
  for (size_t i = 0; i < 9; ++i) {
    x.indices.push_back(1);
    x.values.push_back(0.1f);
    x.end_row();
  }
  const std::vector<size_t> controls{0, 2, 3, 4, 5, 7, 8};
  Rng rng(3), same(3);
  CHECK(draw_near_controls(x, controls, 5, rng) == draw_controls(controls, 5, same));
  // Of six cells, whichever draw leaves out the best one: the same cells come in several orders.
  // Values of many scales, whose sum depends on the order.
  CsrMatrix<float> scales;
  scales.columns = 1;
  for (const float value : {1e9f, 1e-9f, 3e3f, 7e-7f, 0.3f, 1e8f, 2e-3f}) {
    scales.indices.push_back(0);
    scales.values.push_back(value);
    scales.end_row();
  }
  const std::vector<size_t> all{0, 1, 2, 3, 4, 5, 6};
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Rng a(seed), b(seed);
    const auto rows = draw_near_controls(scales, all, 6, a, 100);
    const std::set<size_t> chosen(rows.begin(), rows.end());
    for (;;) {
      const auto draw = draw_controls(all, 6, b);
      if (std::set<size_t>(draw.begin(), draw.end()) != chosen) continue;
      CHECK(draw == rows);
      break;
    }
  }
}

TEST_CASE("draw_near_controls: the same for any number of threads", "[models]") {
  const auto x = cells(300, 40);
  const auto controls = every_other(100);
  const int before = num_threads();
  std::vector<size_t> expected;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    Rng rng(8);
    const auto rows = draw_near_controls(x, controls, 130, rng);
    if (expected.empty()) expected = rows;
    CHECK(rows == expected);
  }
  set_num_threads(before);
  Rng rng(9);
  CHECK(draw_near_controls(x, controls, 130, rng) != expected);
}

TEST_CASE("draw_near_controls: errors", "[models]") {
  const auto x = cells(4);
  const std::vector<size_t> controls{0, 3}, outside{0, 4};
  Rng rng(1);
  check_error<ConfigError>([&] { draw_near_controls(x, {}, 1, rng); }, {"no control cells"});
  check_error<ConfigError>([&] { draw_near_controls(x, controls, 1, rng, 0); },
                           {"draw_near_controls", "draws"});
  check_error<ShapeError>([&] { draw_near_controls(x, outside, 1, rng); },
                          {"draw_near_controls", "control", "4"});
}
