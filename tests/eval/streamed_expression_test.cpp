#include "vcell/eval/streamed_expression.hpp"

#include <limits>

#include "same_expression.hpp"
#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/data/watched_rows.hpp"
#include "vcell/eval/expression_preset.hpp"

using namespace vcell_test;

namespace {

struct StreamedCase {
  CsrMatrix<float> X;
  std::vector<std::string> genes;
  Factor labels;

  explicit StreamedCase(bool is_counts, size_t cells = 150, size_t n_genes = 70)
      : X(random_cells(cells, n_genes, 0.4, is_counts ? 40 : 0, 3)),
        genes(numbered("g", n_genes)),
        labels(by_turns({"ctrl", "A", "B", "ctrl", "C"}, cells)) {
    if (is_counts)
      for (float& x : X.values) x = std::round(x / 0.3f);
    for (size_t i = 2; i < cells; i += 11) labels.codes[i] = -1;
  }
  ExpressionGroups groups(const DifferentialExpressionOptions& options) const {
    const auto rows = detail::places(X.rows);
    return options.mode == ExpressionMode::all
               ? expression_groups_of_all(labels, rows, options.unlabelled_are_others)
               : expression_groups(labels, "ctrl", rows);
  }
  Matrix matrix() const { return Matrix(CsrMatrix<float>(X)); }
};

}  // namespace

TEST_CASE("streamed_expression: the bytes of cells in memory, whatever blocks, parts and threads",
          "[eval]") {
  std::vector<DifferentialExpressionOptions> all = {
      {},
      {.mode = ExpressionMode::all, .cpm_filter = 10'000},
      {.test = ExpressionTest::t_test, .double_sums = true},
      expression_preset("scanpy")};
  for (const auto rules : expression_presets) all.push_back(expression_preset(rules, false));
  all.push_back({.is_log1p = false, .mode = ExpressionMode::all, .cpm_filter = 10'000});
  for (const auto& options : all) {
    const StreamedCase c(!options.is_log1p);
    const auto expected = differential_expression(c.X.view(), c.genes, c.labels, "ctrl", options);
    const Matrix X = c.matrix();
    for (const int threads : {1, 3}) {
      const Threads scope(threads);
      for (const StreamedExpressionOptions& streamed :
           {StreamedExpressionOptions{}, StreamedExpressionOptions{1, {2000, 7}},
            // Room for some counts; others have none.
            StreamedExpressionOptions{2 * 4 * 5 * 70 * 12, {5000, 50}},
            StreamedExpressionOptions{9000, {size_t(64) << 20, 8192}},
            // Too little after most of the cells.
            StreamedExpressionOptions{20'000, {3000, 50}}})
        REQUIRE(same_expression(
            streamed_expression(X, c.genes, c.groups(options), options, streamed), expected));
    }
  }
}

TEST_CASE("streamed_expression: fractions and large values among counts", "[eval]") {
  StreamedCase c(true);
  c.X.values[5] = 0.5f;
  c.X.values[50] = 3e6f;
  c.X.values[51] = 300;
  const DifferentialExpressionOptions options{.is_log1p = false};
  const auto expected = differential_expression(c.X.view(), c.genes, c.labels, "ctrl", options);
  // Of 60,000 bytes half are for counts; all the values that X might hold take more.
  for (const size_t bytes : {size_t(60'000), size_t(1) << 30})
    REQUIRE(same_expression(
        streamed_expression(c.matrix(), c.genes, c.groups(options), options, {bytes}), expected));
}

TEST_CASE("streamed_expression: wrong values and groups are errors", "[eval]") {
  StreamedCase c(true);
  const DifferentialExpressionOptions counts{.is_log1p = false}, logs{};
  const auto measured = [&](const DifferentialExpressionOptions& options,
                            const StreamedExpressionOptions& streamed = {}) {
    return streamed_expression(c.matrix(), c.genes, c.groups(options), options, streamed);
  };
  const float before = std::exchange(c.X.values[0], -2.f);
  for (const size_t bytes : {size_t(1), size_t(1) << 30})
    check_error<ConfigError>([&] { measured(counts, {.panel_bytes = bytes}); },
                             {"X[0, ", "] is -2", "count"});
  REQUIRE_NOTHROW(measured(logs));
  c.X.values[0] = std::numeric_limits<float>::quiet_NaN();
  check_error<ConfigError>([&] { measured(logs); }, {"X[0, ", "finite number"});
  c.X.values[0] = before;
  auto groups = c.groups(logs);
  groups.rows[0].push_back(groups.reference[0]);
  check_error<ConfigError>([&] { streamed_expression(c.matrix(), c.genes, groups); },
                           {"row 0", "twice"});
  groups.reference = {};
  check_error<ConfigError>([&] { streamed_expression(c.matrix(), c.genes, groups); },
                           {"cells of the reference"});
  groups.reference = {c.X.rows};
  groups.rows[0].pop_back();
  REQUIRE_THROWS_AS(streamed_expression(c.matrix(), c.genes, groups), ShapeError);
  c.genes.pop_back();
  REQUIRE_THROWS_AS(measured(logs), ShapeError);
}

TEST_CASE("streamed_expression: tells what was read, and stops", "[eval]") {
  const StreamedCase c(false);
  std::vector<std::string> stages;
  DifferentialExpressionOptions options;
  options.progress = [&](const ProgressUpdate& update) {
    stages.emplace_back(update.stage);
    return true;
  };
  streamed_expression(c.matrix(), c.genes, c.groups({}), options);
  REQUIRE(stages.front() == "read");
  REQUIRE(stages.back() == "differential expression");
  options.progress = [&](const ProgressUpdate& update) { return update.done < 60; };
  const WatchedRows watched(c.matrix(), options.progress, "look");
  size_t rows = 0;
  const auto count = [&](size_t, const CsrView<float>& block) { rows += block.rows; };
  check_error<Stopped>([&] { for_each_row_block<float>(watched, count, {.rows = 20}); }, {"look"});
  REQUIRE(rows == 40);
  REQUIRE_THROWS_AS(
      streamed_expression(c.matrix(), c.genes, c.groups({}), options, {.blocks = {.rows = 20}}),
      Stopped);
}
