#pragma once

#include <algorithm>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/eval/metric.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// @throws ConfigError if the metric has not exactly one of its functions
template <class = void>
void check_metric(const Metric& metric) {
  const int functions = bool(metric.scores) + bool(metric.of_target) + bool(metric.aggregate) +
                        bool(metric.of_counts);
  if (functions != 1)
    throw ConfigError(message("evaluate: metric ", quoted(metric.name), " has ",
                              functions ? "several" : "none",
                              " of scores, of_target, aggregate and of_counts, expected one"));
}

/// Fills the columns of metrics that read tables of differential expression target by target, in
/// one pass over these.
template <class = void>
void fill_from_expression(std::vector<ScoreColumn>& columns, const std::vector<Metric>& metrics,
                          const EvaluationSide& real, const EvaluationSide& predicted,
                          const MetricOptions& options) {
  if (std::none_of(metrics.begin(), metrics.end(),
                   [](const Metric& m) { return m.of_target || m.of_counts; }))
    return;
  std::vector<SignificantCounts> counts(real.perturbations().size());
  const auto read = [&](size_t begin, const DifferentialExpression& a,
                        const DifferentialExpression& b) {
    parallel_for(a.targets.size(), 1, [&](size_t first, size_t last) {
      for (size_t t = first; t < last; ++t) {
        const TargetExpression target{a,
                                      b,
                                      t,
                                      options.alpha,
                                      significant_genes(a, t, options.alpha),
                                      significant_genes(b, t, options.alpha)};
        counts[begin + t] = {target.real_genes.size(), target.predicted_genes.size()};
        for (size_t m = 0; m < metrics.size(); ++m)
          if (metrics[m].of_target) columns[m].values[begin + t] = metrics[m].of_target(target);
      }
    });
  };
  for_each_expression_block(real.expression, predicted.expression, read, options.progress);
  for (size_t m = 0; m < metrics.size(); ++m)
    if (metrics[m].of_counts)
      std::fill(columns[m].values.begin(), columns[m].values.end(), metrics[m].of_counts(counts));
}

}  // namespace detail

/// The columns of a context's table, one for each metric.
/// @throws ConfigError if a metric has not exactly one of its functions, or gives another number of
///         scores than there are perturbations; ShapeError; Stopped
template <class = void>
std::vector<ScoreColumn> score_columns(const std::vector<Metric>& metrics,
                                       const EvaluationSide& real, const EvaluationSide& predicted,
                                       const MetricOptions& options = {}) {
  const size_t n = real.perturbations().size();
  std::vector<ScoreColumn> out;
  for (const Metric& metric : metrics) {
    detail::check_metric(metric);
    out.push_back({metric.name, std::vector<Score>(n)});
  }
  detail::fill_from_expression(out, metrics, real, predicted, options);
  for (size_t m = 0; m < metrics.size(); ++m) {
    const Metric& metric = metrics[m];
    if (metric.aggregate) out[m].values.assign(n, metric.aggregate(real, predicted, options));
    if (metric.scores) out[m].values = metric.scores(real, predicted, options);
    if (out[m].values.size() != n)
      throw ConfigError(message("evaluate: metric ", quoted(metric.name), " gave ",
                                out[m].values.size(), " scores, expected one for each of ", n,
                                " perturbations"));
  }
  return out;
}

VCELL_END_NAMESPACE
