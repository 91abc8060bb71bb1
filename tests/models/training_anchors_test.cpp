#include "vcell/models/training_anchors.hpp"

#include "support/catch.hpp"
#include "vcell/models/anchors.hpp"
#include "vcell/sets/cell_sets.hpp"

using namespace vcell;
using vcell_test::contains;

namespace {

/// One gene. A trains in x, y and z; B in x alone (4 cells); C in y alone (1 cell); D is validated
/// in x and trains in y. Controls are 1 everywhere; of two values each, so that nothing is sure.
struct AnchorScreen {
  Screen screen;
  std::vector<Part> parts;

  AnchorScreen() {
    std::vector<std::string> context, perturbation;
    const auto add = [&](const char* c, const char* p, std::vector<float> cells,
                         Part part = Part::train) {
      for (const float v : cells) {
        context.push_back(c);
        perturbation.push_back(p);
        screen.expression.indices.push_back(0);
        screen.expression.values.push_back(v);
        screen.expression.end_row();
        parts.push_back(part);
      }
    };
    screen.expression.columns = 1;
    screen.genes = {"g"};
    for (const char* c : {"x", "y", "z"}) add(c, "ctrl", {0.5f, 1.5f});
    add("x", "A", {10.5f, 11.5f});
    add("y", "A", {20.5f, 21.5f});
    add("z", "A", {30.5f, 31.5f});
    add("x", "B", {6, 7, 8, 9});
    add("y", "C", {5});
    add("x", "D", {3, 4}, Part::validation);
    add("y", "D", {7, 8});
    screen.context = factor(context);
    screen.perturbation = factor(perturbation);
    screen.control = screen.perturbation.code("ctrl");
  }
  CellGroup group(const char* c, const char* p, int32_t stratum) const {
    CellGroup out;
    out.context = screen.context.code(c);
    out.perturbation = screen.perturbation.code(p);
    out.stratum = stratum;
    return out;
  }
};

}  // namespace

TEST_CASE("TrainingAnchors: the mean over other contexts than the set's own", "[models]") {
  AnchorScreen f;
  const auto before = f.parts;
  const TrainingAnchors anchors(f.screen, f.parts, 1);
  const auto shifts = pair_shifts(f.screen, f.parts);
  const auto without = [&](const char* p, const char* c) {
    return float(shrunk_mean(
        shifts, pairs_of(shifts, f.screen.perturbation.code(p), f.screen.context.code(c)),
        anchors.shrinkage())[0]);
  };
  for (const char* c : {"x", "y", "z"}) {
    CHECK(anchors(f.group(c, "A", 0))[0] == Approx(without("A", c)).epsilon(1e-5));
    CHECK(anchors(f.group(c, "ctrl", 0))[0] == 0);
  }
  CHECK(anchors(f.group("x", "A", 0))[0] > 20);
  CHECK(anchors(f.group("z", "A", 0))[0] < 20);
  // Validation cells start from training cells of other contexts.
  CHECK(anchors(f.group("x", "D", -1))[0] == Approx(without("D", "x")).epsilon(1e-5));
  CHECK_THROWS_WITH(anchors(f.group("z", "D", -1)), contains("'D' in context 'z'"));
}

TEST_CASE("TrainingAnchors: what trains in one context is anchored at its other half", "[models]") {
  AnchorScreen f;
  const TrainingAnchors anchors(f.screen, f.parts, 1);
  const int32_t b = f.screen.perturbation.code("B");
  double sum[3] = {};
  size_t cells[3] = {};
  for (size_t i = 0; i < f.screen.cells(); ++i) {
    const int32_t half = anchors.strata()[i];
    const int32_t p = f.screen.perturbation.codes[i];
    if (p == b)
      CHECK((half == 1 || half == 2));
    else if (p != f.screen.perturbation.code("D"))
      CHECK(half == 0);
    if (p != b) continue;
    sum[half] += double(f.screen.expression.row_values(i)[0]);
    ++cells[half];
  }
  REQUIRE(cells[1] == 2);
  REQUIRE(cells[2] == 2);
  for (const int32_t half : {1, 2}) {
    const double shift = sum[3 - half] / 2 - 1;  // of the other half; a little shrunk
    const double anchor = double(anchors(f.group("x", "B", half))[0]);
    CHECK(anchor <= shift);
    CHECK(anchor > 0.75 * shift);
  }
  CHECK(anchors(f.group("x", "B", 1))[0] != anchors(f.group("x", "B", 2))[0]);
  // Sets are cut within a half.
  const CellSets sets(f.screen, f.parts, {.set_size = 2, .strata = anchors.strata()});
  const auto epoch = sets.epoch(1, 0);
  for (size_t i = 0; i < epoch.group.size(); ++i)
    CHECK(anchors.strata()[epoch.cells[2 * i]] == anchors.strata()[epoch.cells[2 * i + 1]]);
  // The same halves whatever else is there, others by another seed.
  AnchorScreen again;
  const TrainingAnchors same(again.screen, again.parts, 1);
  CHECK(std::ranges::equal(same.strata(), anchors.strata()));
}

