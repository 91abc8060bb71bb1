#pragma once

#include <optional>

#include "vcell/eval/metric.hpp"
#include "vcell/eval/overlap_at.hpp"

VCELL_BEGIN_NAMESPACE
namespace metrics {

/// precision_at_N, precision_at_50 and so on: the share of the strongest predicted genes which is
/// among as many of those that really change most (vcell::precision_at).
/// @param most  how many genes are looked at; none: all that are predicted to change, N
template <class = void>
Metric precision_at(std::optional<size_t> most = {}) {
  const std::string k = most ? message(*most) : "N";
  return {.name = "precision_at_" + k,
          .title = most ? message("DE precision, ", k, " genes") : "DE precision",
          .meaning = message("Of the ", k,
                             " genes that are differentially expressed in the predicted cells, ",
                             most ? "the strongest ones alone, " : "",
                             "the share found among as many of the strongest of the observed "
                             "cells. 1: all; 0: none, or no such gene at all."),
          .direction = 1,
          .best = 1,
          .lowest = 0,
          .highest = 1,
          .reads = MetricReads::expression,
          .is_reliability = true,
          .digits = 2,
          .of_target = [most](const TargetExpression& e) -> Score {
            return vcell::precision_at(e.real_genes, e.predicted_genes, most);
          }};
}

}  // namespace metrics

VCELL_END_NAMESPACE
