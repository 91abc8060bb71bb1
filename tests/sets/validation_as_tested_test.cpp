#include "vcell/sets/validation_as_tested.hpp"

#include <set>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::even_screen;
using vcell_test::small_screen;

namespace {

using Names = std::set<std::string>;

/// Parts in which all cells of some perturbations are test, in every context.
std::vector<Part> tested(const Screen& screen, const Names& names) {
  std::vector<Part> parts(screen.cells(), Part::train);
  for (size_t i = 0; i < parts.size(); ++i)
    if (names.contains(vcell_test::perturbation_of(screen, i))) parts[i] = Part::test;
  return parts;
}

/// Perturbations with cells in a part.
Names in_part(const Screen& screen, const std::vector<Part>& parts, Part part) {
  Names out;
  for (size_t i = 0; i < parts.size(); ++i)
    if (parts[i] == part && !screen.is_control(i))
      out.insert(vcell_test::perturbation_of(screen, i));
  return out;
}

/// Draws, and sees to it that what was test or control is as before, and whole is whole.
Names whole(const Screen& screen, std::vector<Part> parts, const ScreenOptions& labels,
            const ValidationPairOptions& options, size_t expected, size_t pairs = 0) {
  const auto before = parts;
  const auto drawn = add_validation_as_tested(screen, parts, labels, options);
  CHECK(drawn.perturbations == expected);
  CHECK(drawn.pairs == pairs);
  for (size_t i = 0; i < parts.size(); ++i)
    if (before[i] != Part::train || screen.is_control(i)) CHECK(parts[i] == before[i]);
  const Names trained = in_part(screen, parts, Part::train);
  Names out;
  for (const auto& name : in_part(screen, parts, Part::validation))
    if (!trained.contains(name)) out.insert(name);
  CHECK(out.size() == expected);
  return out;
}

}  // namespace

TEST_CASE("validation_as_tested: whole perturbations where test has none but whole ones",
          "[sets]") {
  const Screen screen = even_screen({"x", "y", "z"}, 24);
  const Names test = {"P000", "P001", "P002", "P003"};
  // A fifth of twenty, of pairs none.
  const Names drawn = whole(screen, tested(screen, test), {}, {.seed = 1}, 4);
  for (const auto& name : test) CHECK_FALSE(drawn.contains(name));
  CHECK(whole(screen, tested(screen, test), {}, {.seed = 1}, 4) == drawn);
  CHECK(whole(screen, tested(screen, test), {}, {.share = 0.01}, 1).size() == 1);
  CHECK(whole(screen, tested(screen, test), {}, {.share = 0}, 0).empty());
  CHECK(whole(screen, tested(screen, test), {}, {.share = 0.99}, 19).size() == 19);
  Names any;
  for (uint64_t seed = 0; seed < 60; ++seed)
    any.merge(whole(screen, tested(screen, test), {}, {.seed = seed}, 4));
  CHECK(any.size() == 20);
  // Of one context, too, where no pair can be held out; the last perturbation stays.
  CHECK(whole(even_screen({"x"}, 11), tested(even_screen({"x"}, 11), {"P000"}), {}, {}, 2).size());
  const Screen two = even_screen({"x"}, 2);
  whole(two, tested(two, {"P000"}), {}, {.share = 0.9}, 0);
}

TEST_CASE("validation_as_tested: as add_validation_pairs where test has pairs, or nothing",
          "[sets]") {
  const Screen screen = even_screen({"x", "y", "z"}, 10);
  std::vector<Part> pairs(screen.cells(), Part::train);
  for (size_t i = 0; i < pairs.size(); ++i)
    if (vcell_test::context_of(screen, i) == "z" && i % 3) pairs[i] = Part::test;
  auto unused = pairs;
  for (size_t i = 0; i < unused.size(); ++i)  // tested in z, and nowhere else
    if (vcell_test::perturbation_of(screen, i) == "P003" && unused[i] != Part::test)
      unused[i] = Part::unused;
  auto validated = tested(screen, {"P000"});
  for (size_t i = 0; i < validated.size(); ++i)
    if (vcell_test::perturbation_of(screen, i) == "P005") validated[i] = Part::validation;
  for (const auto& before : {pairs, std::vector<Part>(screen.cells(), Part::train), validated}) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      auto parts = before, other = before;
      const auto drawn = add_validation_as_tested(screen, parts, {}, {.seed = seed});
      CHECK(drawn.pairs == add_validation_pairs(screen, other, {.seed = seed}));
      CHECK(drawn.perturbations == 0);
      CHECK(parts == other);
    }
  }
  auto parts = unused, other = unused;
  CHECK(add_validation_as_tested(screen, parts, {}).perturbations == 1);
  add_validation_pairs(screen, other);
  CHECK(parts != other);
}

