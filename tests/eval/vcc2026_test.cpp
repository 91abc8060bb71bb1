#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/eval/vcc2026/score_context.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

/// Counts of n cells, most of them 0.
CsrMatrix<float> some_counts(size_t n, size_t genes, uint64_t seed, double mean) {
  Rng rng(seed);
  CsrMatrix<float> out;
  out.columns = genes;
  for (size_t i = 0; i < n; ++i) {
    for (size_t g = 0; g < genes; ++g) {
      const double x = std::floor(mean * (g % 3 ? 2 * rng.uniform() : rng.uniform() - 0.3));
      if (x > 0) out.indices.push_back(int32_t(g)), out.values.push_back(float(x));
    }
    out.end_row();
  }
  return out;
}

/// `n` cells each of A, B, and c for control; the targets' counts of the first genes are changed.
vcc2026::CountCells small_counts(size_t n, uint64_t seed, float change = 4) {
  vcc2026::CountCells out;
  out.X = some_counts(3 * n, 40, seed, 40);
  std::vector<std::string> labels;
  for (size_t i = 0; i < 3 * n; ++i) {
    labels.push_back(i % 3 == 0 ? "c" : i % 3 == 1 ? "g5" : "B");
    out.cells.push_back(message("cell_", i));
    const auto genes = out.X.row_indices(i);
    const auto counts = out.X.row_values(i);
    for (size_t k = 0; k < genes.size(); ++k) {
      const bool is_changed =
          i % 3 == 1 ? genes[k] < 15 : i % 3 == 2 && genes[k] >= 20 && genes[k] < 36;
      if (is_changed) counts[k] *= change;
    }
  }
  for (size_t g = 0; g < 40; ++g) out.genes.push_back(message('g', g));
  out.perturbation = factor(labels);
  return out;
}

/// A table of one target's genes.
struct SmallTest {
  std::vector<double> change, p;
  std::vector<uint8_t> significant = {}, counted = {};

  vcc2026::TargetTest test() const {
    vcc2026::TargetTest out;
    out.change = change;
    out.p = p;
    out.fdr = p;
    out.is_significant = significant;
    out.is_counted = counted.empty() ? std::vector<uint8_t>(change.size(), 1) : counted;
    return out;
  }
};

const std::vector<std::string> four_names = {"d", "c", "b", "a"};

}  // namespace

TEST_CASE("vcc2026: the variance of a pseudobulk is that of leaving one cell out", "[eval]") {
  const auto X = some_counts(9, 1500, 3, 3);  // more than a panel of genes
  const auto totals = cell_totals(X.view());
  const std::vector<std::vector<size_t>> sets = {{0, 2, 3, 7}, {1}, {4, 5}, {}};
  const auto found = vcc2026::pseudobulk(X.view(), sets, totals);
  for (size_t s = 0; s < 3; ++s) {
    const auto of = [&](size_t without) {
      std::vector<double> sums(1500, 0.0);
      double total = 0;
      for (const size_t row : sets[s]) {
        if (row == without) continue;
        for (size_t k = 0; k < X.row_size(row); ++k)
          sums[size_t(X.row_indices(row)[k])] += X.row_values(row)[k];
        total += totals[row];
      }
      for (double& x : sums) x = total > 0 ? std::log1p(5e4 * x / total) : 0;
      return sums;
    };
    const auto all = of(X.rows);
    for (size_t g = 0; g < 1500; ++g) CHECK(std::abs(found.values(s, g) - all[g]) < 1e-12);
    double variance = 0;
    std::vector<std::vector<double>> parts;
    for (const size_t row : sets[s]) parts.push_back(of(row));
    const double n = double(parts.size());
    for (size_t g = 0; g < 1500; ++g) {
      double mean = 0;
      for (const auto& part : parts) mean += part[g] / n;
      for (const auto& part : parts) variance += (part[g] - mean) * (part[g] - mean) * (n - 1) / n;
    }
    if (n < 2) variance = 0;
    CHECK(found.variance[s] == Approx(variance).epsilon(1e-9));
  }
  CHECK(found.variance[1] == 0);
  CHECK(found.variance[3] == 0);
  CHECK(found.values(3, 0) == 0);
}

