#pragma once

#include <string_view>
#include <unordered_map>

#include "vcell/eval/discrimination_score_l1.hpp"
#include "vcell/eval/metric.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The column of each perturbation's own gene, -1 where it is none of the genes.
template <class = void>
std::vector<int32_t> own_columns(const EvaluationSide& side, const GeneSymbols* symbols) {
  std::unordered_map<std::string_view, int32_t> places;
  for (size_t g = 0; g < side.genes().size(); ++g)
    places.emplace(symbols ? (*symbols)(side.genes()[g]) : side.genes()[g], int32_t(g));
  std::vector<int32_t> out;
  for (const std::string& perturbation : side.perturbations()) {
    const auto found = places.find(perturbation);
    out.push_back(found == places.end() ? -1 : found->second);
  }
  return out;
}

/// The metric of that name.
template <class = void>
std::vector<Score> discrimination_score_l1_scores(const EvaluationSide& real,
                                                  const EvaluationSide& predicted,
                                                  const MetricOptions& options) {
  const auto ranks =
      vcell::discrimination_score_l1(predicted.shift.view(), real.shift.view(),
                                     detail::own_columns(real, options.symbols), options.progress);
  return std::vector<Score>(ranks.begin(), ranks.end());
}

}  // namespace detail

namespace metrics {

/// discrimination_score_l1: is each perturbation's predicted shift told from those of the others.
template <class = void>
Metric discrimination_score_l1() {
  return {.name = "discrimination_score_l1",
          .title = "Discrimination",
          .meaning =
              "Is the predicted shift nearer to the observed shift of its own perturbation "
              "than to those of the others? 1: nearest of all; about 0.5: no better than "
              "chance.",
          .direction = 1,
          .best = 1,
          .lowest = 0,
          .highest = 1,
          .digits = 2,
          .profiles = {"vcell", "vcc"},
          .scores = detail::discrimination_score_l1_scores<>};
}

}  // namespace metrics

VCELL_END_NAMESPACE
