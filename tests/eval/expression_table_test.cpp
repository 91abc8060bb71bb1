#include "vcell/eval/expression_table.hpp"

#include <fstream>
#include <limits>
#include <optional>

#include "same_expression.hpp"
#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/eval/read_results.hpp"
#include "vcell/eval/write_results.hpp"

using namespace vcell_test;

namespace {

constexpr ExpressionMemory keep_none = {.kept_bytes = 0, .block_bytes = 1};

/// A memory whose blocks have so many targets.
ExpressionMemory blocks_of(size_t targets, size_t genes) {
  return {.kept_bytes = 0, .block_bytes = targets * genes * expression_entry_bytes()};
}

struct Cells {
  std::shared_ptr<const CsrMatrix<float>> X;
  std::vector<std::string> genes;
  Factor labels;

  Cells(size_t targets, size_t n_genes, size_t cells = 200)
      : X(std::make_shared<const CsrMatrix<float>>(random_cells(cells, n_genes, 0.4, 7, 3))),
        genes(numbered("g", n_genes)) {
    std::vector<std::string> names = numbered("P", targets);
    names.push_back("ctrl");
    names.push_back("ctrl");
    labels = by_turns(names, cells);
  }
  DifferentialExpression whole() const {
    return differential_expression(X->view(), genes, labels, "ctrl");
  }
  ExpressionTable table(const ExpressionMemory& memory, const Progress& progress = {}) const {
    return measured_expression(X, genes, expression_groups(labels, "ctrl", detail::places(X->rows)),
                               {.progress = progress}, memory);
  }
};

/// The targets of a table that are at some places, one by one.
DifferentialExpression picked(const DifferentialExpression& all,
                              const std::vector<size_t>& targets) {
  return *ExpressionTable(all).select(targets).whole();
}

/// All of a table, block by block.
DifferentialExpression put_together(const ExpressionTable& table) {
  auto out = make_expression({table.targets(), table.features(), table.target_membership(),
                              table.ref_membership(), table.against_others()});
  size_t next = 0;
  for_each_expression_block(table, [&](size_t first, const DifferentialExpression& block) {
    REQUIRE(first == next);
    next += block.targets.size();
    out.ref_mean = block.ref_mean;
    for (size_t t = 0; t < block.targets.size(); ++t) {
      REQUIRE(block.targets[t] == table.targets()[first + t]);
      REQUIRE(block.target_membership[t] == table.target_membership()[first + t]);
      const auto copy = [&](auto& to, const auto& from) {
        std::copy_n(from[t].data, from.shape(1), to[first + t].data);
      };
      for_each_column(copy, out, block);
    }
  });
  REQUIRE(next == table.targets().size());
  return out;
}

}  // namespace

TEST_CASE("expression_table: blocks are rows of the whole, whatever they and the threads are",
          "[eval]") {
  const Cells cells(23, 40);
  const auto expected = cells.whole();
  for (const int threads : {1, 2, 7}) {
    const Threads scope(threads);
    for (const size_t n : {1, 2, 7, 23}) {
      const auto table = cells.table(blocks_of(n, 40));
      REQUIRE_FALSE(table.is_kept());
      REQUIRE(table.targets_per_block() == n);
      REQUIRE(same_expression(put_together(table), expected));
    }
  }
  const auto table = cells.table(keep_none);
  REQUIRE(table.targets_per_block() == 1);
  REQUIRE(same_expression(*table.whole(), expected));
  REQUIRE(same_expression(*table.block(4, 11), picked(expected, {4, 5, 6, 7, 8, 9, 10})));
  REQUIRE(table.block(3, 3)->targets.empty());
  check_error<ShapeError>([&] { table.block(3, 24); }, {"3 .. 24", "23"});
  REQUIRE_THROWS_AS(table.block(4, 3), ShapeError);
}

TEST_CASE("expression_table: one that is kept is measured once and shared", "[eval]") {
  const Cells cells(5, 8);
  size_t told = 0;
  const Progress count = [&](const ProgressUpdate& update) {
    REQUIRE(update.stage == "differential expression");
    return ++told > 0;
  };
  const auto kept = cells.table({}, count);
  REQUIRE(kept.is_kept());
  REQUIRE(told > 0);
  told = 0;
  REQUIRE(kept.whole(count) == kept.whole(count));
  const ExpressionTable copy = kept;
  REQUIRE(copy.whole() == kept.whole());
  REQUIRE(same_expression(*kept.block(1, 3, count), picked(cells.whole(), {1, 2})));
  REQUIRE(told == 0);
  REQUIRE(kept.targets_per_block() == 5);

  const auto measured = cells.table(keep_none, count);
  REQUIRE(told == 0);
  REQUIRE(measured.block(1, 3, count) != measured.block(1, 3));
  REQUIRE(told > 0);
  const size_t bytes = 5 * 8 * expression_entry_bytes();
  REQUIRE(expression_entry_bytes() == 44);
  REQUIRE(cells.table({.kept_bytes = bytes}).is_kept());
  REQUIRE_FALSE(cells.table({.kept_bytes = bytes - 1}).is_kept());
}

