// Controls that are kept apart by part: drawn in shares, paired, measured, judged.
#include <map>
#include <set>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/models/pair_shifts.hpp"
#include "vcell/sets/keep_controls_apart.hpp"
#include "vcell/sets/set_source.hpp"
#include "vcell/sets/split.hpp"
#include "vcell/sets/split_summary.hpp"
#include "vcell/sets/split_toml.hpp"
#include "vcell/sets/validation_cells.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::small_screen;

namespace {

/// Two contexts that train with 25 and 11 controls in two batches, one that is tested alone.
Screen screen_of_three() {
  return small_screen({{"x", "ctrl", 20, "b1"},
                       {"x", "ctrl", 5, "b2"},
                       {"x", "A", 9, "b1"},
                       {"x", "B", 6, "b2"},
                       {"y", "ctrl", 11, "b1"},
                       {"y", "A", 7, "b2"},
                       {"y", "B", 4, "b1"},
                       {"z", "ctrl", 6, "b1"},
                       {"z", "A", 5, "b1"}});
}

SplitSpec apart(uint64_t seed, double validation = 0.16, double test = 0.2) {
  SplitSpec spec;
  spec.datasets = {{"s", "s.h5ad"}};
  spec.training = {"s"};
  spec.fewshot["s.x"].test = {"B"};
  spec.fewshot["s.y"].validation = {"A"};
  spec.zeroshot["s.z"] = Part::test;
  spec.controls = {validation, test, seed};
  return spec;
}

/// The controls of a part, by context and batch.
std::map<std::string, size_t> control_counts(const Screen& screen, std::span<const Part> parts,
                                             Part part) {
  std::map<std::string, size_t> out;
  for (size_t i = 0; i < parts.size(); ++i)
    if (screen.is_control(i) && parts[i] == part)
      ++out[vcell_test::context_of(screen, i) + screen.batch.names[size_t(screen.batch.codes[i])]];
  return out;
}

}  // namespace

TEST_CASE("controls_apart: shares of each context and batch", "[sets]") {
  const Screen screen = screen_of_three();
  const auto parts = assign_parts(screen, apart(7), "s");
  using Counts = std::map<std::string, size_t>;
  // x: 5 and 4 of 25, one in five from b2; y: 2 and 2 of 11; z is no context that trains.
  CHECK(control_counts(screen, parts, Part::test) ==
        Counts{{"xb1", 4}, {"xb2", 1}, {"yb1", 2}, {"zb1", 6}});
  CHECK(control_counts(screen, parts, Part::validation) ==
        Counts{{"xb1", 3}, {"xb2", 1}, {"yb1", 2}});
  CHECK(control_counts(screen, parts, Part::train) == Counts{{"xb1", 13}, {"xb2", 3}, {"yb1", 7}});
  CHECK(parts == assign_parts(screen, apart(7), "s"));
  CHECK(parts != assign_parts(screen, apart(8), "s"));
  // Perturbed cells are where they would be without.
  SplitSpec shared = apart(7);
  shared.controls.reset();
  const auto before = assign_parts(screen, shared, "s");
  for (size_t i = 0; i < parts.size(); ++i)
    if (!screen.is_control(i)) REQUIRE(parts[i] == before[i]);
}

TEST_CASE("controls_apart: a share gives one cell at least and leaves one", "[sets]") {
  for (const size_t n : {1, 2, 3, 4}) {
    const Screen screen = small_screen({{"x", "ctrl", n}, {"x", "A", 2}});
    std::vector<Part> parts(screen.cells(), Part::train);
    hold_out_controls(screen, {.validation = 0.01, .test = 0.01}, parts);
    const auto counts = count_parts(parts);
    CHECK(counts[size_t(Part::test)] == (n > 1));
    CHECK(counts[size_t(Part::validation)] == (n > 2));
    std::vector<Part> none(screen.cells(), Part::train);
    hold_out_controls(screen, {.validation = 0, .test = 0}, none);
    CHECK(count_parts(none)[0] == screen.cells());
    std::vector<Part> most(screen.cells(), Part::train);
    hold_out_controls(screen, {.validation = 0.09, .test = 0.9}, most);
    CHECK(count_parts(most)[0] >= 3);  // A's two and one control
  }
  const Screen screen = small_screen({{"x", "ctrl", 3}, {"x", "A", 2}});
  std::vector<Part> parts(screen.cells(), Part::train);
  CHECK_THROWS_AS(hold_out_controls(screen, {.validation = 0.5, .test = 0.5}, parts), ConfigError);
  CHECK_THROWS_AS(hold_out_controls(screen, {.validation = -0.1, .test = 0.5}, parts), ConfigError);
  parts.pop_back();
  CHECK_THROWS_AS(hold_out_controls(screen, {}, parts), ShapeError);
}

