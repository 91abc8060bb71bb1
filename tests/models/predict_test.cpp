#include "vcell/models/predict.hpp"

#include <set>

#include "support/catch.hpp"

using namespace vcell;

namespace {

StateTransition<float> small_model(size_t batches = 0) {
  return StateTransition<float>({.input_width = 5,
                                 .output_width = 5,
                                 .perturbation_width = 3,
                                 .hidden = 6,
                                 .layers = 1,
                                 .heads = 2,
                                 .head_dim = 2,
                                 .mlp_width = 7,
                                 .batches = batches},
                                3);
}

CsrMatrix<float> control_cells(size_t n) {
  CsrMatrix<float> x;
  x.columns = 5;
  for (size_t i = 0; i < n; ++i) {
    x.indices.push_back(int32_t(i % 5));
    x.values.push_back(float(i + 1));
    x.end_row();
  }
  return x;
}

const float knock_out[] = {0, 1, 0};

}  // namespace

TEST_CASE("predict: every set is predicted as if it were alone", "[models]") {
  const auto model = small_model();
  const auto x = control_cells(9);
  const std::vector<size_t> controls = {3, 1, 4, 1, 5, 8, 2, 6};
  const auto all = predict(model, x, controls, knock_out, {}, {.set_size = 3});
  REQUIRE(all.rows == 8);
  REQUIRE(all.columns == 5);
  for (size_t first = 0; first < 8; first += 3) {
    const size_t length = std::min<size_t>(3, 8 - first);
    const auto one = predict(model, x, std::span(controls).subspan(first, length), knock_out, {},
                             {.set_size = length});
    for (size_t i = 0; i < one.values.size(); ++i)
      CHECK(one.values[i] == Approx(all.values[first * 5 + i]).epsilon(1e-5).margin(1e-7));
  }
  const auto slow =
      predict(model, x, controls, knock_out, {}, {.set_size = 3, .sets_at_a_time = 1});
  for (size_t i = 0; i < slow.values.size(); ++i)
    CHECK(slow.values[i] == Approx(all.values[i]).epsilon(1e-5).margin(1e-7));
}

TEST_CASE("predict: no cells, and inputs that do not fit", "[models]") {
  const auto model = small_model();
  CHECK(predict(model, control_cells(3), {}, knock_out).rows == 0);
  const size_t control[] = {0}, beyond[] = {3};
  const float narrow[] = {1, 0};
  CHECK_THROWS_AS(predict(model, control_cells(3), control, narrow), ShapeError);
  CHECK_THROWS_AS(predict(model, control_cells(3), beyond, knock_out), ShapeError);
  CHECK_THROWS_AS(predict(model, control_cells(3), control, knock_out, {}, {.set_size = 0}),
                  ConfigError);
}

TEST_CASE("predict: the batch is that of the control cell", "[models]") {
  const auto model = small_model(2);
  const size_t control[] = {1};
  const int32_t first[] = {0, 0, 0}, second[] = {1, 1, 1}, mixed[] = {0, 1, 0};
  const auto a = predict(model, control_cells(3), control, knock_out, first);
  const auto b = predict(model, control_cells(3), control, knock_out, second);
  CHECK(a.values != b.values);
  CHECK(predict(model, control_cells(3), control, knock_out, mixed).values == b.values);
}

TEST_CASE("draw_controls: every control once before any twice", "[models]") {
  const std::vector<size_t> controls = {7, 9, 11, 13};
  Rng rng(1);
  const auto rows = draw_controls(controls, 10, rng);
  REQUIRE(rows.size() == 10);
  CHECK(std::set<size_t>(rows.begin(), rows.begin() + 4).size() == 4);
  CHECK(std::set<size_t>(rows.begin() + 4, rows.begin() + 8).size() == 4);
  Rng again(1);
  CHECK(draw_controls(controls, 10, again) == rows);
  CHECK(draw_controls(controls, 0, rng).empty());
  CHECK_THROWS_AS(draw_controls({}, 1, rng), ConfigError);
}