TEST_CASE("TrainingAnchors: a single cell is not trained on", "[models]") {
  AnchorScreen f;
  const auto before = f.parts;
  const TrainingAnchors anchors(f.screen, f.parts, 1);
  REQUIRE(anchors.untrained() == std::vector<int32_t>{f.screen.perturbation.code("C")});
  for (size_t i = 0; i < f.parts.size(); ++i)
    CHECK(f.parts[i] ==
          (f.screen.perturbation.codes[i] == anchors.untrained()[0] ? Part::unused : before[i]));
  CHECK_THROWS_AS(TrainingAnchors(f.screen, std::span(f.parts).first(2), 1), ShapeError);
}

TEST_CASE("TrainingAnchors: features tell of what no context trains on, and of the rest",
          "[models]") {
  AnchorScreen f;
  PerturbationFeatures features(1);
  for (const auto& [name, v] : {std::pair{"A", 1.f}, {"B", 2.f}, {"C", 3.f}, {"D", 4.f}})
    features.add(name, std::vector<float>{v});
  for (size_t i = 0; i < f.parts.size(); ++i)  // D trains nowhere
    if (f.screen.perturbation.names[size_t(f.screen.perturbation.codes[i])] == "D")
      f.parts[i] = Part::validation;
  AnchorScreen plain = f;
  const TrainingAnchors without(plain.screen, plain.parts, 1);
  CHECK_FALSE(without.has_features());
  CHECK_THROWS_WITH(without.choose(f.group("x", "D", -1), 1), contains("'D' in context 'x'"));

  const TrainingAnchors anchors(f.screen, f.parts, 1, &features);
  REQUIRE(anchors.has_features());
  CHECK(f.parts == plain.parts);
  for (const char* c : {"x", "y", "z"}) {
    // An even draw: as without features.
    const auto mean = anchors.choose(f.group(c, "A", 0), 6);
    CHECK_FALSE(mean.by_features);
    CHECK(mean.anchor[0] == without(plain.group(c, "A", 0))[0]);
    CHECK(mean.anchor[0] == anchors(f.group(c, "A", 0))[0]);
    CHECK(anchors.choose(f.group(c, "ctrl", 0), 1).anchor[0] == 0);
    CHECK_FALSE(anchors.choose(f.group(c, "ctrl", 0), 1).by_features);
  }
  // An odd one: A is in a fold of its own, so what is said of it is the mean of B, which trains in
  // x alone; and of B what A's contexts have.
  const auto shifts = pair_shifts(f.screen, f.parts);
  const auto shift = [&](const char* p, const char* c) {
    for (size_t i = 0; i < shifts.pairs(); ++i)
      if (shifts.perturbation[i] == f.screen.perturbation.code(p) &&
          shifts.context[i] == f.screen.context.code(c))
        return shifts.shift(i, 0);
    return -1.;
  };
  const auto by_features = [&](const char* c, const char* p, int32_t stratum) {
    const auto chosen = anchors.choose(f.group(c, p, stratum), 7);
    CHECK(chosen.by_features);
    return double(chosen.anchor[0]);
  };
  for (const char* c : {"x", "y", "z"}) CHECK(by_features(c, "A", 0) == Approx(shift("B", "x")));
  for (const int32_t half : {1, 2}) CHECK(by_features("x", "B", half) == Approx(shift("A", "x")));
  // D is known by features alone, whatever is drawn: two perturbations say the context's mean.
  for (const uint64_t draw : {0, 1}) {
    const auto chosen = anchors.choose(f.group("x", "D", -1), draw);
    CHECK(chosen.by_features);
    CHECK(chosen.anchor[0] == Approx((shift("A", "x") + shift("B", "x")) / 2));
  }
  CHECK(anchors.choose(f.group("y", "D", -1), 0).anchor[0] == Approx(shift("A", "y")));
  PerturbationFeatures few(1);
  few.add("A", std::vector<float>{1});
  CHECK_THROWS_WITH(TrainingAnchors(f.screen, f.parts, 1, &few), contains("'B' is not known"));
}

