#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/eval/half_sample.hpp"

VCELL_BEGIN_NAMESPACE

struct IntervalOptions {
  size_t samples = 200;  ///< half-samples of the cells
  uint64_t seed = 42;    ///< of what they draw
  IntervalScope scope = IntervalScope::means;
};

namespace detail {

/// The interval of a score whose half-samples gave some values: none unless half of the samples,
/// and two, have one.
template <class = void>
std::optional<ScoreInterval> interval_of(const Metric& metric, const Score& score,
                                         const std::vector<Score>& values) {
  std::vector<double> known;
  for (const Score& v : values)
    if (v && std::isfinite(*v)) known.push_back(*v);
  const double n = double(known.size());
  if (!score || !std::isfinite(*score) || n < 2 || 2 * known.size() < values.size()) return {};
  double mean = 0, squares = 0;
  for (const double v : known) mean += v / n;
  for (const double v : known) squares += (v - mean) * (v - mean);
  ScoreInterval out{std::sqrt(squares / (n - 1)), 0, 0};
  out.low = *score - 1.96 * out.sd;
  out.high = *score + 1.96 * out.sd;
  // A score may itself be past a bound by rounding.
  if (metric.lowest) out.low = std::max(out.low, std::min(*metric.lowest, *score));
  if (metric.highest) out.high = std::min(out.high, std::max(*metric.highest, *score));
  return out;
}

/// The means of each context, then those over contexts.
template <class = void>
std::vector<std::vector<Score>> mean_scores(const Evaluation& evaluation) {
  std::vector<std::vector<Score>> out;
  const auto add = [&](const std::vector<Summary>& summaries) {
    out.emplace_back();
    for (const Summary& summary : summaries) out.back().push_back(summary[summary_mean]);
  };
  for (const ContextEvaluation& context : evaluation.contexts) add(summarise(context.scores));
  add(summarise(evaluation));
  return out;
}

/// How many half-samples of both sides are made together: as many as have room.
template <class = void>
size_t samples_in_memory(const std::vector<EvaluationSide>& real,
                         const std::vector<EvaluationSide>& predicted) {
  constexpr size_t most = size_t(256) << 20;
  size_t bytes = 1;  // of one of each
  for (const auto* sides : {&real, &predicted})
    for (const EvaluationSide& side : *sides)
      bytes += sizeof(float) * (side.mean.count() + side.shift.count());
  return std::clamp<size_t>(most / bytes, 1, samples_at_once);
}

}  // namespace detail

