#include "vcell/sets/make_split.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/sets/default_split.hpp"
#include "vcell/sets/split.hpp"

using namespace vcell;
using vcell_test::Cells;
using vcell_test::check_error;
using vcell_test::check_holds;
using vcell_test::even_screen;
using vcell_test::small_screen;

namespace {

const SplitDataset dataset{"screen", "screen.h5ad"};

std::set<std::string> perturbations(const Screen& screen, const std::vector<Part>& parts,
                                    Part part) {
  std::set<std::string> out;
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i] == part && !screen.is_control(i))
      out.insert(vcell_test::perturbation_of(screen, i));
  return out;
}

}  // namespace

TEST_CASE("make_split: by perturbation, 150 give 96, 24 and 30", "[sets]") {
  const Screen screen = even_screen({"x", "y"}, 150);
  const SplitSpec spec = split_by_perturbation(screen, dataset);
  CHECK(check_split(screen, spec, "screen").empty());
  const auto parts = assign_parts(screen, spec, "screen");
  const auto train = perturbations(screen, parts, Part::train);
  const auto validation = perturbations(screen, parts, Part::validation);
  const auto test = perturbations(screen, parts, Part::test);
  CHECK(train.size() == 96);
  CHECK(validation.size() == 24);
  CHECK(test.size() == 30);
  std::set<std::string> all(train);
  all.insert(validation.begin(), validation.end());
  all.insert(test.begin(), test.end());
  CHECK(all.size() == 150);  // none in two parts, in any context
  for (size_t i = 0; i < parts.size(); ++i)
    if (screen.is_control(i)) CHECK(parts[i] == Part::train);
  CHECK(unseen_perturbations(screen, parts).size() == 54);
  CHECK(split_by_perturbation(screen, dataset) == spec);
  CHECK_FALSE(split_by_perturbation(screen, dataset, {.seed = 1}) == spec);
}

TEST_CASE("make_split: by perturbation rounds to nearest", "[sets]") {
  const auto sizes = [](size_t n) {
    const Screen screen = even_screen({"x"}, n, 1);
    const auto spec = split_by_perturbation(screen, dataset);
    const auto& held = spec.fewshot.at("screen.x");
    return std::array{n - held.validation.size() - held.test.size(), held.validation.size(),
                      held.test.size()};
  };
  CHECK(sizes(3) == std::array<size_t, 3>{2, 0, 1});
  CHECK(sizes(13) == std::array<size_t, 3>{8, 2, 3});  // 2.08 and 2.6
  CHECK(sizes(25) == std::array<size_t, 3>{16, 4, 5});
  CHECK_THROWS_AS(sizes(2), ConfigError);
  CHECK_THROWS_AS(sizes(0), ConfigError);
  CHECK_THROWS_AS(split_by_perturbation(even_screen({"x"}, 9), dataset, {.test = 0}), ConfigError);
  CHECK_THROWS_AS(split_by_perturbation(even_screen({"x"}, 9), dataset, {.test = 0.9}),
                  ConfigError);
}

TEST_CASE("make_split: by perturbation names only those that a context has", "[sets]") {
  const Screen screen = small_screen({{"x", "ctrl", 1},
                                      {"x", "A", 1},
                                      {"x", "B", 1},
                                      {"x", "C", 1},
                                      {"x", "D", 1},
                                      {"y", "ctrl", 1},
                                      {"y", "D", 1}});
  for (uint64_t seed = 0; seed < 20; ++seed)
    CHECK(check_split(screen, split_by_perturbation(screen, dataset, {.test = 0.5, .seed = seed}),
                      "screen")
              .empty());
}

