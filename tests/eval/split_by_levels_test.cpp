#include "vcell/eval/split_by_levels.hpp"

#include <map>
#include <set>

#include "support.hpp"
#include "support/catch.hpp"

using namespace vcell_test;

namespace {

/// Cells in a random order, each with a label and a level; the label "ctrl" is the reference.
struct LevelledCells {
  std::vector<std::string> labels, levels;  // no level: ""

  void add(const std::string& label, const std::string& level, size_t n) {
    labels.insert(labels.end(), n, label);
    levels.insert(levels.end(), n, level);
  }
  void shuffle(uint64_t seed) {
    NumpyRandom random(seed);
    const auto order = random.permutation(labels.size());
    auto old_labels = labels, old_levels = levels;
    for (size_t i = 0; i < order.size(); ++i) {
      labels[i] = old_labels[order[i]];
      levels[i] = old_levels[order[i]];
    }
  }
  ExpressionGroups groups() const {
    std::vector<size_t> rows(labels.size());
    std::iota(rows.begin(), rows.end(), size_t(0));
    return expression_groups(factor(labels), "ctrl", rows);
  }
  Factor factor_of_levels() const {
    std::vector<uint8_t> missing;
    for (const auto& level : levels) missing.push_back(level.empty());
    return factor(levels, missing);
  }
  LevelHalves split(uint64_t seed = 0) const {
    return split_by_levels(groups(), factor_of_levels(), seed);
  }
};

std::map<std::string, bool> parts(const LevelHalves& split) {
  std::map<std::string, bool> out;
  for (const DividedLevel& level : split.levels) out[level.level] = level.is_real;
  return out;
}

/// The documented rule once more, by names and by counting cells anew for every level.
std::map<std::string, bool> parts_by_rule(const LevelledCells& cells) {
  std::map<std::string, double> of_label, of_level;
  std::map<std::pair<std::string, std::string>, double> of_both;
  for (size_t i = 0; i < cells.labels.size(); ++i) {
    if (cells.levels[i].empty()) continue;
    of_label[cells.labels[i]] += 1;
    of_level[cells.levels[i]] += 1;
    of_both[{cells.labels[i], cells.levels[i]}] += 1;
  }
  std::map<std::string, bool> out;
  while (out.size() < of_level.size()) {
    std::string next;
    for (const auto& [level, n] : of_level)
      if (!out.contains(level) && (next.empty() || n > of_level[next])) next = level;
    double slope = 0, real = 0, predicted = 0;
    for (const auto& [level, is_real] : out) (is_real ? real : predicted) += of_level[level];
    for (const auto& [label, n] : of_label) {
      double difference = 0;
      for (const auto& [level, is_real] : out)
        difference += (is_real ? 1 : -1) * of_both[{label, level}] / n;
      slope += of_both[{label, next}] / n * difference;
    }
    const bool to_real = std::abs(slope) < 1e-9 ? real <= predicted : slope < 0;
    out.insert({next, to_real});
  }
  return out;
}

}  // namespace

TEST_CASE("split_by_levels: guides are divided label by label", "[eval]") {
  LevelledCells cells;
  cells.add("A", "a1", 5);
  cells.add("A", "a2", 3);
  cells.add("A", "a3", 2);
  cells.add("B", "b1", 4);
  cells.add("ctrl", "c1", 6);
  cells.add("ctrl", "c2", 6);
  cells.add("A", "", 2);
  cells.add("ctrl", "", 1);
  for (const uint64_t seed : {1, 2, 3}) {
    cells.shuffle(seed);
    const auto split = cells.split();
    REQUIRE(parts(split) == std::map<std::string, bool>{{"a1", true},
                                                        {"a2", false},
                                                        {"a3", false},
                                                        {"b1", false},
                                                        {"c1", true},
                                                        {"c2", false}});
    REQUIRE(split.levels[1].cells == 3);
    REQUIRE(split.left_out == std::vector<std::string>{"B"});
    REQUIRE(split.unlabelled == 2);
    REQUIRE_FALSE(split.control_by_chance);
    REQUIRE(split.halves.real.targets == std::vector<std::string>{"A"});
    REQUIRE(split.halves.predicted.targets == split.halves.real.targets);
    const auto check = [&](const std::vector<size_t>& rows, size_t n, const char* label,
                           const std::set<std::string>& levels) {
      REQUIRE(rows.size() == n);
      REQUIRE(std::is_sorted(rows.begin(), rows.end()));
      for (const size_t row : rows) {
        REQUIRE(cells.labels[row] == label);
        REQUIRE(levels.contains(cells.levels[row]));
      }
    };
    check(split.halves.real.rows[0], 5, "A", {"a1"});
    check(split.halves.predicted.rows[0], 5, "A", {"a2", "a3"});
    check(split.halves.real.reference, 6, "ctrl", {"c1"});
    check(split.halves.predicted.reference, 6, "ctrl", {"c2"});
  }
}

