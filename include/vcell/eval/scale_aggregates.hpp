#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/counted_names.hpp"
#include "vcell/eval/metrics.hpp"
#include "vcell/eval/summary.hpp"

VCELL_BEGIN_NAMESPACE

/// The mean of a metric over perturbations: a column of the row `mean` of agg_results.csv.
struct AggregateScore {
  std::string metric;
  Score mean;
};

/// How far a metric's mean lies between a baseline and the best value.
struct ScaledAggregate {
  std::string metric;
  double score = 0;
};

struct ScaleAggregatesOptions {
  /// Of a metric in the average; 1 where it is not named.
  std::map<std::string, double> weights = {};
  /// The score that a metric has to reach; below it, it counts as 0.
  std::map<std::string, double> thresholds = {};
};

struct ScaledAggregates {
  /// Metrics whose best value is 0 first, then those whose best is 1, each in the order of the
  /// tables; those without a best value are left out.
  std::vector<ScaledAggregate> scores;
  double average = 0;  ///< the mean of the scores by their weights
};

/// Scores a prediction's aggregates against those of a baseline, as cell-eval's `score` does: with
/// u of the prediction and b of the baseline,
///
///   1 - u / b where the best value is 0,  (u - b) / (1 - b) where it is 1,
///
/// 0 instead of what is below it or no number; there is no upper bound.
/// @param metrics  those that are known, with their best values
/// @throws ConfigError naming the metrics that are in one table alone, that are not known, that are
///         weighted or bounded and not there; or if a weight is negative, all are 0, or none is
///         left
template <class = void>
ScaledAggregates scale_aggregates(const std::vector<AggregateScore>& prediction,
                                  const std::vector<AggregateScore>& baseline,
                                  const ScaleAggregatesOptions& options = {},
                                  const std::vector<Metric>& metrics = all_metrics()) {
  const auto names_of = [](const auto& items) {
    std::vector<std::string> out;
    for (const auto& item : items) out.push_back(item.metric);
    return out;
  };
  const auto names = names_of(prediction), base_names = names_of(baseline);
  const auto refuse = [](const std::vector<std::string>& which, const char* what) {
    if (!which.empty())
      throw ConfigError(message("scale_aggregates: ", what, " ", counted_names(which, "metric")));
  };
  refuse(repeated_names(names), "the prediction's table has twice");
  refuse(repeated_names(base_names), "the baseline's table has twice");
  refuse(names_without(names, base_names), "the baseline's table lacks");
  refuse(names_without(base_names, names), "the prediction's table lacks");
  std::vector<std::string> known;
  for (const Metric& metric : metrics) known.push_back(metric.name);
  refuse(names_without(names, known), "nothing is known of");
  std::vector<std::string> asked;
  for (const auto* map : {&options.weights, &options.thresholds})
    for (const auto& [name, value] : *map) asked.push_back(name);
  refuse(names_without(asked, names), "a weight or threshold is given, and no score, of");

  ScaledAggregates out;
  double weights = 0;
  const NamePlaces places(base_names);
  for (const double best : {0.0, 1.0})
    for (const AggregateScore& score : prediction) {
      if (metric_named(score.metric, metrics).best != best) continue;
      const Score& base = baseline[*places.find(score.metric)].mean;
      double scaled = 0;
      if (score.mean && base)
        scaled = best == 0 ? 1 - *score.mean / *base : (*score.mean - *base) / (1 - *base);
      if (!std::isfinite(scaled) || scaled < 0) scaled = 0;
      const auto threshold = options.thresholds.find(score.metric);
      if (threshold != options.thresholds.end() && scaled < threshold->second) scaled = 0;
      const auto given = options.weights.find(score.metric);
      const double weight = given == options.weights.end() ? 1 : given->second;
      if (!(weight >= 0 && std::isfinite(weight)))
        throw ConfigError(message("scale_aggregates: the weight of ", quoted(score.metric), " is ",
                                  weight, ", expected a finite number from 0"));
      out.scores.push_back({score.metric, scaled});
      out.average += weight * scaled;
      weights += weight;
    }
  if (!(weights > 0))
    throw ConfigError(
        message("scale_aggregates: no metric with a best value has a weight above 0; ",
                "the tables have ", list_of(names)));
  out.average /= weights;
  return out;
}

/// The means of a context's scores.
template <class = void>
std::vector<AggregateScore> aggregate_scores(const ScoreTable& scores) {
  std::vector<AggregateScore> out;
  for (const ScoreColumn& column : scores.columns)
    out.push_back({column.name, summarise(column.values)[summary_mean]});
  return out;
}

VCELL_END_NAMESPACE
