#include "vcell/eval/score_intervals.hpp"

#include <set>

#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/eval/select_genes.hpp"

using namespace vcell_test;

namespace {

LabelledCells random_side(uint64_t seed, bool contexts = false) {
  const size_t cells = 120, genes = 12;
  LabelledCells out{random_cells(cells, genes, 0.5, 0, seed),
                    numbered("g", genes),
                    by_turns({"ctrl", "A", "B", "C"}, cells),
                    {}};
  if (contexts) {
    std::vector<std::string> names;
    for (size_t i = 0; i < cells; ++i) names.push_back(i < cells / 2 ? "K" : "L");
    out.context = factor(names);
  }
  return out;
}

struct Case {
  std::vector<EvaluationSide> real, predicted;
  EvaluationOptions options;
  Evaluation evaluation;

  Case(const LabelledCells& a, const LabelledCells& b, std::vector<Metric> metrics = {}) {
    options.control = "ctrl";
    options.metrics = std::move(metrics);
    const EvaluationSideOptions measured{.control = "ctrl"};
    real = evaluation_sides(a, measured);
    predicted = evaluation_sides(b, measured);
    evaluation = evaluate(real, predicted, options);
  }
  ScoreIntervals intervals(const IntervalOptions& how = {}) const {
    return score_intervals(real, predicted, evaluation, options, how);
  }
};

bool same(const std::optional<ScoreInterval>& a, const std::optional<ScoreInterval>& b) {
  return a.has_value() == b.has_value() &&
         (!a || (a->sd == b->sd && a->low == b->low && a->high == b->high));
}

/// The mean predicted value of the first gene of the first perturbation.
Metric first_mean(MetricReads reads = MetricReads::means) {
  return {.name = "first",
          .reads = reads,
          .aggregate = [](const EvaluationSide&, const EvaluationSide& predicted,
                          const MetricOptions&) -> Score { return predicted.mean(0, 0); }};
}

}  // namespace

TEST_CASE("half_sample: half of each perturbation and of the control", "[eval]") {
  Rng rng(1);
  REQUIRE(detail::half_of(std::vector<size_t>{}, rng).empty());
  REQUIRE(detail::half_of({7}, rng) == std::vector<size_t>{7});
  std::set<std::vector<size_t>> of_two, of_three;
  for (int i = 0; i < 200; ++i) {
    of_two.insert(detail::half_of({3, 5}, rng));
    of_three.insert(detail::half_of({3, 5, 9}, rng));
  }
  REQUIRE(of_two == std::set<std::vector<size_t>>{{3}, {5}});
  REQUIRE(of_three == std::set<std::vector<size_t>>{{3}, {5}, {9}, {3, 5}, {3, 9}, {5, 9}});

  const auto side = evaluation_sides(random_side(4), {.control = "ctrl"})[0];
  const auto half = half_sample(side, {.control = "ctrl"}, rng);
  REQUIRE(half.perturbations() == side.perturbations());
  REQUIRE(half.control_rows.size() == side.control_rows.size() / 2);
  for (size_t t = 0; t < side.rows.size(); ++t) {
    REQUIRE(half.rows[t].size() == side.rows[t].size() / 2);
    REQUIRE(std::includes(side.rows[t].begin(), side.rows[t].end(), half.rows[t].begin(),
                          half.rows[t].end()));
    double mean = 0;
    for (const size_t row : half.rows[t])
      for (size_t k = 0; k < side.cells->row_size(row); ++k)
        if (side.cells->row_indices(row)[k] == 2) mean += double(side.cells->row_values(row)[k]);
    mean /= double(half.rows[t].size());
    REQUIRE(half.mean(t, 2) == float(mean));
    REQUIRE(half.shift(t, 2) == float(mean - half.control(2)));
    REQUIRE(half.expression.target_membership()[t] == half.rows[t].size());
  }
}

TEST_CASE("score_intervals: the deviation of a mean is that of its standard error", "[eval]") {
  const Case c(random_side(1), random_side(2), {first_mean()});
  const auto side = c.predicted[0];
  std::vector<double> values;
  for (const size_t row : side.rows[0]) {
    double value = 0;
    for (size_t k = 0; k < side.cells->row_size(row); ++k)
      if (side.cells->row_indices(row)[k] == 0) value = double(side.cells->row_values(row)[k]);
    values.push_back(value);
  }
  const double n = double(values.size());
  double mean = 0, squares = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) squares += (v - mean) * (v - mean);
  const double error = std::sqrt(squares / (n - 1) / n);
  const auto found = c.intervals({.samples = 2000}).overall.intervals.at(0);
  REQUIRE(found);
  REQUIRE(std::abs(found->sd - error) < 0.06 * error);
  REQUIRE(std::abs(found->low - (mean - 1.96 * found->sd)) < 1e-6);
  REQUIRE(std::abs(found->high - (mean + 1.96 * found->sd)) < 1e-6);
}