TEST_CASE("validation_as_tested: of each kind as much as test has of it", "[sets]") {
  const Screen screen = even_screen({"x", "y"}, 40);
  auto parts = tested(screen, {"P000", "P001", "P002", "P003", "P004"});  // ten pairs
  const Names some = {"P010", "P011", "P012", "P013", "P014",
                      "P015", "P016", "P017", "P018", "P019"};
  for (size_t i = 0; i < parts.size(); ++i)  // and ten
    if (vcell_test::context_of(screen, i) == "x" &&
        some.contains(vcell_test::perturbation_of(screen, i)))
      parts[i] = Part::test;
  // Half of a fifth of 50 pairs, 25 perturbations of two contexts; and of 35 perturbations.
  const auto before = parts;
  const auto drawn = add_validation_as_tested(screen, parts, {}, {.seed = 3});
  CHECK(drawn.pairs == 5);
  CHECK(drawn.perturbations == 3);
  auto by_pairs = before;
  add_validation_pairs(screen, by_pairs, {.share = 0.1, .seed = 3});
  for (size_t i = 0; i < parts.size(); ++i)
    if (by_pairs[i] == Part::validation) CHECK(parts[i] == Part::validation);
}

TEST_CASE("validation_as_tested: combinations of what trains alone", "[sets]") {
  std::vector<vcell_test::Cells> groups;
  for (const std::string context : {"x", "y"}) {
    groups.push_back({context, "ctrl", 3});
    for (const std::string name :
         {"A", "B", "C", "D", "E", "A+B", "A+C", "A+D", "A+E", "B+C", "B+D", "C+F"})
      groups.push_back({context, name, 3});
  }
  const Screen screen = small_screen(groups);
  ScreenOptions labels;
  labels.control = "ctrl";
  labels.combination_separator = "+";
  const auto parts = tested(screen, {"A+B"});
  // Of the five whose parts train; F never does alone, and single perturbations are not asked for.
  Names any;
  for (uint64_t seed = 0; seed < 40; ++seed)
    any.merge(whole(screen, parts, labels, {.share = 0.4, .seed = seed}, 2));
  CHECK(any == Names{"A+C", "A+D", "A+E", "B+C", "B+D"});
  // Of C+F, features alone can tell: single perturbations are held out.
  any.clear();
  for (uint64_t seed = 0; seed < 40; ++seed)
    any.merge(whole(screen, tested(screen, {"C+F"}), labels, {.share = 0.4, .seed = seed}, 2));
  CHECK(any == Names{"A", "B", "C", "D", "E"});
  // What has one training cell tells nothing.
  auto few = parts;
  bool kept = false;
  for (size_t i = 0; i < few.size(); ++i)
    if (vcell_test::perturbation_of(screen, i) == "D" && std::exchange(kept, true))
      few[i] = Part::unused;
  for (uint64_t seed = 0; seed < 20; ++seed)
    for (const auto& name : whole(screen, few, labels, {.share = 0.4, .seed = seed}, 1))
      CHECK(name.find('D') == name.npos);
}

TEST_CASE("validation_as_tested: doses of which others train, or perturbations at all doses",
          "[sets]") {
  std::vector<vcell_test::Cells> groups;
  for (const std::string context : {"x", "y"}) {
    groups.push_back({context, "ctrl", 3});
    for (const std::string name : {"A", "B", "C", "D"})
      for (const std::string dose : {"@1", "@2", "@3"}) groups.push_back({context, name + dose, 3});
  }
  const Screen screen = small_screen(groups);
  ScreenOptions labels;
  labels.control = "ctrl";
  labels.dose_key = "dose";
  const auto parts = tested(screen, {"A@2", "B@2"});
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const Names drawn = whole(screen, parts, labels, {.share = 0.5, .seed = seed}, 5);
    // A dose of each stays.
    for (const char* name : {"A", "B", "C", "D"})
      CHECK(std::ranges::count_if(drawn, [&](const auto& s) { return s.starts_with(name); }) <=
            (*name < 'C' ? 1 : 2));
  }
  // As many as can be: of A and B one, of C and D two.
  whole(screen, parts, labels, {.share = 0.99, .seed = 3}, 6);
  // At no dose: told by features, all doses leave together.
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const Names drawn = whole(screen, tested(screen, {"A@1", "A@2", "A@3"}), labels,
                              {.share = 0.4, .seed = seed}, 3);
    const std::string name = drawn.begin()->substr(0, 1);
    CHECK(drawn == Names{name + "@1", name + "@2", name + "@3"});
  }
  // Labels that look like doses are none where none were declared.
  ScreenOptions none;
  none.control = "ctrl";
  CHECK(whole(screen, parts, none, {.share = 0.4}, 4).size() == 4);
}

TEST_CASE("validation_as_tested: errors", "[sets]") {
  const Screen screen = even_screen({"x", "y"}, 3);
  auto parts = tested(screen, {"P000"});
  for (const double share : {1.0, -0.1})
    check_error<ConfigError>([&] { add_validation_as_tested(screen, parts, {}, {.share = share}); },
                             {"share", "below 1"});
  parts.pop_back();
  CHECK_THROWS_AS(add_validation_as_tested(screen, parts, {}), ShapeError);
}
