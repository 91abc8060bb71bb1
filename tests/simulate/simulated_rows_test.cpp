// Screens whose rows are drawn when they are read, of a total size and a density.
#include "vcell/simulate/simulated_rows.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/simulate/simulate_screen.hpp"

using namespace vcell;

namespace {

SimulateOptions small_and_dosed() {
  SimulateOptions o;
  o.genes = 120;
  o.perturbations = 8;
  o.combinations = 3;
  o.doses = 2;
  o.cells_per_perturbation = 10;
  o.control_cells = 40;
  return o;
}

double density_of(const SimulatedScreen& s) {
  return double(s.screen.X->values().size()) / double(s.screen.cells() * s.screen.genes());
}

}  // namespace

TEST_CASE("SimulatedRows: any rows at any time are those of the screen", "[simulate]") {
  const SimulatedScreen screen = simulate_screen(small_and_dosed());
  const SimulatedRows rows(small_and_dosed());
  const int before = num_threads();
  CHECK(rows.rows() == screen.screen.cells());
  CHECK(rows.columns() == 120);
  CHECK(rows.dtype() == screen.screen.X->dtype());
  CHECK(block_end(rows, 3, 0) == 4);
  CHECK(block_end(rows, 3, 8 * 120 * 7) == 10);
  CHECK(block_end(rows, 3, 1 << 30) == rows.rows());
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    for (const auto& [first, last] :
         {std::pair<size_t, size_t>{100, 171}, {7, 8}, {0, 0}, {0, 9}}) {
      CsrMatrix<float> a, b;
      CsrMatrix<double> d;
      const auto drawn = row_block(rows, first, last, a),
                 stored = row_block(*screen.screen.X, first, last, b);
      CHECK(std::ranges::equal(drawn.values, stored.values));
      CHECK(std::ranges::equal(drawn.indices, stored.indices));
      CHECK(drawn.rows == last - first);
      for (size_t i = 0; i < drawn.rows; ++i) CHECK(drawn.row_size(i) == stored.row_size(i));
      CHECK(std::ranges::equal(row_block(rows, first, last, d).values, stored.values));
    }
  }
  set_num_threads(before);
  CsrMatrix<float> scratch;
  vcell_test::check_error<ShapeError>([&] { row_block(rows, 5, rows.rows() + 1, scratch); },
                                      {"SimulatedRows", "5"});
  CHECK(simulated_annotations(rows).obs == screen.screen.obs);
  CHECK(simulated_features(rows) == screen.features);
}

TEST_CASE("SimulatedRows: a screen of a total number of cells", "[simulate]") {
  SimulateOptions o = small_and_dosed();
  const size_t groups = 3 * 12;
  for (const size_t cells : {groups, groups + 1, size_t(1999), size_t(20000)}) {
    o.cells = cells;
    const SimulatedRows rows(o);
    CHECK(rows.rows() == cells);
    std::vector<size_t> sizes(groups);
    for (const CellTruth& c : rows.truth().cells)
      ++sizes[size_t(c.context) * 12 + size_t(c.perturbation + 1)];
    CHECK(*std::min_element(sizes.begin(), sizes.end()) >= 1);
    if (cells < 20000) continue;
    for (size_t k = 0; k < 3; ++k) {
      // A control is as many cells as four perturbations, which are uneven.
      const double all = std::accumulate(sizes.begin() + std::ptrdiff_t(12 * k),
                                         sizes.begin() + std::ptrdiff_t(12 * k + 12), 0.0);
      CHECK(double(sizes[12 * k]) / all == Approx(4.0 / 15).epsilon(0.2));
      CHECK(sizes[12 * k + 1] != sizes[12 * k + 2]);
    }
  }
  o.cells = groups - 1;
  vcell_test::check_error<ConfigError>([&] { SimulatedRows{o}; }, {"cells is 35", "at least 36"});
}

TEST_CASE("SimulatedRows: a screen of a density", "[simulate]") {
  SimulateOptions o = small_and_dosed();
  o.genes = 400;
  o.cells = 700;
  for (const double density : {0.1, 0.45, 0.9}) {
    o.density = density;
    CHECK(density_of(simulate_screen(o)) == Approx(density).epsilon(0.02));
  }
  o.dispersion = 0;  // Poisson
  CHECK(density_of(simulate_screen(o)) == Approx(0.9).epsilon(0.02));
  o.density = 1e-4;
  vcell_test::check_error<ConfigError>([&] { SimulatedRows{o}; },
                                       {"density is 1e-04", "expected 0.00", "counts"});
  o.density = -0.1;
  vcell_test::check_error<ConfigError>([&] { SimulatedRows{o}; }, {"density is -0.1"});
}