TEST_CASE("TrainingAnchors: a combination starts from the sum of its parts", "[models]") {
  AnchorScreen f;
  std::vector<std::string> context, perturbation;
  for (const int32_t code : f.screen.context.codes)
    context.push_back(f.screen.context.names[size_t(code)]);
  for (const int32_t code : f.screen.perturbation.codes)
    perturbation.push_back(f.screen.perturbation.names[size_t(code)]);
  const auto add = [&](const char* c, const char* p, std::vector<float> cells, Part part) {
    for (const float v : cells) {
      context.push_back(c);
      perturbation.push_back(p);
      f.screen.expression.indices.push_back(0);
      f.screen.expression.values.push_back(v);
      f.screen.expression.end_row();
      f.parts.push_back(part);
    }
  };
  add("x", "A+B", {50, 60}, Part::train);  // both train alone
  add("y", "A+B", {70}, Part::validation);
  add("x", "A+C", {40, 42}, Part::train);  // C has a single cell, and so is not trained on
  add("y", "A+E", {33, 35}, Part::train);  // E is nowhere alone
  f.screen.context = factor(context);
  f.screen.perturbation = factor(perturbation);
  f.screen.control = f.screen.perturbation.code("ctrl");
  auto features = PerturbationFeatures::one_hot({"ctrl", "A", "B", "C", "D", "E"});
  features.combine("A+B", {"A", "B"});
  features.combine("A+C", {"A", "C"});
  features.combine("A+E", {"A", "E"});
  const auto parts = f.parts;
  const TrainingAnchors anchors(f.screen, f.parts, 1, nullptr, &features);
  const auto shifts = pair_shifts(f.screen, f.parts);
  const auto whole = [&](const char* p) {
    return shrunk_mean(shifts, pairs_of(shifts, f.screen.perturbation.code(p)),
                       anchors.shrinkage())[0];
  };
  const double sum = whole("A") + whole("B");
  CHECK(anchors(f.group("x", "A+B", 0))[0] == Approx(sum));  // no halves, though in one context
  CHECK(anchors(f.group("y", "A+B", -1))[0] == Approx(sum));
  // As any perturbation that trains in one context: halves.
  for (const char* p : {"A+C", "A+E"}) {
    const char* c = p[2] == 'C' ? "x" : "y";
    CHECK_THROWS_AS(anchors(f.group(c, p, 0)), ConfigError);
    CHECK(anchors(f.group(c, p, 1))[0] != anchors(f.group(c, p, 2))[0]);
  }
  // With features, what they say of the parts is added up; of E nothing is known alone.
  PerturbationFeatures vectors(1);
  for (const auto& [name, v] :
       {std::pair{"A", 1.f}, {"B", 2.f}, {"C", 3.f}, {"D", 4.f}, {"E", 5.f}})
    vectors.add(name, std::vector<float>{v});
  for (const char* p : {"A+B", "A+C", "A+E"}) vectors.combine(p, {"A", {p[2]}});
  auto again = parts;
  const TrainingAnchors both(f.screen, again, 1, &vectors, &vectors);
  const auto odd = both.choose(f.group("x", "A+B", 0), 1);
  CHECK(odd.by_features);
  CHECK(odd.anchor[0] == Approx(both.choose(f.group("x", "A", 0), 1).anchor[0] +
                                both.choose(f.group("x", "B", 1), 1).anchor[0]));
  CHECK_FALSE(both.choose(f.group("x", "A+B", 0), 2).by_features);
  CHECK(both.choose(f.group("x", "A+C", 1), 1).by_features);
  CHECK_FALSE(both.choose(f.group("y", "A+E", 1), 1).by_features);
}

TEST_CASE("anchors: of prediction, from all that was learnt", "[models]") {
  const AnchorScreen f;
  const auto features = PerturbationFeatures::one_hot({"D", "C", "B", "A", "ctrl"});
  const Anchors anchors = make_anchors(
      f.screen, [](size_t) { return true; }, features, 0, 1);
  const auto anchor = [&](const char* p, int32_t context) {
    return anchor_of(anchors, int32_t(features.place(p)), context);
  };
  const int32_t x = f.screen.context.code("x");
  CHECK(anchor("A", x)[0] == Approx(25));
  const auto all = pair_shifts(f.screen, [](size_t) { return true; });
  CHECK(anchor("A", -1)[0] ==
        Approx(shrunk_mean(all, pairs_of(all, f.screen.perturbation.code("A")), 0)[0]));
  CHECK(anchor("B", x)[0] == Approx(6.5));  // learnt nowhere else
  CHECK(anchor("B", f.screen.context.code("y"))[0] == Approx(6.5));
  CHECK(anchor("C", x)[0] == Approx(4));
  CHECK(anchor("ctrl", x).empty());
  for (const double v : anchors.shifts.shift.values()) CHECK(v == double(float(v)));
}
