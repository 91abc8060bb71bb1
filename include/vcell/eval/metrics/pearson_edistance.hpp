#pragma once

#include "vcell/eval/metric.hpp"
#include "vcell/eval/pearson.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The metric of that name.
template <class = void>
Score pearson_edistance_score(const EvaluationSide& real, const EvaluationSide& predicted,
                              const MetricOptions& options) {
  return vcell::pearson(predicted.from_control(options.progress),
                        real.from_control(options.progress));
}

}  // namespace detail

namespace metrics {

/// pearson_edistance: Pearson's correlation over perturbations of the energy distance of their
/// cells to the control's, each side's to its own (EvaluationSide::from_control); NaN of one
/// perturbation.
template <class = void>
Metric pearson_edistance() {
  return {.name = "pearson_edistance",
          .title = "Effect size correlation",
          .meaning =
              "Pearson correlation over perturbations of how far the predicted cells are from the "
              "predicted control cells with how far the observed ones are from theirs (energy "
              "distance). 1: in proportion; 0: unrelated. One number for all perturbations.",
          .direction = 1,
          .best = 1,
          .lowest = -1,
          .highest = 1,
          .reads = MetricReads::cells,
          .digits = 2,
          .aggregate = detail::pearson_edistance_score<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