/// Intervals of about 95 % for the mean scores of an evaluation: how much they would vary with
/// other cells of the same perturbations. Cells of both sides are drawn by halves (half_sample),
/// each perturbation and control by itself, `samples` times, and everything is scored again; the
/// interval is the score of all cells -+ 1.96 standard deviations over the samples. It says nothing
/// of other perturbations or contexts, nor of a model that is trained again.
///
/// @param real, predicted  of the same contexts and perturbations, as evaluate() has them
/// @param evaluation       what evaluate() said of them, by options.metrics
/// @param options          as they were evaluated by; `symbols`, `alpha` and `expression` are used
/// @return                 the same for any number of threads; null where a score is, or where
///                         fewer than half of the samples have one
/// @throws ConfigError if the sides differ; ShapeError if they have some of their genes alone;
///         Stopped
///
/// Time: a pass over the cells of both sides for eight samples, fewer where the mean cells of so
/// many take more than 256 MiB, and what metrics take.
template <class = void>
ScoreIntervals score_intervals(const std::vector<EvaluationSide>& real,
                               const std::vector<EvaluationSide>& predicted,
                               const Evaluation& evaluation, const EvaluationOptions& options = {},
                               const IntervalOptions& intervals = {}) {
  check_size_match("score_intervals", "contexts of real", real.size(), "contexts of the evaluation",
                   evaluation.contexts.size());
  EvaluationOptions scored = options;
  scored.metrics.clear();
  for (const Metric& metric : options.metrics.empty() ? metrics_of("vcell") : options.metrics)
    if (intervals.scope == IntervalScope::all ||
        (intervals.scope == IntervalScope::means && metric.is_of_means()))
      scored.metrics.push_back(metric);
  ScoreIntervals out;
  for (const Metric& metric : scored.metrics) out.metrics.push_back(metric.name);
  if (scored.metrics.empty()) return out;
  for (const EvaluationSide& side : real) out.contexts.push_back({side.context, {}});
  // Its work is told as so many samples, within which nothing is told but all can be stopped.
  size_t done = 0;
  scored.progress = [&](const ProgressUpdate&) {
    return !options.progress || options.progress({"intervals", done, intervals.samples, {}});
  };
  const auto read = [&](MetricReads what) {
    return std::any_of(scored.metrics.begin(), scored.metrics.end(),
                       [=](const Metric& metric) { return metric.reads == what; });
  };
  const bool has_tables = read(MetricReads::expression) || read(MetricReads::cells);
  EvaluationSideOptions measured{options.control, options.expression, options.memory,
                                 scored.progress};
  if (!read(MetricReads::expression)) measured.memory.kept_bytes = 0;  // measured if asked for

  // (contexts and overall, metrics, samples)
  std::vector<std::vector<std::vector<Score>>> values(
      real.size() + 1, std::vector<std::vector<Score>>(scored.metrics.size()));
  const size_t at_once = detail::samples_in_memory(real, predicted);
  while (done < intervals.samples) {
    report(scored.progress, {});
    const size_t count = std::min(at_once, intervals.samples - done);
    // (contexts, samples)
    const auto halves = [&](const std::vector<EvaluationSide>& sides, uint64_t stream) {
      std::vector<std::vector<detail::HalfRows>> rows(sides.size());
      for (size_t k = 0; k < count; ++k) {
        Rng rng(intervals.seed, stream);
        rng.seek(uint64_t(done + k) << 40);  // beyond what a sample of any size draws
        for (size_t c = 0; c < sides.size(); ++c)
          rows[c].push_back(detail::half_rows(sides[c], rng));
      }
      std::vector<std::vector<EvaluationSide>> of_context;
      for (size_t c = 0; c < sides.size(); ++c)
        of_context.push_back(detail::half_samples(sides[c], rows[c]));
      return of_context;
    };
    auto a = halves(real, stream_of("half-samples of real cells")),
         b = halves(predicted, stream_of("half-samples of predicted cells"));
    for (size_t k = 0; k < count; ++k, ++done) {
      report(scored.progress, {});
      Evaluation sample;  // of the scores alone
      for (size_t c = 0; c < real.size(); ++c) {
        for (EvaluationSide* half : {&a[c][k], &b[c][k]})
          if (has_tables) half->expression = detail::half_expression(*half, measured);
        sample.contexts.push_back(evaluate(a[c][k], b[c][k], scored));
        a[c][k] = b[c][k] = {};  // its tables, and what was measured between its cells
      }
      const auto means = detail::mean_scores(sample);
      for (size_t c = 0; c < means.size(); ++c)
        for (size_t m = 0; m < means[c].size(); ++m) values[c][m].push_back(means[c][m]);
    }
  }
  std::vector<std::vector<Score>> scores;  // as the means, of the metrics that have intervals
  {
    Evaluation of_scored;
    for (const ContextEvaluation& context : evaluation.contexts) {
      ContextEvaluation& few = of_scored.contexts.emplace_back();
      few.scores.perturbations = context.scores.perturbations;
      for (const Metric& metric : scored.metrics)
        few.scores.columns.push_back({metric.name, context.scores.column(metric.name)});
    }
    scores = detail::mean_scores(of_scored);
  }
  for (size_t c = 0; c <= real.size(); ++c)
    for (size_t m = 0; m < scored.metrics.size(); ++m)
      (c < real.size() ? out.contexts[c] : out.overall)
          .intervals.push_back(detail::interval_of(scored.metrics[m], scores[c][m], values[c][m]));
  return out;
}

VCELL_INSTANTIATE(pipeline,
                  ScoreIntervals score_intervals<void>(const std::vector<EvaluationSide>&,
                                                       const std::vector<EvaluationSide>&,
                                                       const Evaluation&, const EvaluationOptions&,
                                                       const IntervalOptions&));

VCELL_END_NAMESPACE