TEST_CASE("half_sample: mean cells are those of mean_cells, bit by bit", "[eval]") {
  // More genes than sums are made of at a time, and cells that are not in the order of the file.
  LabelledCells cells{
      random_cells(26, 4099, 0.3, 0, 3), numbered("g", 4099), by_turns({"ctrl", "A", "B"}, 26), {}};
  cells.embedding = Tensor<float, 2>({26, 2});
  Rng rng(1);
  for (float& x : cells.embedding.values()) x = float(rng.normal());
  auto side = evaluation_sides(cells, {.control = "ctrl"})[0];
  std::swap(side.rows[0][0], side.rows[0][3]);
  std::vector<detail::HalfRows> rows;
  for (size_t k = 0; k < 3; ++k) rows.push_back(detail::half_rows(side, rng));
  check_same_on_any_threads([&] {
    const auto halves = detail::half_samples(side, rows);
    std::vector<float> out;
    for (size_t k = 0; k < 3; ++k) {
      const auto mean = mean_cells(side.cells->view(), halves[k].rows);
      const auto control = mean_cells(side.cells->view(), {halves[k].control_rows});
      REQUIRE(halves[k].rows == rows[k].rows);
      for (size_t g = 0; g < 4099; ++g) {
        REQUIRE(halves[k].control(g) == control(0, g));
        for (size_t t = 0; t < 2; ++t) {
          REQUIRE(halves[k].mean(t, g) == float(mean(t, g)));
          REQUIRE(halves[k].shift(t, g) == float(mean(t, g) - control(0, g)));
        }
      }
      REQUIRE(halves[k].embedding_shift(1, 0) ==
              detail::embedding_shift(*side.embedding, rows[k].rows, rows[k].control_rows)(1, 0));
      out.insert(out.end(), halves[k].mean.values().begin(), halves[k].mean.values().end());
    }
    return out;
  });
}

TEST_CASE("half_sample: of a side with some of its genes is an error", "[eval]") {
  const std::vector<size_t> genes = {1, 3};
  const auto side = select_genes(evaluation_sides(random_side(4), {.control = "ctrl"})[0], genes);
  Rng rng(1);
  check_error<ShapeError>([&] { half_sample(side, {.control = "ctrl"}, rng); },
                          {"half_sample", "12", "2"});
}

TEST_CASE("half_sample: counts are tested as counts", "[eval]") {
  auto cells = random_side(4);
  for (float& x : cells.X.values) x = std::ceil(x);
  cells.scale = Scale::counts;
  const EvaluationSideOptions options{.control = "ctrl"};
  const auto side = evaluation_sides(cells, options)[0];
  Rng rng(2);
  const auto half = half_sample(side, options, rng);
  REQUIRE(half.scale == Scale::counts);
  double mean = 0;  // of log1p
  for (const size_t row : half.rows[1])
    for (size_t k = 0; k < side.cells->row_size(row); ++k)
      if (side.cells->row_indices(row)[k] == 5)
        mean += std::log1p(double(side.cells->row_values(row)[k])) / double(half.rows[1].size());
  REQUIRE(half.expression.whole()->target_mean(1, 5) == Approx(std::expm1(mean)).epsilon(1e-5));
}

TEST_CASE("score_intervals: of scores of half-samples one after the other", "[eval]") {
  // With tables of both sides, over contexts, and more samples than are made together.
  const Case c(random_side(1, true), random_side(2, true),
               {metrics::pearson_delta(), metrics::overlap_at(), metrics::edistance()});
  const size_t samples = 11;
  const auto found = c.intervals({.samples = samples, .seed = 7, .scope = IntervalScope::all});
  std::vector<std::vector<Score>> values(3);
  for (size_t k = 0; k < samples; ++k) {
    const auto halves = [&](const std::vector<EvaluationSide>& sides, const char* stream) {
      Rng rng(7, stream_of(stream));
      rng.seek(uint64_t(k) << 40);
      std::vector<EvaluationSide> out;
      for (const auto& side : sides) out.push_back(half_sample(side, {.control = "ctrl"}, rng));
      return out;
    };
    const auto summaries =
        summarise(evaluate(halves(c.real, "half-samples of real cells"),
                           halves(c.predicted, "half-samples of predicted cells"), c.options));
    for (size_t m = 0; m < 3; ++m) values[m].push_back(summaries[m][summary_mean]);
  }
  const auto scores = summarise(c.evaluation);
  for (size_t m = 0; m < 3; ++m) {
    const auto expected =
        detail::interval_of(c.options.metrics[m], scores[m][summary_mean], values[m]);
    REQUIRE(expected);
    REQUIRE(same(found.overall.intervals[m], expected));
  }
}