TEST_CASE("make_split: by perturbation, by lists", "[sets]") {
  const Screen screen = even_screen({"x", "y"}, 20, 1);
  using Names = std::vector<std::string>;
  auto spec = split_by_perturbation(screen, dataset, {.test_names = Names{"P003", "P001"}});
  for (const char* key : {"screen.x", "screen.y"}) {
    CHECK(spec.fewshot.at(key).test == Names{"P001", "P003"});
    CHECK(spec.fewshot.at(key).validation.size() == 3);  // 0.16 of 20, of the others
  }
  spec = split_by_perturbation(screen, dataset,
                               {.validation_names = Names{}, .test_names = Names{"P003"}});
  CHECK(spec.fewshot.at("screen.x") == HeldOutPerturbations{{}, {"P003"}});
  const auto held = split_by_perturbation(screen, dataset, {.validation_names = Names{"P007"}});
  CHECK(held.fewshot.at("screen.x").validation == Names{"P007"});
  CHECK(held.fewshot.at("screen.x").test.size() == 4);
  const auto fails = [&](const Names& validation, const Names& test,
                         const std::vector<std::string>& says) {
    check_error<ConfigError>(
        [&] {
          split_by_perturbation(screen, dataset,
                                {.validation_names = validation, .test_names = test});
        },
        says);
  };
  fails({}, {"P3"}, {"test_names", "'P3'", "does not have"});
  fails({"ctrl"}, {"P003"}, {"validation_names", "control 'ctrl'"});
  fails({"P003"}, {"P003"}, {"in test_names and in validation_names", "'P003'"});
  fails({}, {"P003", "P003"}, {"'P003' twice"});
  fails({}, {}, {"20 perturbations give 0 for test"});
}

TEST_CASE("draw_names: every stratum gives its share", "[sets]") {
  const auto names_of = [](size_t n) {
    std::vector<std::string> names;
    for (size_t i = 0; i < n; ++i) names.push_back(vcell::message("P", 1000 + i));
    return names;
  };
  const auto names = names_of(150);
  std::vector<double> effects(150);
  for (size_t i = 0; i < 150; ++i) effects[i] = double((i * 37) % 150);  // all different
  const auto strength = [&](const std::string& name) {
    return effects[size_t(std::find(names.begin(), names.end(), name) - names.begin())];
  };
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const auto drawn = draw_names(names, 30, 24, seed, "here", effects);
    REQUIRE(drawn.test.size() == 30);
    REQUIRE(drawn.validation.size() == 24);
    CHECK(std::is_sorted(drawn.test.begin(), drawn.test.end()));
    std::array<size_t, 5> tests{}, validations{};  // of 30 each
    for (const auto& name : drawn.test) ++tests[size_t(strength(name) / 30)];
    for (const auto& name : drawn.validation) ++validations[size_t(strength(name) / 30)];
    for (size_t s = 0; s < 5; ++s) {
      CHECK(tests[s] == 6);
      CHECK((validations[s] == 4 || validations[s] == 5));
    }
    std::vector<std::string> twice;
    std::set_intersection(drawn.test.begin(), drawn.test.end(), drawn.validation.begin(),
                          drawn.validation.end(), std::back_inserter(twice));
    CHECK(twice.empty());
  }
  CHECK(draw_names(names, 30, 24, 1, "here", effects).test !=
        draw_names(names, 30, 24, 2, "here", effects).test);
  CHECK(draw_names(names, 30, 24, 1, "here").test != draw_names(names, 30, 24, 1, "there").test);
  // Fewer than 20 are one stratum; NaN is below all; whatever is asked for is there.
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const size_t n : {1, 2, 19, 20, 33})
    for (size_t test = 0; test <= n; ++test) {
      std::vector<double> some(n, nan);
      for (size_t i = 0; i < n; i += 2) some[i] = double(i);
      const auto drawn = draw_names(names_of(n), test, n - test, 3, "all", some);
      CHECK(drawn.test.size() == test);
      CHECK(drawn.validation.size() == n - test);
    }
  CHECK(draw_names({}, 0, 0, 1, "none").test.empty());
  CHECK_THROWS_AS(draw_names(names_of(3), 2, 2, 1, "x"), ConfigError);
  CHECK_THROWS_AS(draw_names(names_of(3), 1, 1, 1, "x", {}, 0), ConfigError);
  const std::vector<double> two(2);
  CHECK_THROWS_AS(draw_names(names_of(3), 1, 1, 1, "x", two), ShapeError);
  CHECK_THROWS_AS(split_by_perturbation(even_screen({"x"}, 20, 1), dataset, {.effects = two}),
                  ShapeError);
}