TEST_CASE("vcc2026: without a cell that has all counts nothing is left", "[eval]") {
  CsrMatrix<float> X;
  X.columns = 1;
  X.indices = {0};
  X.values = {7};
  X.end_row();
  X.end_row();  // an empty cell
  const auto found = vcc2026::pseudobulk(X.view(), {{0, 1}}, cell_totals(X.view()));
  const double v = std::log1p(5e4);  // without the empty cell; 0 without the other
  CHECK(found.variance[0] == Approx(0.5 * 2 * (v / 2) * (v / 2)));
}

TEST_CASE("vcc2026: direction fidelity", "[eval]") {
  const SmallTest real{{1, -1, 2, 0}, {}, {1, 1, 0, 1}}, predicted{{2, 1, 1, -1}, {}, {1, 1, 1, 1}};
  const auto found = vcc2026::direction_fidelity(real.test(), predicted.test());
  CHECK(found.real == 3);
  CHECK(found.predicted == 3);  // the last has no direction
  CHECK(found.right == 2);
  CHECK(found.value() == 2.0 / 3);
  SmallTest none = real;
  none.significant = {0, 0, 0, 0};
  CHECK(vcc2026::direction_fidelity(none.test(), predicted.test()).value() == 2.0 / 3);
  CHECK(vcc2026::direction_fidelity(real.test(), none.test()).value() == 0);
  CHECK(std::isnan(vcc2026::direction_fidelity(none.test(), none.test()).value()));
  SmallTest still = real;
  still.change = {0, 0, 0, 0};
  still.significant = {1, 1, 1, 1};
  CHECK(vcc2026::direction_fidelity(real.test(), still.test()).right == 0);
}

TEST_CASE("vcc2026: direction reach goes down the prediction's own list", "[eval]") {
  const SmallTest real{{1, 1, 1, 1}, {}, {1, 1, 1, 1}};
  const auto depth = [&](SmallTest predicted, double purity = 0.6) {
    return vcc2026::direction_reach(real.test(), predicted.test(), four_names, purity).depth;
  };
  // In the order of p: right, wrong, right, wrong; 2 of 3 are enough, 1 of 2 is a dip.
  const SmallTest by_p{{1, -1, 1, -1}, {.01, .02, .03, .04}, {1, 1, 1, 1}};
  CHECK(depth(by_p) == 3);
  CHECK(depth(by_p, 0.5) == 4);
  CHECK(depth(by_p, 0.7) == 1);
  // Significant ones come first, whatever their p.
  SmallTest late = by_p;
  late.significant = {0, 1, 0, 1};
  CHECK(depth(late) == 0);
  // Of equal p the larger fold change is first, of equal ones the name.
  CHECK(depth({{-1, 1, 3, -1}, {.1, .1, .1, .1}, {0, 0, 0, 0}}, 1) == 1);
  CHECK(depth({{-1, 1, 1, 1}, {.1, .1, .1, .1}, {0, 0, 0, 0}}, 1) == 3);
  // A gene that the prediction did not test counts in the whole, and not in the list.
  SmallTest untested = by_p;
  untested.counted = {1, 0, 1, 1};
  const auto found = vcc2026::direction_reach(real.test(), untested.test(), four_names, 1);
  CHECK(found.depth == 2);
  CHECK(found.value() == 0.5);
  const SmallTest none{{1, 1, 1, 1}, {}, {0, 0, 0, 0}};
  CHECK(std::isnan(vcc2026::direction_reach(none.test(), by_p.test(), four_names).value()));
}