TEST_CASE("expression_table: lives longer than what it was made in", "[eval]") {
  std::weak_ptr<const CsrMatrix<float>> X;
  std::optional<DifferentialExpression> expected;
  const auto made = [&](const ExpressionMemory& memory) {
    const Cells cells(4, 6);
    X = cells.X;
    expected = cells.whole();
    return cells.table(memory);
  };
  ExpressionTable table = made(keep_none);
  REQUIRE_FALSE(X.expired());
  ExpressionTable copy = table;
  table = {};
  REQUIRE(same_expression(*copy.whole(), *expected));
  const ExpressionTable some = copy.select(std::vector<size_t>{3});
  copy = {};
  REQUIRE_FALSE(X.expired());
  REQUIRE(same_expression(*some.whole(), picked(*expected, {3})));
  REQUIRE(same_expression(*made({}).whole(), *expected));
  REQUIRE(X.expired());  // what is kept needs the cells no more
}

TEST_CASE("expression_table: only a block of it is in memory", "[eval]") {
  const size_t targets = 50, genes = 6;
  std::vector<size_t> asked;
  std::weak_ptr<const DifferentialExpression> before;
  const ExpressionNames names{numbered("P", targets), numbered("g", genes),
                              std::vector<size_t>(targets, 2), 9};
  const ExpressionTable table(
      names,
      [&](std::span<const size_t> places, const Progress&) {
        REQUIRE(before.expired());
        asked.push_back(places.size());
        auto out = make_expression(select_names(names, places));
        for (size_t i = 0; i < places.size(); ++i) out.fdr(i, 0) = double(places[i]);
        return out;
      },
      blocks_of(7, genes));
  double sum = 0;
  for_each_expression_block(table, [&](size_t first, const DifferentialExpression& block) {
    before = table.block(first, first + 1);  // gone at once
    for (size_t t = 0; t < block.targets.size(); ++t) sum += block.fdr(t, 0);
  });
  REQUIRE(sum == 49 * 50 / 2);
  REQUIRE(asked == std::vector<size_t>{7, 1, 7, 1, 7, 1, 7, 1, 7, 1, 7, 1, 7, 1, 1, 1});
  asked.clear();
  for_each_expression_block(
      table, table.select(detail::places(targets)),
      [](size_t, const DifferentialExpression& a, const DifferentialExpression& b) {
        REQUIRE(same_expression(a, b));
      });
  REQUIRE(asked.size() == 16);
  REQUIRE(std::accumulate(asked.begin(), asked.end(), size_t(0)) == 2 * targets);
  const auto other = make_expression({names.targets, {"g0"}, names.target_membership, 9});
  REQUIRE_THROWS_AS(
      for_each_expression_block(table, other, [](size_t, const auto&, const auto&) {}), ShapeError);
  REQUIRE_THROWS_AS(
      for_each_expression_block(table, ExpressionTable(), [](size_t, const auto&, const auto&) {}),
      ShapeError);
}

TEST_CASE("expression_table: some of its targets", "[eval]") {
  const Cells cells(9, 12);
  const auto expected = picked(cells.whole(), {0, 3, 4, 8});
  const std::vector<size_t> targets = {0, 3, 4, 8};
  for (const ExpressionMemory& memory :
       {ExpressionMemory{}, keep_none, blocks_of(3, 12),
        ExpressionMemory{.kept_bytes = 4 * 12 * expression_entry_bytes()}}) {
    const auto some = cells.table(memory).select(targets);
    REQUIRE(some.targets() == expected.targets);
    REQUIRE(some.target_membership() == expected.target_membership);
    REQUIRE(same_expression(put_together(some), expected));
    // Kept where it fits and is not in memory already.
    REQUIRE(some.is_kept() == (memory.kept_bytes == 4 * 12 * expression_entry_bytes()));
    const auto fewer = some.select(std::vector<size_t>{1, 3});
    REQUIRE(same_expression(*fewer.whole(), picked(expected, {1, 3})));
  }
  check_error<ShapeError>([&] { cells.table({}).select(std::vector<size_t>{9}); }, {"9"});
}