TEST_CASE("make_split: an underrepresented context keeps some perturbations", "[sets]") {
  const auto kept = [](size_t n) {
    const Screen screen = even_screen({"a", "b"}, n, 1);
    const auto spec = split_underrepresented(screen, dataset, "b");
    CHECK(spec.fewshot.size() == 1);
    CHECK(spec.fewshot.at("screen.b").validation.empty());
    const auto parts = assign_parts(screen, spec, "screen");
    CHECK(perturbations(screen, parts, Part::train).size() == n);  // all are in the other context
    return n - perturbations(screen, parts, Part::test).size();
  };
  CHECK(kept(2) == 1);
  CHECK(kept(3) == 1);
  CHECK(kept(6) == 1);
  CHECK(kept(7) == 2);
  CHECK(kept(10) == 3);
  CHECK(kept(23) == 6);
  const Screen screen = even_screen({"a", "b"}, 100, 1);
  CHECK(split_underrepresented(screen, dataset, "a", {.kept = 0.29})
            .fewshot.at("screen.a")
            .test.size() == 71);
  CHECK_FALSE(split_underrepresented(screen, dataset, "a", {.seed = 1}) ==
              split_underrepresented(screen, dataset, "a", {.seed = 2}));
  CHECK_THROWS_AS(kept(1), ConfigError);
  CHECK_THROWS_AS(kept(0), ConfigError);
  CHECK_THROWS_AS(split_underrepresented(screen, dataset, "b", {.kept = 1}), ConfigError);
  check_error<ConfigError>([&] { split_underrepresented(screen, dataset, "c"); },
                           {"no context 'c'", "'a', 'b'"});
}

TEST_CASE("make_split: a zero-shot context", "[sets]") {
  const Screen screen = even_screen({"a", "b"}, 3);
  const auto parts = assign_parts(screen, split_zeroshot(screen, dataset, "a"), "screen");
  for (size_t i = 0; i < parts.size(); ++i)
    CHECK(parts[i] == (vcell_test::context_of(screen, i) == "a" ? Part::test : Part::train));
  CHECK_THROWS_AS(split_zeroshot(screen, dataset, "z"), ConfigError);
  CHECK_THROWS_AS(split_zeroshot(screen, {"", "x.h5ad"}, "a"), ConfigError);
}

TEST_CASE("default_split: its rule follows contexts and features", "[sets]") {
  const Screen several = even_screen({"rep_1", "rep_2", "rep_3"}, 10);
  auto made = default_split(several, dataset, {.perturbation_features = true, .seed = 7});
  CHECK(made.spec == split_underrepresented(several, dataset, "rep_3", {.seed = 7}));
  check_holds(made.description, {"'rep_3'", "of the 10", "3 train", "7 are test"});
  CHECK(default_split(several, dataset, {.seed = 7}).spec == made.spec);  // features or not
  CHECK_FALSE(default_split(several, dataset, {.seed = 8}).spec == made.spec);
  const Screen one = even_screen({"all"}, 10, 10);
  made = default_split(one, dataset, {.perturbation_features = true, .seed = 7});
  CHECK(made.spec == split_by_perturbation(one, dataset, {.seed = 7}));
  made = default_split(one, dataset, {.seed = 7});
  CHECK(made.spec == split_by_cells(dataset, {.test = 0.2, .seed = 7}));
  check_holds(made.description, {"fit to perturbations that were seen", "not the prediction"});
  const auto parts = assign_parts(one, made.spec, "screen");
  CHECK(count_parts(parts) == std::array<size_t, 4>{90, 0, 20, 0});
  CHECK(perturbations(one, parts, Part::test).size() == 10);
}

