#include "vcell/sets/split.hpp"

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::check_holds;
using vcell_test::context_of;
using vcell_test::perturbation_of;
using vcell_test::small_screen;

namespace {

Screen two_contexts() {
  return small_screen({{"rep_1", "ctrl", 3},
                       {"rep_1", "STAT1", 3},
                       {"rep_1", "JAK2", 3},
                       {"rep_3", "ctrl", 3},
                       {"rep_3", "STAT1", 3},
                       {"rep_3", "JAK2", 3}});
}

SplitSpec all_trained() {
  SplitSpec spec;
  spec.datasets = {{"screen", "screen.h5ad"}};
  spec.training = {"screen"};
  return spec;
}

template <class Expected>
void check_parts(const Screen& screen, const std::vector<Part>& parts, Expected&& expected) {
  REQUIRE(parts.size() == screen.cells());
  for (size_t i = 0; i < parts.size(); ++i) {
    CAPTURE(i, context_of(screen, i), perturbation_of(screen, i));
    CHECK(parts[i] == expected(context_of(screen, i), perturbation_of(screen, i)));
  }
}

void refuses(const Screen& screen, const SplitSpec& spec, const std::string& dataset,
             const std::vector<std::string>& texts) {
  check_error<ConfigError>([&] { check_split(screen, spec, dataset); }, texts);
}

}  // namespace

TEST_CASE("split: some perturbations of a context", "[sets]") {
  const Screen screen = two_contexts();
  SplitSpec spec = all_trained();
  spec.fewshot["screen.rep_3"].test = {"STAT1"};
  CHECK(check_split(screen, spec, "screen").empty());
  const auto parts = assign_parts(screen, spec, "screen");
  check_parts(screen, parts, [](const std::string& context, const std::string& perturbation) {
    return context == "rep_3" && perturbation == "STAT1" ? Part::test : Part::train;
  });
  CHECK(count_parts(parts) == std::array<size_t, 4>{15, 0, 3, 0});
  CHECK(unseen_perturbations(screen, parts).empty());
  spec.fewshot["screen.rep_1"].validation = {"STAT1"};
  CHECK(unseen_perturbations(screen, assign_parts(screen, spec, "screen")) ==
        std::vector<std::string>{"STAT1"});
}

TEST_CASE("split: a whole context, its controls by option", "[sets]") {
  const Screen screen = two_contexts();
  SplitSpec spec = all_trained();
  spec.zeroshot["screen.rep_3"] = Part::validation;
  check_parts(screen, assign_parts(screen, spec, "screen"),
              [](const std::string& context, const std::string&) {
                return context == "rep_3" ? Part::validation : Part::train;
              });
  check_parts(screen, assign_parts(screen, spec, "screen", {.train_on_zeroshot_controls = true}),
              [](const std::string& context, const std::string& perturbation) {
                return context == "rep_3" && perturbation != "ctrl" ? Part::validation
                                                                    : Part::train;
              });
}

TEST_CASE("split: a data set that is not trained on", "[sets]") {
  const Screen screen = two_contexts();
  SplitSpec spec = all_trained();
  spec.datasets["other"] = "other.h5ad";
  spec.zeroshot["other.rep_1"] = Part::test;
  check_parts(screen, assign_parts(screen, spec, "other"),
              [](const std::string& context, const std::string&) {
                return context == "rep_1" ? Part::test : Part::unused;
              });
  spec.zeroshot.clear();
  refuses(screen, spec, "other", {"no cell is used"});
}

TEST_CASE("split: contexts of a data set that is not trained on can train", "[sets]") {
  const Screen screen = two_contexts();
  SplitSpec spec = all_trained();
  spec.training.clear();
  spec.fewshot["screen.rep_3"].test = {"STAT1"};
  const auto warnings = check_split(screen, spec, "screen");
  REQUIRE(warnings.size() == 1);
  check_holds(warnings[0], {"'screen.rep_3'", "not in [training]", "the rest of this context"});
  check_parts(screen, assign_parts(screen, spec, "screen"),
              [](const std::string& context, const std::string& perturbation) {
                if (context == "rep_1") return Part::unused;
                return perturbation == "STAT1" ? Part::test : Part::train;
              });

  spec.zeroshot["screen.rep_1"] = Part::train;
  CHECK(count_parts(assign_parts(screen, spec, "screen")) == std::array<size_t, 4>{15, 0, 3, 0});
  spec.fewshot.clear();
  CHECK(check_split(screen, spec, "screen").empty());
  CHECK(count_parts(assign_parts(screen, spec, "screen")) == std::array<size_t, 4>{9, 0, 0, 9});
}

