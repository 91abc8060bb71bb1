#include "vcell/models/baselines.hpp"

#include "support/catch.hpp"

using namespace vcell;
using vcell_test::contains;

namespace {

/// Three genes; contexts x and y (with perturbations A and B), z (controls and a held-out cell).
///         ctrl     A        B
///   x     1 2 0    3 2 0    1 0 4     (means over two cells each)
///   y     2 2 2    2 4 2    held out
///   z     1 1 1    held out
struct Fixture {
  Screen screen;
  std::vector<Part> parts;

  Fixture() {
    std::vector<std::string> context, perturbation;
    const auto add = [&](const char* c, const char* p, std::vector<float> values, Part part) {
      context.push_back(c);
      perturbation.push_back(p);
      for (int32_t g = 0; g < 3; ++g)
        if (values[size_t(g)] != 0) {
          screen.expression.indices.push_back(g);
          screen.expression.values.push_back(values[size_t(g)]);
        }
      screen.expression.end_row();
      parts.push_back(part);
    };
    screen.expression.columns = 3;
    screen.genes = {"g0", "g1", "g2"};
    add("x", "ctrl", {0, 2, 0}, Part::train);
    add("x", "ctrl", {2, 2, 0}, Part::train);
    add("x", "A", {2, 1, 0}, Part::train);
    add("x", "A", {4, 3, 0}, Part::train);
    add("x", "A", {9, 9, 9}, Part::unused);
    add("x", "B", {1, 0, 4}, Part::train);
    add("y", "ctrl", {2, 2, 2}, Part::test);
    add("y", "A", {2, 4, 2}, Part::train);
    add("y", "B", {9, 9, 9}, Part::test);
    add("z", "ctrl", {1, 1, 1}, Part::test);
    add("z", "C", {9, 9, 9}, Part::test);
    screen.context = factor(context);
    screen.perturbation = factor(perturbation);
    screen.control = screen.perturbation.code("ctrl");
  }
  PredictionRequest request(const char* context, const char* perturbation,
                            std::vector<size_t> control_cells) const {
    return {screen.context.code(context), screen.perturbation.code(perturbation),
            std::move(control_cells)};
  }
};

using Values = std::vector<double>;

/// A baseline that was fitted.
template <class Baseline>
Baseline fitted(const Fixture& f) {
  Baseline baseline;
  baseline.fit(f.screen, f.parts, {});
  return baseline;
}

}  // namespace

TEST_CASE("baselines: shifts are means of means of training cells", "[models]") {
  const Fixture f;
  const auto shift = [&](const ShiftPredictor<>& baseline, const char* c, const char* p) {
    return baseline.shift(f.screen.context.code(c), f.screen.perturbation.code(p));
  };
  REQUIRE(shift(fitted<ControlCopy<>>(f), "z", "C") == Values{0, 0, 0});
  // A: (2, 0, 0) in x and (0, 2, 0) in y; B: (0, -2, 4) in x alone.
  const auto mean = fitted<PerturbationMean<>>(f);
  REQUIRE(shift(mean, "z", "A") == Values{1, 1, 0});
  REQUIRE(shift(mean, "y", "B") == Values{0, -2, 4});
  REQUIRE_FALSE(shift(mean, "x", "C"));
  const auto shrunk = fitted<PerturbationMeanShrunk<>>(f);
  REQUIRE_FALSE(shift(shrunk, "x", "C"));
  const PairShifts shifts = pair_shifts(f.screen, f.parts);
  REQUIRE(shrunk.shrinkage() == choose_shrinkage(shifts, shifts));
  REQUIRE(shift(shrunk, "z", "A") == shrunk_mean(shifts,
                                                 pairs_of(shifts, f.screen.perturbation.code("A")),
                                                 shrunk.shrinkage()));
  const auto context = fitted<ContextMean<>>(f);
  REQUIRE(shift(context, "x", "C") == Values{1, -1, 2});
  REQUIRE(shift(context, "y", "B") == Values{0, 2, 0});
  REQUIRE_FALSE(shift(context, "z", "A"));
}

TEST_CASE("baselines: cells of validation are learnt from, those of test are not", "[models]") {
  Fixture f;
  const auto shift = [&] {
    return *fitted<PerturbationMean<>>(f).shift(f.screen.context.code("z"),
                                                f.screen.perturbation.code("A"));
  };
  const auto before = shift();
  f.parts[4] = Part::test;
  REQUIRE(shift() == before);
  f.parts[4] = Part::validation;  // (5, 13 / 3, 3) - (1, 2, 0) in x
  const auto after = shift();
  REQUIRE(after[0] == Approx(2.));
  REQUIRE(after[1] == Approx((13. / 3 - 2 + 2) / 2));
  REQUIRE(after[2] == Approx(1.5));
}