TEST_CASE("expression_table: no target, one target, one gene, none", "[eval]") {
  for (const auto& [targets, genes] :
       std::vector<std::pair<size_t, size_t>>{{0, 3}, {1, 3}, {3, 1}, {3, 0}, {0, 0}}) {
    const Cells cells(targets, genes, 30);
    for (const ExpressionMemory& memory : {ExpressionMemory{}, keep_none}) {
      const auto table = cells.table(memory);
      REQUIRE(same_expression(*table.whole(), cells.whole()));
      if (targets) REQUIRE(same_expression(put_together(table), cells.whole()));
    }
  }
  const ExpressionTable none;
  REQUIRE(none.targets().empty());
  REQUIRE(none.whole()->fdr.count() == 0);
  for_each_expression_block(none, [](size_t, const auto&) { FAIL("there is no block"); });
}

TEST_CASE("expression_table: what cannot be measured is an error when it is made", "[eval]") {
  const Cells cells(3, 4, 20);
  auto wrong = *cells.X;
  wrong.values[5] = std::numeric_limits<float>::infinity();
  const auto groups = expression_groups(cells.labels, "ctrl", detail::places(20));
  const auto with = [&](const CsrMatrix<float>& X, const std::vector<std::string>& genes) {
    return measured_expression(std::make_shared<const CsrMatrix<float>>(X), genes, groups, {},
                               keep_none);
  };
  check_error<ConfigError>([&] { with(wrong, cells.genes); }, {"differential_expression", "inf"});
  check_error<ShapeError>([&] { with(*cells.X, numbered("g", 3)); }, {"measured_expression"});
  wrong.rows = 7;
  wrong.indptr.resize(8);
  check_error<ShapeError>([&] { with(wrong, cells.genes); }, {"row", "< 7"});

  auto twice = groups;
  twice.rows[1].push_back(groups.rows[0][0]);
  check_error<ConfigError>([&] { measured_expression(cells.X, cells.genes, twice); },
                           {"row 0", "twice"});

  auto table = cells.whole();
  table.fdr = Tensor<double, 2>({3, 3});
  check_error<ShapeError>([&] { ExpressionTable{table}; }, {"ExpressionTable", "3", "4"});
  const ExpressionTable measured(
      {{"A"}, {"g"}, {2}, 2},
      [](std::span<const size_t>, const Progress&) { return DifferentialExpression{}; }, keep_none);
  REQUIRE_THROWS_AS(measured.whole(), ShapeError);
}

TEST_CASE("expression_table: rows that a filter took out stay out of what is selected", "[eval]") {
  auto table = Cells(3, 4, 20).whole();
  REQUIRE(table.has_row(2, 3));
  table.is_kept =
      Tensor<uint8_t, 2>({3, 4}, std::vector<uint8_t>{1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0});
  const auto out = picked(table, {1, 2});
  for (size_t t = 0; t < 2; ++t)
    for (size_t g = 0; g < 4; ++g) REQUIRE(out.has_row(t, g) == table.has_row(t + 1, g));
  table.is_kept = Tensor<uint8_t, 2>({3, 3});
  check_error<ShapeError>([&] { ExpressionTable{table}; }, {"ExpressionTable", "3", "4"});
}

TEST_CASE("expression_table: reading blocks is one work that can be watched and stopped",
          "[eval]") {
  const Cells cells(10, 8);
  const auto table = cells.table(blocks_of(3, 8));
  std::vector<size_t> done;
  const Progress watch = [&](const ProgressUpdate& update) {
    REQUIRE(update.total == 4 * 8);
    done.push_back(update.done);
    return true;
  };
  for_each_expression_block(
      table, [](size_t, const auto&) {}, watch);
  REQUIRE(std::is_sorted(done.begin(), done.end()));
  REQUIRE(done.back() == 4 * 8);
  size_t blocks = 0;
  const auto count = [&](size_t, const DifferentialExpression&) { ++blocks; };
  REQUIRE_THROWS_AS(
      for_each_expression_block(table, count,
                                [](const ProgressUpdate& update) { return update.done <= 2 * 8; }),
      Stopped);
  REQUIRE(blocks == 2);
}

