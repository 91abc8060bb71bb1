#pragma once

#include <type_traits>

#include "vcell/eval/distance_ranks.hpp"
#include "vcell/eval/metric.hpp"
#include "vcell/sets/own_columns.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Whether a distance is taken in an embedding, where the sides have one.
template <class Distance>
inline constexpr bool in_embedding = !std::is_same_v<Distance, L1Distance>;

/// In an embedding without leaving out a column.
template <class Distance>
std::vector<Score> discrimination_scores_of(const EvaluationSide& real,
                                            const EvaluationSide& predicted,
                                            const MetricOptions& options) {
  const auto score = [&](const auto& from, const auto& to, const std::vector<int32_t>& own) {
    const auto scores =
        discrimination_scores<Distance>(from.view(), to.view(), own, options.progress);
    return std::vector<Score>(scores.begin(), scores.end());
  };
  if (in_embedding<Distance> && real.embedding)
    return score(predicted.embedding_shift, real.embedding_shift,
                 std::vector<int32_t>(real.perturbations().size(), -1));
  return score(predicted.shift, real.shift,
               own_columns(real.perturbations(), real.genes(), options.symbols));
}

template <class Distance>
Metric discrimination_score(const char* name, const char* title, const char* meaning) {
  return {.name = name,
          .title = title,
          .meaning = meaning,
          .direction = 1,
          .best = 1,
          .lowest = 0,
          .highest = 1,
          .reads = in_embedding<Distance> ? MetricReads::embedding : MetricReads::means,
          .is_reliability = true,
          .digits = 2,
          .scores = discrimination_scores_of<Distance>};
}

}  // namespace detail

namespace metrics {

/// discrimination_score_l1: is each perturbation's predicted shift told from those of the others.
template <class = void>
Metric discrimination_score_l1() {
  return detail::discrimination_score<L1Distance>(
      "discrimination_score_l1", "Discrimination",
      "Is the predicted shift nearer to the observed shift of its own perturbation than to those "
      "of the others? 1: nearest of all; about 0.5: no better than chance.");
}

/// discrimination_score_l2: the same by Euclidean distance; in an embedding where there is one.
template <class = void>
Metric discrimination_score_l2() {
  return detail::discrimination_score<L2Distance>(
      "discrimination_score_l2", "Discrimination, Euclidean",
      "As discrimination_score_l1 by Euclidean distance, which weighs large changes more. 1: "
      "nearest of all; about 0.5: no better than chance.");
}

/// discrimination_score_cosine: the same by cosine distance; in an embedding where there is one.
template <class = void>
Metric discrimination_score_cosine() {
  return detail::discrimination_score<CosineDistance>(
      "discrimination_score_cosine", "Discrimination, cosine",
      "As discrimination_score_l1 by cosine distance, which knows the direction of a shift and "
      "not its size. 1: nearest of all; about 0.5: no better than chance.");
}

}  // namespace metrics

VCELL_END_NAMESPACE