TEST_CASE("score_intervals: within the range of a metric", "[eval]") {
  const auto cells = random_side(1);
  const Case c(cells, cells, metrics_of("vcell"));
  const auto found = c.intervals({.samples = 20});
  REQUIRE(found.metrics ==
          std::vector<std::string>{"mae", "discrimination_score_l1", "pearson_delta", "mae_delta"});
  REQUIRE(found.overall.intervals.size() == 4);
  for (const auto& interval : found.overall.intervals) REQUIRE(interval);
  REQUIRE(found.overall.intervals[0]->low == 0);     // mae of a perfect prediction
  REQUIRE(found.overall.intervals[2]->high == 1.0);  // and its correlation
  REQUIRE(found.overall.intervals[2]->low < 1.0);
}

TEST_CASE("score_intervals: differential expression and distances only when asked", "[eval]") {
  const Case c(random_side(1), random_side(2), metrics_of("vcell"));
  const auto all = c.intervals({.samples = 8, .scope = IntervalScope::all});
  REQUIRE(all.metrics.size() == metrics_of("vcell").size());
  const size_t edistance = all.metrics.size() - 1;
  REQUIRE(all.metrics[edistance] == "edistance");
  REQUIRE(all.overall.intervals[edistance]);
  REQUIRE(all.overall.intervals[edistance]->sd > 0);
  // Nor those of a metric that does not say what it reads.
  auto silent = first_mean();
  silent.reads = Metric().reads;
  REQUIRE(Case(random_side(1), random_side(2), {silent}).intervals().metrics.empty());
  const Case none(random_side(1), random_side(2), {first_mean(MetricReads::expression)});
  REQUIRE(none.intervals().metrics.empty());
  REQUIRE(none.intervals().contexts.empty());
  REQUIRE(c.intervals({.samples = 8, .scope = IntervalScope::none}).metrics.empty());
}

TEST_CASE("score_intervals: of each context, and of their mean", "[eval]") {
  const Case c(random_side(1, true), random_side(2, true), {first_mean()});
  const auto found = c.intervals({.samples = 400});
  REQUIRE(found.contexts.size() == 2);
  REQUIRE(found.contexts[0].context == "K");
  REQUIRE(found.contexts[1].context == "L");
  const double a = found.contexts[0].intervals[0]->sd, b = found.contexts[1].intervals[0]->sd;
  const double expected = std::sqrt(a * a + b * b) / 2;  // they are drawn independently
  REQUIRE(std::abs(found.overall.intervals[0]->sd - expected) < 0.15 * expected);
}

TEST_CASE("score_intervals: the same for any number of threads, other for another seed", "[eval]") {
  const Case c(random_side(1), random_side(2), metrics_of("vcell"));
  const auto with = [&](int threads, uint64_t seed) {
    const Threads scoped(threads);
    return c.intervals({.samples = 10, .seed = seed});
  };
  const auto one = with(1, 5), three = with(3, 5), other = with(1, 6);
  for (size_t m = 0; m < one.metrics.size(); ++m)
    REQUIRE(same(one.overall.intervals[m], three.overall.intervals[m]));
  REQUIRE_FALSE(same(one.overall.intervals[0], other.overall.intervals[0]));
}

TEST_CASE("score_intervals: none where a score or most samples have none", "[eval]") {
  const Metric often{.name = "often"};
  const std::vector<Score> values = {1, 2, 3, {}, {}};
  REQUIRE(detail::interval_of(often, 2.0, values));
  REQUIRE_FALSE(detail::interval_of(often, {}, values));
  REQUIRE_FALSE(detail::interval_of(often, 2.0, {1, {}, {}, 2, {}}));
  REQUIRE_FALSE(detail::interval_of(often, 2.0, {1}));
  REQUIRE_FALSE(detail::interval_of(often, std::nan(""), values));
}

TEST_CASE("score_intervals: can be watched and stopped, and refuses other sides", "[eval]") {
  Case c(random_side(1), random_side(2));
  size_t last = 0;
  c.options.progress = [&](const ProgressUpdate& update) {
    REQUIRE(update.total == 6);
    REQUIRE(update.done >= last);
    last = update.done;
    return true;
  };
  c.intervals({.samples = 6});
  REQUIRE(last == 5);
  c.options.progress = [](const ProgressUpdate& update) { return update.done < 2; };
  REQUIRE_THROWS_AS(c.intervals({.samples = 6}), Stopped);
  c.real.clear();
  check_error<ShapeError>([&] { c.intervals(); }, {"score_intervals", "0", "1"});
}