TEST_CASE("vcc2026: jaccard and errors of fold changes", "[eval]") {
  const SmallTest a{{1, 2, 3, 4}, {}, {1, 1, 0, 0}}, b{{1, 1, INFINITY, 4}, {}, {0, 1, 1, 0}},
      none{{0, 0, 0, 0}, {}, {0, 0, 0, 0}};
  CHECK(vcc2026::sig_jaccard(a.test(), b.test()) == 1.0 / 3);
  CHECK(vcc2026::sig_jaccard(a.test(), none.test()) == 0);
  CHECK(vcc2026::sig_jaccard(none.test(), none.test()) == 1);
  const auto changed = vcc2026::changed_genes(a.test());
  CHECK(changed.genes == std::vector<uint32_t>{0, 1});
  CHECK(changed.size == 3);
  CHECK(*vcc2026::lfc_nmae(changed, a.test(), b.test(), 2) == 1.0 / 3);
  CHECK(!vcc2026::lfc_nmae(changed, a.test(), b.test(), 3));
  SmallTest untested = b;
  untested.counted = {0, 0, 0, 0};
  CHECK(*vcc2026::lfc_nmae(changed, a.test(), untested.test(), 2) == 1);
  // A fold change that is no number is none, on either side.
  SmallTest endless = a;
  endless.significant = {1, 1, 1, 0};
  endless.change[2] = INFINITY;
  CHECK(vcc2026::changed_genes(endless.test()).genes.size() == 2);
  CHECK(vcc2026::changed_genes(b.test()).genes == std::vector<uint32_t>{1});
}

TEST_CASE("vcc2026: discrimination by direction", "[eval]") {
  Tensor<double, 2> real({3, 3}), predicted({3, 3});
  const double rows[3][3] = {{1, 0, 100}, {0, 1, -100}, {1, 1, 0}};
  for (size_t i = 0; i < 3; ++i)
    for (size_t g = 0; g < 3; ++g) real(i, g) = predicted(i, g) = rows[i][g];
  const std::vector<uint8_t> last = {0, 0, 1};
  CHECK(vcc2026::pds_cosine(predicted.view(), real.view(), last) == std::vector<double>{1, 1, 1});
  // The length of a shift says nothing, its direction all.
  for (size_t g = 0; g < 3; ++g) predicted(0, g) *= 7, predicted(1, g) *= -1;
  CHECK(vcc2026::pds_cosine(predicted.view(), real.view(), last) == std::vector<double>{1, 0, 1});
  // Nothing is nearer to no shift at all: three ties.
  for (size_t g = 0; g < 2; ++g) predicted(0, g) = 0;
  CHECK(vcc2026::pds_cosine(predicted.view(), real.view(), last)[0] == 0.5);
  const Tensor<double, 2> one({1, 3});
  CHECK(vcc2026::pds_cosine(one.view(), one.view(), last) == std::vector<double>{1});
}

TEST_CASE("vcc2026: what a prediction's own variance takes off is bounded by how it varies",
          "[eval]") {
  vcc2026::Pseudobulk real{Tensor<double, 2>({2, 3}), {0.3, 0.6}}, predicted = real;
  const double b[2][3] = {{1, 2, 3}, {2, 2, 5}}, hat[2][3] = {{1, 1, 3}, {1.5, 2, 4}};
  for (size_t p = 0; p < 2; ++p)
    for (size_t g = 0; g < 3; ++g) real.values(p, g) = b[p][g], predicted.values(p, g) = hat[p][g];
  predicted.variance = {0.2, 9};
  const std::vector<double> control = {0, 2, 3};
  const std::vector<int32_t> own = {0, -1};
  const auto found = vcc2026::unbiased_mse(real, predicted, control, 0.1, own);
  CHECK(found.genes == std::vector<double>{2, 3});
  CHECK(found.claim == Approx(0.2 / 2 + 0.6 / 3));
  // Gene 0 is kept by one of the two alone.
  const double m1 = (1 / 2.0 + 2 / 3.0) / (1 / 2.0 + 1 / 3.0),
               m2 = (3 / 2.0 + 4 / 3.0) / (1 / 2.0 + 1 / 3.0);
  const double spread = ((1 - m1) * (1 - m1) + (3 - m2) * (3 - m2)) / 2 +
                        ((2 - m1) * (2 - m1) + (4 - m2) * (4 - m2)) / 3;
  CHECK(found.spread == Approx(spread));
  CHECK(found.rho == 1);
  CHECK(found.capped[0] == Approx((1 - 0.2 - 0.3) / 2));
  CHECK(found.capped[1] == Approx((0.25 + 0 + 1 - 0.6 - 0.6) / 3));
  CHECK(found.plain[1] == Approx((1.25 - 9 - 0.6) / 3));
  CHECK(found.distance[1] == Approx((4 + 0 + 4 - 0.6 - 0.1) / 3));
  CHECK(found.norm() ==
        Approx((found.capped[0] + found.capped[1]) / (found.distance[0] + found.distance[1])));
  // The same cells for every perturbation: none of their variance is taken off.
  for (size_t g = 0; g < 3; ++g) predicted.values(1, g) = predicted.values(0, g);
  const auto same = vcc2026::unbiased_mse(real, predicted, control, 0.1, own);
  CHECK(same.rho < 1e-12);
  CHECK(same.capped[0] == Approx((1 - 0.3) / 2));
  const auto none = vcc2026::unbiased_mse(real, predicted, control, 1e3, own);
  CHECK_THROWS_AS(none.norm(), ConfigError);
}

