#pragma once

#include <optional>

#include "vcell/eval/metric.hpp"
#include "vcell/eval/overlap_at.hpp"

VCELL_BEGIN_NAMESPACE
namespace metrics {

/// overlap_at_N, overlap_at_50 and so on: the share of the genes that really change most which is
/// among as many of the strongest predicted ones (vcell::overlap_at).
/// @param most  how many genes are looked at; none: all that really change, N
template <class = void>
Metric overlap_at(std::optional<size_t> most = {}) {
  const std::string k = most ? message(*most) : "N";
  Metric out{.name = "overlap_at_" + k,
             .title = "DE overlap",
             .meaning =
                 "Of the N genes that are differentially expressed in the observed cells, the "
                 "share found among the N strongest of the predicted cells. 1: all; 0: none, "
                 "or no such gene at all.",
             .direction = 1,
             .best = 1,
             .lowest = 0,
             .highest = 1,
             .reads = MetricReads::expression,
             .is_reliability = true,
             .digits = 2,
             .of_target = [most](const TargetExpression& e) -> Score {
               return vcell::overlap_at(e.real_genes, e.predicted_genes, most);
             }};
  if (!most) return out;
  out.title = message("DE overlap, ", k, " genes");
  out.meaning = message("As overlap_at_N, of the ", k,
                        " genes alone that change most in the observed cells, or all where they "
                        "are fewer.");
  return out;
}

}  // namespace metrics

VCELL_END_NAMESPACE