TEST_CASE("split_by_levels: batches are divided once for all labels", "[eval]") {
  // By size alone all of P would be in one part and all of Q in the other.
  LevelledCells cells;
  cells.add("P", "b1", 100);
  cells.add("Q", "b3", 90);
  cells.add("Q", "b4", 80);
  cells.add("P", "b2", 20);
  for (const char* batch : {"b1", "b2", "b3", "b4"}) cells.add("ctrl", batch, 25);
  const auto split = cells.split();
  REQUIRE(split.left_out.empty());
  REQUIRE(split.halves.real.reference.size() == 50);
  REQUIRE(parts(split) == parts_by_rule(cells));

  // Equal numbers everywhere: equal halves of every label.
  LevelledCells even;
  for (const char* label : {"ctrl", "A", "B", "C"})
    for (const char* batch : {"1", "2", "3", "4"}) even.add(label, batch, 7);
  even.shuffle(1);
  const auto halves = even.split().halves;
  REQUIRE(halves.real.targets.size() == 3);
  for (size_t t = 0; t < 3; ++t)
    REQUIRE(halves.real.rows[t].size() == halves.predicted.rows[t].size());
  REQUIRE(halves.real.reference.size() == halves.predicted.reference.size());
}

TEST_CASE("split_by_levels: the rule, on random designs, in any order of the cells", "[eval]") {
  Rng rng(5);
  for (size_t trial = 0; trial < 30; ++trial) {
    LevelledCells cells;
    const size_t batches = 1 + size_t(rng.uniform() * 7);
    for (const char* label : {"ctrl", "A", "B", "C", "D"})
      for (size_t b = 0; b < batches; ++b)
        if (rng.uniform() < 0.7)
          cells.add(label, (trial % 2 ? "b" : label) + std::to_string(b),
                    1 + size_t(rng.uniform() * 12));
    cells.add("ctrl", "extra", 2);
    const auto expected = parts_by_rule(cells);
    const auto before = cells.split();
    INFO(trial);
    REQUIRE(parts(before) == expected);
    cells.shuffle(trial);
    const auto after = cells.split();
    REQUIRE(parts(after) == expected);
    REQUIRE(after.left_out == before.left_out);
    size_t all = after.left_out.size();
    for (size_t t = 0; t < after.halves.real.targets.size(); ++t, ++all) {
      REQUIRE_FALSE(after.halves.real.rows[t].empty());
      REQUIRE(after.halves.real.rows[t].size() == before.halves.real.rows[t].size());
      for (const size_t row : after.halves.real.rows[t]) REQUIRE(expected.at(cells.levels[row]));
      for (const size_t row : after.halves.predicted.rows[t])
        REQUIRE_FALSE(expected.at(cells.levels[row]));
    }
    REQUIRE(all == cells.groups().targets.size());
  }
}

TEST_CASE("split_by_levels: a control that cannot be divided is halved at random", "[eval]") {
  for (const std::string level : {"c", ""}) {
    LevelledCells cells;
    cells.add("A", "a1", 2);
    cells.add("A", "a2", 2);
    cells.add("ctrl", level, 9);
    const auto split = cells.split(3), again = cells.split(3), other = cells.split(4);
    REQUIRE(split.control_by_chance);
    REQUIRE(split.halves.real.reference.size() == 4);
    REQUIRE(split.halves.predicted.reference.size() == 4);
    std::set<size_t> both(split.halves.real.reference.begin(), split.halves.real.reference.end());
    both.insert(split.halves.predicted.reference.begin(), split.halves.predicted.reference.end());
    REQUIRE(both.size() == 8);
    REQUIRE(split.halves.real.reference == again.halves.real.reference);
    REQUIRE(split.halves.real.reference != other.halves.real.reference);
  }
  LevelledCells one;
  one.add("A", "a1", 1);
  one.add("A", "a2", 1);
  one.add("ctrl", "c", 1);
  REQUIRE(one.split().halves.real.reference.empty());
}