TEST_CASE("vcc2026: scores between two ends", "[eval]") {
  const auto& nmae = vcc2026::scored_metrics[0];
  const auto& mse = vcc2026::scored_metrics[1];
  const auto& pds = vcc2026::scored_metrics[5];
  CHECK(vcc2026::score_from_replicate(pds, 0.8, 0.6, 0.7) == Approx(2));  // no upper end
  CHECK(vcc2026::score_from_replicate(pds, 0.5, 0.6, 0.7) == Approx(-1));
  CHECK(vcc2026::score_from_replicate(pds, NAN, 0.6, 0.7) == Approx(-6));
  CHECK(vcc2026::score_from_replicate(mse, -1, 0.8, 0.1) == 1);
  CHECK(vcc2026::score_from_replicate(mse, 5, 0.8, 0.1) == 0);
  CHECK(vcc2026::score_from_replicate(mse, NAN, 0.8, 0.1) == 0);
  CHECK(vcc2026::score_from_replicate(nmae, 100, 0.9, 0.6) == -6);
  CHECK(vcc2026::score_from_replicate(nmae, NAN, 0.9, 0.6) == -6);
  CHECK(vcc2026::score_from_replicate(nmae, 0, 0.9, 0.6) == Approx(3));
  CHECK(vcc2026::score_from_baseline(pds, 0.8, 0.6) == Approx(0.5));
  CHECK(vcc2026::score_from_random(pds, 0.25) == -0.5);
  CHECK(vcc2026::score_from_random(mse, 3) == -2);
  CHECK(vcc2026::score_from_random(nmae, 3) == -1);
  CHECK(vcc2026::score_from_random(nmae, NAN) == -1);
  check_error<ConfigError>([&] { vcc2026::score_from_replicate(pds, 1, 0.6, 0.6); },
                           {"pds_cosine", "no better than the baseline's 0.6"});
  CHECK_THROWS_AS(vcc2026::score_from_replicate(mse, 1, 0.6, 0.7), ConfigError);
  CHECK_THROWS_AS(vcc2026::score_from_replicate(mse, 1, 0.6, NAN), ConfigError);
}

TEST_CASE("vcc2026: halves are disjoint, and a label of one cell is in none", "[eval]") {
  ExpressionGroups groups;
  groups.targets = {"A", "one", "z"};
  groups.rows = {{1, 4, 6, 8, 9}, {2}, {3, 5}};
  groups.reference = {0, 7, 10};
  const auto [a, b] = vcc2026::split_halves(groups, "control", 3);
  CHECK(a.targets == std::vector<std::string>{"A", "z"});
  CHECK(b.targets == a.targets);
  CHECK(a.rows[0].size() == 2);
  CHECK(b.rows[0].size() == 2);
  CHECK(a.reference.size() == 1);
  std::vector<size_t> all = a.rows[0];
  all.insert(all.end(), b.rows[0].begin(), b.rows[0].end());
  std::sort(all.begin(), all.end());
  CHECK(std::unique(all.begin(), all.end()) == all.end());
  groups.reference = {0};
  CHECK_THROWS_AS(vcc2026::split_halves(groups, "control", 3), ConfigError);
}