TEST_CASE("controls_apart: sets draw controls of their own part alone", "[sets]") {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Screen screen = screen_of_three();
    const auto parts = assign_parts(screen, apart(seed), "s");
    keep_controls_apart(screen, parts);
    for (const Part part : {Part::train, Part::validation, Part::test})
      for (const auto mapping :
           {ControlMapping::random, ControlMapping::cached, ControlMapping::cycle})
        for (const bool within_batch : {false, true}) {
          SetSourceOptions options;
          options.sets.part = part;
          options.sets.set_size = 4;
          options.sets.control_sets = true;
          options.pairing = {.within_batch = within_batch, .mapping = mapping};
          options.rows_only = true;
          options.batch_size = 3;
          options.seed = seed;
          const SetSource source(screen, parts, options);
          SetBatch batch;
          for (uint64_t step = 0; step < 12; ++step) {
            source.read(step, batch);
            for (const auto* rows : {&batch.control_cells, &batch.target_cells})
              for (const size_t row : *rows)
                if (row != no_cell) REQUIRE(parts[row] == part);
          }
        }
  }
}

TEST_CASE("controls_apart: all of a part's controls are used, and shared ones stay", "[sets]") {
  Screen screen = small_screen({{"x", "ctrl", 8}, {"x", "A", 4}});
  std::vector<Part> parts(screen.cells(), Part::train);
  hold_out_controls(screen, {.validation = 0, .test = 0.25}, parts);
  parts[8] = Part::test;
  const ControlPairing shared(screen, {.part = Part::train});
  CHECK(shared.controls(0).size() == 8);
  keep_controls_apart(screen, parts);
  CHECK(ControlPairing(screen, {.part = Part::train}).controls(0).size() == 6);
  CHECK(ControlPairing(screen, {.part = Part::test}).controls(0).size() == 2);
  check_error<ConfigError>([&] { ControlPairing{screen}; }, {"ControlPairing", "part"});
  const ControlPairing none(screen, {.part = Part::validation});
  check_error<ConfigError>([&] { (void)none.controls(0); }, {"'x'", "of validation"});
  // Shifts are measured against controls of the cells that count.
  const auto shifts = pair_shifts(screen, parts);
  double mean = 0;
  for (size_t i = 0; i < 8; ++i) mean += parts[i] == Part::train ? double(i + 1) / 6 : 0;
  REQUIRE(shifts.pairs() == 1);
  CHECK(std::abs(shifts.shift(0, 0) - (11 - mean)) < 1e-12);  // cells 9 to 11 hold 10 to 12
}

TEST_CASE("controls_apart: a part without controls is an error, and a verdict", "[sets]") {
  Screen screen = small_screen({{"x", "ctrl", 1}, {"x", "A", 2}, {"y", "ctrl", 4}, {"y", "A", 2}});
  std::vector<Part> parts(screen.cells(), Part::train);
  hold_out_controls(screen, {.validation = 0, .test = 0.5}, parts);
  parts[1] = Part::test;
  check_error<ConfigError>([&] { keep_controls_apart(screen, parts); }, {"'x'", "test", "'ctrl'"});
  CHECK(screen.control_parts.empty());
  const auto says = [&](const std::string& text) {
    for (const auto& line : summarize_split(screen, parts).verdict)
      if (line.find(text) != std::string::npos) return true;
    return false;
  };
  CHECK_FALSE(says("controls"));  // shared: nothing is missing
  screen.control_parts = parts;
  CHECK(says("missing controls: 'x' with cells of test"));
  CHECK(says("kept apart: 3 for train, 0 for validation, 2 for test"));
  CHECK(says("none for validation"));
}

TEST_CASE("controls_apart: those for validation are no cells to validate on", "[sets]") {
  Screen screen = small_screen({{"x", "ctrl", 10}, {"x", "A", 20}});
  std::vector<Part> parts(screen.cells(), Part::train);
  hold_out_controls(screen, {}, parts);
  screen.control_parts = parts;
  CHECK(add_validation_cells(screen, parts, {.fraction = 0.1}) == 2);
}

TEST_CASE("controls_apart: a split says it in its file", "[sets]") {
  const SplitSpec spec = apart(5, 0.25, 0.125);
  CHECK(parse_split(format_split(spec)) == spec);
  SplitSpec column;
  column.datasets = {{"s", "s.h5ad"}};
  column.column = "part";
  column.controls.emplace();
  const std::string text = format_split(column);
  CHECK(text.find("parts = \"disjoint\"") != std::string::npos);
  CHECK(text.find("seed") == std::string::npos);
  CHECK(parse_split(text) == column);
  const std::string head = "[datasets]\ns = \"s.h5ad\"\n[controls]\n";
  CHECK_FALSE(parse_split(head + "parts = \"shared\"\n").controls);
  CHECK(*parse_split(head + "parts = \"disjoint\"\n").controls == HeldOutControls{});
  const auto fails = [&](const std::string& lines, const std::vector<std::string>& words) {
    check_error<FormatError>([&] { parse_split(head + lines); }, words);
  };
  fails("test = 0.5\n", {"line 4", "parts = \"disjoint\""});
  fails("parts = \"own\"\n", {"'own'", "shared or disjoint"});
  fails("parts = \"disjoint\"\nshare = 1\n", {"line 5", "'share'", "val, test or seed"});
  fails("parts = \"disjoint\"\nseed = -1\n", {"line 5", "seed"});
  fails("parts = \"disjoint\"\ntest = 0.5\n[cells]\ncolumn = \"part\"\n", {"'part'", "[controls]"});
  // A share that no screen has is found with the screen.
  check_error<ConfigError>([&] { assign_parts(screen_of_three(), apart(1, 0.5, 0.5), "s"); },
                           {"shares of controls", "0.5"});
}
