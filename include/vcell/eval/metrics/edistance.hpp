#pragma once

#include "vcell/eval/edistance.hpp"
#include "vcell/eval/metric.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The metric of that name.
template <class = void>
std::vector<Score> edistance_scores(const EvaluationSide& real, const EvaluationSide& predicted,
                                    const MetricOptions& options) {
  const auto& of_real = real.within(options.progress);
  const auto& of_predicted = predicted.within(options.progress);
  const auto between = mean_distances(predicted.sets(), real.sets(), options.progress);
  std::vector<Score> out(between.size());
  for (size_t t = 0; t < out.size(); ++t)
    out[t] = vcell::edistance(between[t], of_predicted[t], of_real[t]);
  return out;
}

}  // namespace detail

namespace metrics {

/// edistance: energy distance of a perturbation's predicted and real cells over all genes, the
/// perturbed one included. It is in none of cell-eval's profiles.
template <class = void>
Metric edistance() {
  return {.name = "edistance",
          .title = "Energy distance",
          .meaning =
              "How far the predicted cells as a whole, their spread included, are from the "
              "observed cells: twice the mean distance between a predicted and an observed "
              "cell, less the mean distance of two predicted and that of two observed "
              "cells, over all genes. 0 is expected of samples of one distribution; so "
              "below 0 is possible.",
          .direction = -1,
          .best = 0,
          .reads = MetricReads::cells,
          .scores = detail::edistance_scores<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
