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
struct BaselineScreen {
  Screen screen;
  std::vector<Part> parts;

  BaselineScreen() {
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
Baseline fitted(const BaselineScreen& f) {
  Baseline baseline;
  baseline.fit(f.screen, f.parts, {});
  return baseline;
}

}  // namespace

TEST_CASE("baselines: shifts are means of means of training cells", "[models]") {
  const BaselineScreen f;
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
  BaselineScreen f;
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
  const BaselineScreen f;
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
  const BaselineScreen f;
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

TEST_CASE("baselines: the mean of perturbation means counts the control as one of them",
          "[models]") {
  BaselineScreen f;
  const auto baseline = fitted<MeanOfPerturbationMeans<>>(f);
  const auto cell = [&](const MeanOfPerturbationMeans<>& of, const char* context) {
    return of.cells().at(f.screen.context.code(context));
  };
  // x: control (1, 2, 0), A (3, 2, 0), B (1, 0, 4); y: control (2, 2, 2), A (2, 4, 2).
  const auto in_x = cell(baseline, "x");
  for (size_t g = 0; g < 3; ++g)
    CHECK(in_x[g] == Approx(Values{5. / 3, 4. / 3, 4. / 3}[g]).epsilon(1e-12));
  CHECK(cell(baseline, "y") == Values{2, 3, 2});
  CHECK_FALSE(baseline.cells().contains(f.screen.context.code("z")));

  const std::vector requests = {f.request("y", "B", {6, 6}), f.request("z", "A", {9})};
  const auto predicted = baseline.predict(f.screen, requests, {});
  REQUIRE(predicted.requests == std::vector<size_t>{0, 0});
  REQUIRE(predicted.cells.values == std::vector<float>{2, 3, 2, 2, 3, 2});
  REQUIRE(predicted.missing.size() == 1);
  REQUIRE_THAT(predicted.missing[0], contains("mean_of_perturbation_means") &&
                                         contains("'A' in 'z'") && contains("no perturbed cell"));
}

TEST_CASE("baselines: the mean response multiplies normalised counts", "[models]") {
  BaselineScreen f;
  const auto counts = [](std::vector<double> values) {
    for (double& x : values) x = std::expm1(x);
    return values;
  };
  const auto baseline = fitted<MeanResponse<>>(f);
  // In y the control is one cell (2, 2, 2), and A one of (2, 4, 2).
  const auto& of_y = baseline.responses().at(f.screen.context.code("y"));
  for (size_t g = 0; g < 3; ++g)
    CHECK(of_y.profile[g] == Approx(counts({2, 4, 2})[g]).epsilon(1e-12));
  const auto predicted = baseline.predict(
      f.screen, std::vector{f.request("y", "B", {6}), f.request("x", "C", {0})}, {});
  REQUIRE(predicted.requests == std::vector<size_t>{0, 1});
  for (size_t g = 0; g < 3; ++g)
    CHECK(double(predicted.cells.row_values(0)[g]) == Approx(Values{2, 4, 2}[g]).epsilon(1e-6));
  // In x of the cell (0, 2, 0) gene 1 alone is more than 0: A has a mean of (e^1 + e^3) / 2 - 1
  // there, B none, and the control e^2 - 1.
  const double scale = ((std::exp(1.) + std::exp(3.)) / 2 - 1) / 2 / std::expm1(2.);
  REQUIRE(predicted.cells.row_size(1) == 1);
  CHECK(predicted.cells.row_indices(1)[0] == 1);
  CHECK(double(predicted.cells.row_values(1)[0]) ==
        Approx(std::log1p(scale * std::expm1(2.))).epsilon(1e-6));

  // A perturbation tells nothing of its own gene, by whatever name that goes.
  for (const bool by_symbol : {false, true}) {
    if (!by_symbol) f.screen.genes[1] = "A";
    MeanResponse<> own(by_symbol ? GeneSymbols{{{"g1", "A"}}, {}} : GeneSymbols{});
    own.fit(f.screen, f.parts, {});
    CHECK(own.responses().at(f.screen.context.code("y")).scale[1] == 1);
    CHECK(own.responses().at(f.screen.context.code("x")).scale[1] == 0);  // B's alone
    f.screen.genes[1] = "g1";
  }
  const auto missing = baseline.predict(f.screen, std::vector{f.request("z", "A", {9})}, {});
  REQUIRE_THAT(missing.missing.at(0), contains("mean_response") && contains("'A' in 'z'"));
  f.screen.is_embedding = true;
  REQUIRE_THROWS_WITH(fitted<MeanResponse<>>(f), contains("embedding"));
}

TEST_CASE("baselines: held-out cells change nothing", "[models]") {
  const BaselineScreen f;
  BaselineScreen changed;
  for (const size_t row : {4, 8, 10})  // unused and test
    for (float& x : changed.screen.expression.row_values(row)) x = 5;
  const std::vector requests = {f.request("x", "A", {0, 1}), f.request("y", "B", {6}),
                                f.request("x", "C", {1})};
  for (const auto name : baseline_names) {
    INFO(name);
    const auto before = make_baseline(name), after = make_baseline(name);
    before->fit(f.screen, f.parts, {});
    after->fit(changed.screen, f.parts, {});
    const auto a = before->predict(f.screen, requests, {}),
               b = after->predict(changed.screen, requests, {});
    CHECK(a.cells == b.cells);
    CHECK(a.requests == b.requests);
    CHECK(a.missing == b.missing);
    CHECK_FALSE(a.requests.empty());
    // Those of training do.
    changed.screen.expression.row_values(7)[1] = 6;
    after->fit(changed.screen, f.parts, {});
    if (name != "control_copy" && name != "perturbation_mean_shrunk")  // that is 0 in any case here
      CHECK(after->predict(changed.screen, requests, {}).cells != a.cells);
    changed.screen.expression.row_values(7)[1] = 4;
  }
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
  BaselineScreen f;
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

TEST_CASE("baselines: of features, for perturbations that were never seen", "[models]") {
  // B is like A by the first feature, which varies; the second is the same everywhere.
  BaselineScreen f;
  PerturbationFeatures features(2);
  for (const auto& [name, v] : {std::pair{"A", 1.f}, {"B", 9.f}, {"C", 7.f}})
    features.add(name, std::vector<float>{v, 3});
  const auto fitted_with = [&](std::string_view name) {
    auto out = make_feature_baseline(name, features);
    REQUIRE(out);
    CHECK(out->name() == name);
    CHECK_FALSE(out->meaning().empty());
    out->fit(f.screen, f.parts, {});
    return out;
  };
  const auto shift = [&](const Predictor& method, const char* c, const char* p) {
    return dynamic_cast<const ShiftPredictor<>&>(method).shift(f.screen.context.code(c),
                                                               f.screen.perturbation.code(p));
  };
  const auto nearest = fitted_with("feature_nearest");
  CHECK(shift(*nearest, "z", "C") == Values{0, -2, 4});  // B's
  CHECK(shift(*nearest, "y", "B") == Values{0, -2, 4});  // its own
  CHECK(shift(*nearest, "x", "A") == Values{1, 1, 0});
  // Two perturbations tell a regression nothing: it is the mean of the context.
  for (const char* name : {"feature_ridge", "feature_kernel_ridge"}) {
    const auto method = fitted_with(name);
    CHECK(shift(*method, "x", "C") == Values{1, -1, 2});
    CHECK(shift(*method, "y", "C") == Values{0, 2, 0});
  }
  // Without features: missing by name, and another reason than that of the others.
  PerturbationFeatures some(1);
  for (const char* name : {"A", "B"}) some.add(name, std::vector<float>{1});
  for (const auto name : feature_baseline_names) {
    auto method = make_feature_baseline(name, some);
    method->fit(f.screen, f.parts, {});
    const std::vector requests = {f.request("z", "C", {9})};
    const auto predicted = method->predict(f.screen, requests, {});
    CHECK(predicted.cells.rows == 0);
    CHECK_THAT(predicted.missing.at(0),
               contains(std::string(name)) && contains("'C' in 'z': it has no features"));
    PerturbationFeatures none(1);
    auto unfit = make_feature_baseline(name, none);
    CHECK_THROWS_WITH(unfit->fit(f.screen, f.parts, {}), contains("'A' is not known"));
  }
  CHECK_FALSE(make_feature_baseline("context_mean", features));
}

TEST_CASE("baselines: ridge is linear in the features, kernel ridge bends", "[models]") {
  // Shifts of one gene: 1 + the first feature, and in every context a mean of its own.
  Screen screen;
  PerturbationFeatures features(1);
  std::vector<std::string> context, perturbation;
  std::vector<Part> parts;
  const auto add = [&](const std::string& p, const char* c, float value, Part part) {
    context.push_back(c);
    perturbation.push_back(p);
    screen.expression.indices.push_back(0);
    screen.expression.values.push_back(value);
    screen.expression.end_row();
    parts.push_back(part);
  };
  screen.expression.columns = 1;
  screen.genes = {"g"};
  for (int i = 0; i < 20; ++i) {
    const std::string name = message("p", i);
    features.add(name, std::vector<float>{float(i)});
    const float moved = i < 10 ? 1.f : 0.1f * float(i);  // flat, then a slope
    const Part part = i == 5 || i == 15 ? Part::test : Part::train;
    add(name, "x", 2 + moved, part);
    add(name, "y", 5 + moved, part);
  }
  add("ctrl", "x", 1, Part::train);
  add("ctrl", "y", 1, Part::train);
  screen.context = factor(context);
  screen.perturbation = factor(perturbation);
  screen.control = screen.perturbation.code("ctrl");
  const auto shift = [&](const char* method, const char* c, const char* p) {
    auto made = make_feature_baseline(method, features);
    made->fit(screen, parts, {});
    return (*dynamic_cast<const ShiftPredictor<>&>(*made).shift(screen.context.code(c),
                                                                screen.perturbation.code(p)))[0];
  };
  const double bent = shift("feature_kernel_ridge", "x", "p5");
  CHECK(bent == Approx(2).margin(0.03));
  CHECK(shift("feature_kernel_ridge", "y", "p15") == Approx(5.5).margin(0.03));
  const double straight = shift("feature_ridge", "x", "p5");
  CHECK(shift("feature_ridge", "x", "p0") < 1.9);
  CHECK(shift("feature_kernel_ridge", "x", "p0") > 1.95);
  const double slope = shift("feature_ridge", "x", "p15") - straight;
  CHECK(shift("feature_ridge", "x", "p10") == Approx(straight + slope / 2).epsilon(1e-4));
  CHECK(shift("feature_ridge", "y", "p5") - straight == Approx(3).margin(1e-3));
}
