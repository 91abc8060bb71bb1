#pragma once

#include "vcell/eval/metrics/discrimination_score.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// f(r / T) of each perturbation, with r the number of others whose mean cell is strictly nearer to
/// the predicted one (L1, all genes), and T perturbations in all.
template <class F>
std::vector<Score> pdisc_scores(const EvaluationSide& real, const EvaluationSide& predicted,
                                const MetricOptions& options, F f) {
  const size_t n = real.perturbations().size();
  std::vector<Score> out;
  for (const size_t nearer : distance_ranks<L1Distance>(
           predicted.mean.view(), real.mean.view(), std::vector<int32_t>(n, -1),
           EqualDistances::not_nearer, options.progress))
    out.push_back(f(double(nearer) / double(n)));
  return out;
}

}  // namespace detail

namespace metrics {

/// pdisc: perturbation discrimination as the primers on the Virtual Cell Challenge define it: PDisc
/// = r / T, with r the number of other perturbations whose real mean cell is strictly nearer (L1,
/// no gene left out) to the predicted mean cell than that of its own, of T perturbations.
template <class = void>
Metric pdisc() {
  return {.name = "pdisc",
          .title = "PDisc",
          .meaning =
              "Of all perturbations, the share whose observed mean cell is nearer to the predicted "
              "mean cell than that of its own perturbation. 0: none; about 0.5: no better than "
              "chance.",
          .direction = -1,
          .best = 0,
          .lowest = 0,
          .highest = 1,
          .reads = MetricReads::means,
          .digits = 2,
          .scores = [](const EvaluationSide& real, const EvaluationSide& predicted,
                       const MetricOptions& options) {
            return detail::pdisc_scores(real, predicted, options, [](double x) { return x; });
          }};
}

/// pdisc_norm: PDiscNorm = 1 - 2 PDisc.
template <class = void>
Metric pdisc_norm() {
  return {.name = "pdisc_norm",
          .title = "PDiscNorm",
          .meaning =
              "1 - 2 pdisc. 1: the observed mean cell of its own perturbation is the nearest to "
              "the predicted one; about 0: no better than chance; below: worse.",
          .direction = 1,
          .best = 1,
          .lowest = -1,
          .highest = 1,
          .reads = MetricReads::means,
          .digits = 2,
          .scores = [](const EvaluationSide& real, const EvaluationSide& predicted,
                       const MetricOptions& options) {
            return detail::pdisc_scores(real, predicted, options,
                                        [](double x) { return 1 - 2 * x; });
          }};
}

}  // namespace metrics

VCELL_END_NAMESPACE