TEST_CASE("default_split: the context that shares most, of several the last", "[sets]") {
  // Perturbations that others have as well: three in a, two in b and in c. d has five of its own.
  const std::vector<Cells> groups = {
      {"a", "ctrl", 2}, {"a", "P", 2},    {"a", "Q", 2},    {"a", "R", 2}, {"b", "ctrl", 2},
      {"b", "P", 2},    {"b", "Q", 2},    {"c", "ctrl", 2}, {"c", "Q", 2}, {"c", "R", 2},
      {"c", "O", 1},    {"d", "ctrl", 2}, {"d", "1", 2},    {"d", "2", 2}, {"d", "3", 2},
      {"d", "4", 2},    {"d", "5", 2}};
  const Screen most = small_screen(groups);
  std::set<std::string> tested;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto made = default_split(most, dataset, {.seed = seed});
    REQUIRE(made.spec.fewshot.size() == 1);
    const auto& held = made.spec.fewshot.at("screen.a");
    CHECK(held.validation.empty());
    CHECK(held.test.size() == 2);  // of three one trains, though 30 % are less than one
    tested.insert(held.test.begin(), held.test.end());
    CHECK(unseen_perturbations(most, assign_parts(most, made.spec, "screen")).empty());
  }
  CHECK(tested == std::set<std::string>{"P", "Q", "R"});

  // R in another context than a: b has the most, and with R in e three contexts have two.
  auto moved = groups;
  moved[3] = {"b", "R", 2};
  CHECK(default_split(small_screen(moved), dataset).spec.fewshot.contains("screen.b"));
  moved[3] = {"e", "R", 1};
  moved.push_back({"e", "ctrl", 1});
  const Screen tie = small_screen(moved);
  tested.clear();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const auto made = default_split(tie, dataset, {.seed = seed});
    REQUIRE(made.spec.fewshot.contains("screen.c"));
    const auto& test = made.spec.fewshot.at("screen.c").test;
    CHECK(test.size() == 1);
    tested.insert(test.begin(), test.end());
  }
  CHECK(tested == std::set<std::string>{"Q", "R"});  // never O, which c alone has
}

TEST_CASE("default_split: one shared perturbation is test", "[sets]") {
  const Screen screen = small_screen(
      {{"a", "ctrl", 2}, {"a", "P", 2}, {"a", "Q", 2}, {"b", "ctrl", 2}, {"b", "P", 2}});
  CHECK(default_split(screen, dataset).spec.fewshot.at("screen.b").test ==
        std::vector<std::string>{"P"});
}

TEST_CASE("default_split: a context without controls is not tested and does not count", "[sets]") {
  std::vector<vcell_test::Cells> cells = {
      {"a", "ctrl", 1}, {"a", "P", 1}, {"a", "Q", 1},    {"b", "P", 1}, {"b", "Q", 1},
      {"b", "R", 1},    {"b", "S", 1}, {"c", "ctrl", 1}, {"c", "P", 1}, {"c", "R", 1}};
  // P alone is in two contexts with controls.
  CHECK(default_split(small_screen(cells), dataset).spec.fewshot.at("screen.c").test ==
        std::vector<std::string>{"P"});
  cells[8].perturbation = "S";
  CHECK(default_split(small_screen(cells), dataset).description.starts_with("by cells"));
}

TEST_CASE("default_split: contexts that share nothing", "[sets]") {
  const Screen apart = small_screen({{"a", "ctrl", 5},
                                     {"a", "P", 10},
                                     {"a", "Q", 10},
                                     {"b", "ctrl", 5},
                                     {"b", "R", 10},
                                     {"b", "S", 10},
                                     {"b", "T", 10}});
  auto made = default_split(apart, dataset, {.seed = 3});
  CHECK(made.spec == split_by_cells(dataset, {.test = 0.2, .seed = 3}));
  check_holds(made.description, {"by cells", "not the prediction of new ones"});
  CHECK(count_parts(assign_parts(apart, made.spec, "screen")) ==
        std::array<size_t, 4>{50, 0, 10, 0});
  made = default_split(apart, dataset, {.perturbation_features = true, .seed = 3});
  CHECK(made.spec == split_by_perturbation(apart, dataset, {.seed = 3}));
  check_holds(made.description, {"by perturbation"});
  // Controls alone: nothing to hold out, and no reason to stop.
  const Screen controls = small_screen({{"a", "ctrl", 5}, {"b", "ctrl", 5}});
  made = default_split(controls, dataset);
  CHECK(count_parts(assign_parts(controls, made.spec, "screen"))[0] == 10);
}
