#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/eval/metrics/discrimination_score_l1.hpp"
#include "vcell/eval/metrics/edistance.hpp"
#include "vcell/eval/metrics/mae.hpp"
#include "vcell/eval/metrics/mae_delta.hpp"
#include "vcell/eval/metrics/overlap_at_n.hpp"
#include "vcell/eval/metrics/pearson_delta.hpp"

VCELL_BEGIN_NAMESPACE

/// Every metric, in the order of columns: the one place where a new one is listed. Those of
/// cell-eval come in its order, then those it does not have.
template <class = void>
std::vector<Metric> all_metrics() {
  return {metrics::overlap_at_n(),  metrics::mae(),       metrics::discrimination_score_l1(),
          metrics::pearson_delta(), metrics::mae_delta(), metrics::edistance()};
}

/// The names of all profiles, in the order in which metrics name them.
template <class = void>
std::vector<std::string> profile_names(const std::vector<Metric>& metrics = all_metrics()) {
  std::vector<std::string> out;
  for (const Metric& metric : metrics)
    for (const std::string& profile : metric.profiles)
      if (std::find(out.begin(), out.end(), profile) == out.end()) out.push_back(profile);
  return out;
}

/// The metrics of a profile: "vcell" is the default of this library, "vcc" that of cell-eval.
/// @throws ConfigError if there is no such profile
template <class = void>
std::vector<Metric> metrics_of(std::string_view profile) {
  std::vector<Metric> out;
  for (Metric& metric : all_metrics())
    if (std::find(metric.profiles.begin(), metric.profiles.end(), profile) != metric.profiles.end())
      out.push_back(std::move(metric));
  if (out.empty())
    throw ConfigError(message("metrics_of: there is no profile ", quoted(profile), "; there are ",
                              list_of(profile_names())));
  return out;
}

/// The metric of a name among some; one that has nothing but the name where it is not known.
template <class = void>
Metric metric_named(std::string_view name, const std::vector<Metric>& metrics = all_metrics()) {
  for (const Metric& metric : metrics)
    if (metric.name == name) return metric;
  return {.name = std::string(name), .title = std::string(name)};
}

VCELL_END_NAMESPACE