TEST_CASE("split: the longest declared name is the data set", "[sets]") {
  SplitSpec spec;
  spec.datasets = {{"a", "1"}, {"a.b", "2"}, {"a.b.c.d", "3"}};
  const auto parts = [&](const std::string& key) {
    const auto found = split_key(spec, key);
    return found ? found->dataset + " / " + found->context : "nothing";
  };
  CHECK(parts("a.x") == "a / x");
  CHECK(parts("a.b") == "a / b");
  CHECK(parts("a.b.c") == "a.b / c");
  CHECK(parts("a.b.c.d") == "a.b / c.d");
  CHECK(parts("a.b.c.d.e.f") == "a.b.c.d / e.f");
  CHECK(parts("a.bc") == "a / bc");
  CHECK(parts("a.") == "a / ");
  CHECK(parts("b.x") == "nothing");
  CHECK(parts("a") == "nothing");
  CHECK(parts(".x") == "nothing");
  CHECK(parts("") == "nothing");
}

TEST_CASE("split: contexts with dots and bars", "[sets]") {
  const Screen screen =
      small_screen({{"v1.2|d.3", "ctrl", 2}, {"v1.2|d.3", "A", 2}, {"y", "ctrl", 1}});
  SplitSpec spec = all_trained();
  spec.fewshot["screen.v1.2|d.3"].test = {"A"};
  CHECK(count_parts(assign_parts(screen, spec, "screen"))[size_t(Part::test)] == 2);
}

TEST_CASE("split: keys of other data sets are left to them", "[sets]") {
  const Screen screen = two_contexts();
  SplitSpec spec = all_trained();
  spec.datasets["other"] = "other.h5ad";
  spec.training.insert("other");
  spec.fewshot["other.T cell"].test = {"MYC"};
  spec.zeroshot["other.B cell"] = Part::test;
  CHECK(check_split(screen, spec, "screen").empty());
  CHECK(count_parts(assign_parts(screen, spec, "screen"))[size_t(Part::train)] == screen.cells());
}

TEST_CASE("split: cells of every perturbation", "[sets]") {
  const Screen screen = two_contexts();
  SplitSpec spec = all_trained();
  spec.cells = HeldOutCells{.validation = 0.34, .test = 0.34, .seed = 3};
  CHECK(count_parts(assign_parts(screen, spec, "screen")) == std::array<size_t, 4>{10, 4, 4, 0});
  spec.cells->test = 0.8;
  refuses(screen, spec, "screen", {"0.34 for validation and 0.8 for test"});
}

TEST_CASE("split: everything wrong is reported at once, by name", "[sets]") {
  const Screen screen = two_contexts();
  SplitSpec spec = all_trained();
  spec.training.insert("scren");
  spec.zeroshot["elsewhere.x"] = Part::test;
  spec.zeroshot["screen.rep3"] = Part::test;
  spec.zeroshot["screen.rep_3"] = Part::unused;
  spec.fewshot["screen.rep_3"].test = {"STAT11", "JAK2", "ctrl"};
  spec.fewshot["screen.rep_3"].validation = {"MYC"};
  refuses(screen, spec, "screen",
          {"[training] 'scren' is not in [datasets]; did you mean 'screen'",
           "'elsewhere.x' does not begin with a declared data set",
           "no context 'rep3'; did you mean 'rep_3'", "'rep_1'",
           "is unused, expected train, validation or test",
           "conflict: 'screen.rep_3' is zeroshot and fewshot",
           "'MYC', 'STAT11'; did you mean 'STAT1'", "holds out the control 'ctrl'"});
  CHECK_THROWS_AS(assign_parts(screen, spec, "screen"), ConfigError);

  refuses(screen, all_trained(), "screeen",
          {"'screeen' is not in [datasets]; did you mean 'screen'"});
}