TEST_CASE("baselines: cells are paired controls plus the shift, clamped at 0", "[models]") {
  const Fixture f;
  const std::vector requests = {f.request("y", "B", {6, 6}), f.request("z", "A", {9})};
  const auto baseline = fitted<PerturbationMean<>>(f);

  const auto mean = baseline.predict(f.screen, requests, {});
  REQUIRE(mean.missing.empty());
  REQUIRE(mean.requests == std::vector<size_t>{0, 0, 1});
  REQUIRE(mean.cells.rows == 3);
  REQUIRE(mean.cells.columns == 3);
  // (2, 2, 2) + (0, -2, 4) twice, (1, 1, 1) + (1, 1, 0).
  REQUIRE(mean.cells.values == std::vector<float>{2, 6, 2, 6, 2, 2, 1});
  REQUIRE(mean.cells.indices == std::vector<int32_t>{0, 2, 0, 2, 0, 1, 2});
  const std::vector below = {f.request("z", "B", {9})};
  REQUIRE(baseline.predict(f.screen, below, {}).cells.values == std::vector<float>{1, 5});

  const auto copy = fitted<ControlCopy<>>(f).predict(f.screen, requests, {});
  const std::vector<size_t> rows = {6, 6, 9};
  REQUIRE(copy.cells == select_rows(f.screen.expression, std::span<const size_t>(rows)));
}

TEST_CASE("baselines: what no training cell tells is missing by name", "[models]") {
  const Fixture f;
  const std::vector requests = {f.request("z", "A", {9}), f.request("y", "B", {6})};
  const auto context = fitted<ContextMean<>>(f).predict(f.screen, requests, {});
  REQUIRE(context.requests == std::vector<size_t>{1});
  REQUIRE(context.missing.size() == 1);
  REQUIRE_THAT(context.missing[0],
               contains("context_mean") && contains("'A' in 'z'") && contains("no cell"));
  const std::vector unseen = {f.request("z", "C", {9})};
  const auto perturbation = fitted<PerturbationMean<>>(f).predict(f.screen, unseen, {});
  REQUIRE(perturbation.cells.rows == 0);
  REQUIRE(perturbation.cells.columns == 3);
  REQUIRE_THAT(perturbation.missing.at(0), contains("'C' in 'z'"));
}

TEST_CASE("baselines: each is made by its name", "[models]") {
  for (const auto name : baseline_names) {
    const auto baseline = make_baseline(name);
    REQUIRE(baseline);
    REQUIRE(baseline->name() == name);
    REQUIRE_FALSE(baseline->meaning().empty());
  }
  REQUIRE_FALSE(make_baseline("mean"));
}

TEST_CASE("baselines: errors", "[models]") {
  Fixture f;
  const std::vector requests = {f.request("y", "A", {99})};
  REQUIRE_THROWS_AS(fitted<ControlCopy<>>(f).predict(f.screen, requests, {}), ShapeError);
  for (const auto& [context, perturbation] : {std::pair{-1, 0}, {3, 0}, {0, -1}, {0, 4}}) {
    const std::vector<PredictionRequest> bad = {{context, perturbation, {}}};
    REQUIRE_THROWS_AS(fitted<ContextMean<>>(f).predict(f.screen, bad, {}), ShapeError);
  }
  // A screen with other genes than those that were learnt.
  const auto fewer = select_genes(f.screen, {"g0", "g1"});
  const std::vector fine = {f.request("y", "A", {6})};
  REQUIRE_THROWS_AS(fitted<PerturbationMean<>>(f).predict(fewer, fine, {}), ShapeError);
  PerturbationMean<> mean;
  REQUIRE_THROWS_AS(mean.fit(f.screen, std::span(f.parts).first(3), {}), ShapeError);
  REQUIRE_THROWS_AS(pair_shifts(f.screen, std::span(f.parts).first(3)), ShapeError);
  REQUIRE_THROWS_AS(
      mean.predict(f.screen, fine, {.progress = [](const ProgressUpdate&) { return false; }}),
      Stopped);
  f.parts[10] = Part::train;
  f.screen.context.codes[9] = f.screen.context.code("x");  // z keeps no control
  REQUIRE_THROWS_WITH(pair_shifts(f.screen, f.parts), contains("'z'"));
}