TEST_CASE("vcc2026: a context's score is the same for any order of genes and cells, and threads",
          "[eval]") {
  const auto real = small_counts(30, 1);
  auto predicted = small_counts(20, 2, 2);
  const vcc2026::ScoreOptions options{.control = "c"};
  const auto score = vcc2026::score_context(real, predicted, options);
  CHECK(score.seeds == numpy_seed_states(0, 5));
  CHECK(score.prediction.scores.perturbations == std::vector<std::string>{"B", "g5"});
  // Genes of the prediction in another order, and control cells that nobody looks at.
  Rng rng(4);
  const auto order = permutation(predicted.genes.size(), rng);
  vcc2026::CountCells other = predicted;
  other.X = select_columns(predicted.X, order);
  for (size_t i = 0; i < order.size(); ++i) other.genes[i] = predicted.genes[order[i]];
  for (size_t row = 0; row < other.X.rows; ++row)
    if (row % 3 == 0)
      for (float& x : other.X.row_values(row)) x += 5;
  const auto again = vcc2026::score_context(real, other, options);
  CHECK(again.score == Approx(score.score).epsilon(1e-12));
  const vcell_test::Threads one(1);
  const auto alone = vcc2026::score_context(real, predicted, options);
  CHECK(alone.score == score.score);
  CHECK(alone.from_random == score.from_random);
}

TEST_CASE("vcc2026: bad cells are refused, with their number and names", "[eval]") {
  const auto refuse =
      [](const std::function<void(vcc2026::CountCells&, vcc2026::CountCells&)>& change,
         const std::vector<std::string>& said) {
        auto real = small_counts(12, 1), predicted = small_counts(12, 2, 2);
        change(real, predicted);
        check_error<ConfigError>([&] { vcc2026::score_context(real, predicted, {.control = "c"}); },
                                 said);
      };
  const auto relabel = [](vcc2026::CountCells& cells, const std::string& from,
                          const std::string& to) {
    std::vector<std::string> labels;
    for (const int32_t code : cells.perturbation.codes) {
      const std::string& name = cells.perturbation.names[size_t(code)];
      labels.push_back(name == from ? to : name);
    }
    cells.perturbation = factor(labels);
  };
  refuse([](auto&, auto& b) { b.X.values[0] = 0.5f; }, {"predicted cells", "1 cell: 'cell_0'"});
  refuse([](auto& a, auto&) { a.X.values[0] = -1; }, {"real cells", "no counts"});
  refuse([](auto& a, auto&) { a.X.values.back() = NAN; }, {"1 cell: 'cell_35'"});
  refuse([](auto& a, auto&) { a.X.values.back() = INFINITY; }, {"1 cell: 'cell_35'"});
  refuse([](auto& a, auto&) { a.X.values[0] = 1000001; }, {"total above 1000000", "1 cell"});
  refuse([](auto& a, auto&) { a.genes[3] = "g4"; }, {"real cells", "1 gene: 'g4'"});
  refuse([](auto&, auto& b) { b.genes[3] = "h"; },
         {"the prediction lacks 1 gene: 'g3'", "the real cells lack 1 gene: 'h'"});
  refuse([&](auto&, auto& b) { relabel(b, "B", "D"); },
         {"lacks 1 perturbation: 'B'", "lack 1 perturbation: 'D'"});
  refuse([&](auto& a, auto&) { relabel(a, "c", "B"); }, {"'c'"});
  refuse(
      [&](auto& a, auto& b) {
        for (auto* side : {&a, &b})
          for (const char* name : {"B", "g5"}) relabel(*side, name, "c");
      },
      {"nothing to score"});
}

TEST_CASE("vcc2026: a watcher stops every stage", "[eval]") {
  std::vector<std::string> stages;
  const auto real = small_counts(30, 1), predicted = small_counts(20, 2, 2);
  vcc2026::ScoreOptions options{.control = "c"};
  options.progress = [&](const ProgressUpdate& update) {
    if (std::find(stages.begin(), stages.end(), update.stage) == stages.end())
      stages.emplace_back(update.stage);
    return true;
  };
  vcc2026::score_context(real, predicted, options);
  CHECK(stages.size() >= 5);
  for (const std::string& stage : std::vector<std::string>(stages)) {
    options.progress = [&](const ProgressUpdate& update) { return update.stage != stage; };
    CHECK_THROWS_AS(vcc2026::score_context(real, predicted, options), Stopped);
  }
}