TEST_CASE("split: names that the screen does not have are left out when lenient", "[sets]") {
  const Screen screen = two_contexts();
  SplitSpec spec = all_trained();
  spec.fewshot["screen.rep_3"] = {{"MYC"}, {"STAT1", "STAT11"}};
  spec.fewshot["screen.rep_4"].test = {"JAK2"};
  spec.zeroshot["screen.rep_5"] = Part::test;
  refuses(screen, spec, "screen",
          {"'MYC', 'STAT11'; did you mean 'STAT1'", "no context 'rep_4'", "no context 'rep_5'",
           "lenient_split"});
  CHECK_THROWS_AS(assign_parts(screen, spec, "screen"), ConfigError);

  const auto remarks = check_split(screen, spec, "screen", {.lenient = true});
  REQUIRE(remarks.size() == 3);
  check_holds(remarks[0], {"no context 'rep_5'; did you mean 'rep_1', 'rep_3'", "left out"});
  check_holds(remarks[1], {"'MYC', 'STAT11'; did you mean 'STAT1'", "left out"});
  check_holds(remarks[2], {"no context 'rep_4'", "left out"});
  check_parts(screen, assign_parts(screen, spec, "screen", {.lenient = true}),
              [](const std::string& context, const std::string& perturbation) {
                return context == "rep_3" && perturbation == "STAT1" ? Part::test : Part::train;
              });

  // All else that is wrong stays an error.
  spec.fewshot["screen.rep_3"].test = {"ctrl"};
  check_error<ConfigError>([&] { check_split(screen, spec, "screen", {.lenient = true}); },
                           {"holds out the control 'ctrl'"});
}

TEST_CASE("split: contradictions and leaks", "[sets]") {
  const Screen screen = two_contexts();
  SplitSpec spec = all_trained();
  spec.datasets["copy"] = "screen.h5ad";
  refuses(screen, spec, "screen", {"leakage", "'copy'"});

  spec = all_trained();
  spec.fewshot["screen.rep_3"] = {{"STAT1", "JAK2"}, {"STAT1"}};
  const auto warnings = check_split(screen, spec, "screen");
  REQUIRE(warnings.size() == 1);
  check_holds(warnings[0], {"'STAT1'; their cells are test only"});
  const auto parts = assign_parts(screen, spec, "screen");
  CHECK(count_parts(parts) == std::array<size_t, 4>{12, 3, 3, 0});
}

TEST_CASE("split: a perturbation without cells in the context is a remark", "[sets]") {
  const Screen screen =
      small_screen({{"x", "ctrl", 1}, {"x", "A", 1}, {"y", "ctrl", 1}, {"y", "B", 1}});
  SplitSpec spec = all_trained();
  spec.fewshot["screen.x"].test = {"A", "B"};
  const auto warnings = check_split(screen, spec, "screen");
  REQUIRE(warnings.size() == 1);
  check_holds(warnings[0], {"without cells in this context: 'B'"});
}

TEST_CASE("split: contexts with controls", "[sets]") {
  const Screen screen = small_screen(
      {{"x", "A", 1}, {"y", "ctrl", 2}, {"y", "A", 1}, {"z", "B", 1}, {"w", "ctrl", 1}});
  CHECK(screen.context.names == std::vector<std::string>{"w", "x", "y", "z"});
  CHECK(contexts_with_controls(screen) == std::vector<bool>{true, false, true, false});
}

TEST_CASE("split: a context in use needs controls", "[sets]") {
  const Screen screen = small_screen({{"x", "ctrl", 1}, {"x", "A", 1}, {"y", "A", 1}});
  const auto warnings = check_split(screen, all_trained(), "screen");
  REQUIRE(warnings.size() == 1);
  check_holds(warnings[0], {"no control cells ('ctrl') in context 'y'", "not used"});
  CHECK(assign_parts(screen, all_trained(), "screen") ==
        std::vector<Part>{Part::train, Part::train, Part::unused});
  SplitSpec spec = all_trained();
  spec.fewshot["screen.y"].test = {"A"};
  refuses(screen, spec, "screen", {"no control cells ('ctrl') in context 'y'"});
  spec = all_trained();
  spec.zeroshot["screen.y"] = Part::test;
  refuses(screen, spec, "screen", {"no control cells ('ctrl') in context 'y'"});
  spec = all_trained();
  spec.training.clear();
  spec.zeroshot["screen.x"] = Part::test;
  CHECK_NOTHROW(check_split(screen, spec, "screen"));  // y is not used
}