TEST_CASE("expression_table: evaluations in blocks have the same scores", "[eval]") {
  const auto side = [](uint64_t seed) {
    LabelledCells out{random_cells(240, 9, 0.5, 0, seed),
                      numbered("g", 9),
                      by_turns({"ctrl", "A", "g1", "C"}, 240),
                      {}};
    std::vector<std::string> contexts;
    for (size_t i = 0; i < 240; ++i) contexts.push_back(i % 24 < 12 ? "x" : "y");
    out.context = factor(contexts);
    return out;
  };
  const auto whole = evaluate(side(1), side(2), {.control = "ctrl"});
  const auto blocks = evaluate(side(1), side(2), {.control = "ctrl", .memory = blocks_of(2, 9)});
  const TemporaryFolder folder;
  write_results(folder.path() / "whole", whole);
  write_results(folder.path() / "blocks", blocks);
  const auto read = read_results(folder.path() / "whole", blocks_of(2, 9));
  for (size_t c = 0; c < 2; ++c) {
    REQUIRE(whole.contexts[c].real_de.is_kept());
    for (const Evaluation* other : {&blocks, &read}) {
      const ContextEvaluation &a = whole.contexts[c], &b = other->contexts[c];
      REQUIRE_FALSE(b.real_de.is_kept());
      REQUIRE_FALSE(b.predicted_de.is_kept());
      REQUIRE(same_expression(*a.real_de.whole(), *b.real_de.whole()));
      REQUIRE(same_expression(*a.predicted_de.whole(), *b.predicted_de.whole()));
      for (const auto& column : a.scores.columns)
        REQUIRE(b.scores.column(column.name) == column.values);
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder.path() / "whole"))
    REQUIRE(read_text(entry.path()) ==
            read_text(folder.path() / "blocks" / entry.path().filename()));

  // Perturbations that a prediction lacks.
  const auto observed =
      evaluation_sides(side(1), {.control = "ctrl", .memory = blocks_of(1, 9)})[0];
  const auto some = select_perturbations(observed, std::vector<size_t>{0, 2});
  REQUIRE(some.perturbations() == std::vector<std::string>{"A", "g1"});
  REQUIRE(same_expression(*some.expression.whole(),
                          picked(*whole.contexts[0].real_de.whole(), {0, 2})));
}

TEST_CASE("expression_table: files are read in blocks", "[eval]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "de.csv";
  const Cells cells(11, 5);
  auto expected = cells.whole();
  for (size_t t = 0; t < 11; ++t) expected.targets[t] += t % 2 ? ",\n\"" : "";  // several lines
  write_differential_expression(path, expected);
  const auto kept = read_differential_expression(path);
  REQUIRE(kept.is_kept());
  REQUIRE(same_expression(*kept.whole(), expected));
  const auto table = read_differential_expression(path, blocks_of(3, 5));
  REQUIRE_FALSE(table.is_kept());
  REQUIRE(same_expression(put_together(table), expected));
  REQUIRE(same_expression(*table.block(6, 7), picked(expected, {6})));
  REQUIRE(same_expression(*table.select(std::vector<size_t>{1, 4, 5, 10}).whole(),
                          picked(expected, {1, 4, 5, 10})));
  // Written in blocks from another file, and over itself.
  write_differential_expression(folder.path() / "copy.csv", table);
  REQUIRE(read_text(folder.path() / "copy.csv") == read_text(path));
  write_differential_expression(folder.path() / "none.csv", ExpressionTable());
  REQUIRE(read_differential_expression(folder.path() / "none.csv").targets().empty());

  REQUIRE_THROWS_AS(read_differential_expression(
                        path, {}, [](const ProgressUpdate& update) { return update.done == 0; }),
                    Stopped);
  expected.fdr(10, 4) = 0.25;
  write_differential_expression(path, expected);
  check_error<IoError>([&] { table.block(0, 1); }, {"de.csv", "has changed", "read it again"});
  std::filesystem::remove(path);
  check_error<IoError>([&] { table.block(0, 1); }, {"de.csv"});
  REQUIRE(same_expression(*kept.whole(), cells.whole()) == false);  // and needs no file
}

TEST_CASE("expression_table: a damaged file is an error, also of rows that are not kept",
          "[eval]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "de.csv";
  write_differential_expression(path, Cells(4, 5).whole());
  CsvTable table = read_csv(path);
  table.rows[17][10] = "low";
  write_csv(path, table);
  for (const ExpressionMemory& memory : {ExpressionMemory{}, keep_none})
    check_error<FormatError>([&] { read_differential_expression(path, memory); },
                             {"row 18", "'fdr'", "'low'"});
  table.rows[17][10] = "1";
  std::swap(table.rows[4], table.rows[5]);
  write_csv(path, table);
  check_error<FormatError>([&] { read_differential_expression(path, keep_none); },
                           {"row 6", "'P0' again", "together"});
  std::swap(table.rows[4], table.rows[5]);
  table.rows[7] = table.rows[6];
  write_csv(path, table);
  check_error<FormatError>([&] { read_differential_expression(path, keep_none); },
                           {"row 8", "'g1' again", "'P1'"});
  table = read_csv(path);
  table.rows[7][1] = "g2";
  table.rows[7][3] = "7.5";
  write_csv(path, table);
  check_error<FormatError>([&] { read_differential_expression(path, keep_none); },
                           {"row 8", "another mean", "'g2'"});
}
