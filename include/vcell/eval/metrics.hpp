#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/eval/metrics/clustering_agreement.hpp"
#include "vcell/eval/metrics/de_direction_match.hpp"
#include "vcell/eval/metrics/de_nsig_counts.hpp"
#include "vcell/eval/metrics/de_score.hpp"
#include "vcell/eval/metrics/de_sig_genes_recall.hpp"
#include "vcell/eval/metrics/de_spearman_lfc_sig.hpp"
#include "vcell/eval/metrics/de_spearman_sig.hpp"
#include "vcell/eval/metrics/discrimination_score.hpp"
#include "vcell/eval/metrics/edistance.hpp"
#include "vcell/eval/metrics/mean_errors.hpp"
#include "vcell/eval/metrics/overlap_at.hpp"
#include "vcell/eval/metrics/pdisc.hpp"
#include "vcell/eval/metrics/pearson_delta.hpp"
#include "vcell/eval/metrics/pearson_edistance.hpp"
#include "vcell/eval/metrics/precision_at.hpp"
#include "vcell/eval/metrics/ranking_areas.hpp"
#include "vcell/eval/metrics/spearman_delta.hpp"

VCELL_BEGIN_NAMESPACE

/// Every metric: the one place where a new one is listed. Those of cell-eval come first.
template <class = void>
std::vector<Metric> all_metrics() {
  using namespace metrics;
  return {
      metrics::overlap_at(),
      metrics::overlap_at(50),
      metrics::overlap_at(100),
      metrics::overlap_at(200),
      metrics::overlap_at(500),
      metrics::precision_at(),
      metrics::precision_at(50),
      metrics::precision_at(100),
      metrics::precision_at(200),
      metrics::precision_at(500),
      de_spearman_sig(),
      de_direction_match(),
      de_spearman_lfc_sig(),
      de_sig_genes_recall(),
      de_nsig_counts_real(),
      de_nsig_counts_pred(),
      pr_auc(),
      roc_auc(),
      pearson_delta(),
      mse(),
      mae(),
      mse_delta(),
      mae_delta(),
      discrimination_score_l1(),
      discrimination_score_l2(),
      discrimination_score_cosine(),
      pearson_edistance(),
      metrics::clustering_agreement(),
      spearman_delta(),
      metrics::edistance(),
      de_score(),
      de_score_p(),
      pdisc(),
      pdisc_norm(),
  };
}

/// The metric of a name among some; one that has nothing but the name where it is not known.
template <class = void>
Metric metric_named(std::string_view name, const std::vector<Metric>& metrics = all_metrics()) {
  for (const Metric& metric : metrics)
    if (metric.name == name) return metric;
  return {.name = std::string(name), .title = std::string(name)};
}

VCELL_END_NAMESPACE
