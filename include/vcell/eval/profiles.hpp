#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/eval/metrics.hpp"
#include "vcell/sets/near_names.hpp"

VCELL_BEGIN_NAMESPACE

/// A choice of metrics.
struct Profile {
  std::string name;
  std::string meaning;               ///< for people, a sentence
  std::vector<std::string> metrics;  ///< in the order of columns
};

/// Every profile. "vcell" is the default of this library; the others are cell-eval's, whose columns
/// are metrics of differential expression first.
template <class = void>
std::vector<Profile> profiles() {
  const std::vector<std::string> de = {"overlap_at_N",
                                       "overlap_at_50",
                                       "overlap_at_100",
                                       "overlap_at_200",
                                       "overlap_at_500",
                                       "precision_at_N",
                                       "precision_at_50",
                                       "precision_at_100",
                                       "precision_at_200",
                                       "precision_at_500",
                                       "de_spearman_sig",
                                       "de_direction_match",
                                       "de_spearman_lfc_sig",
                                       "de_sig_genes_recall",
                                       "de_nsig_counts_real",
                                       "de_nsig_counts_pred",
                                       "pr_auc",
                                       "roc_auc"};
  const std::vector<std::string> anndata = {"pearson_delta",
                                            "mse",
                                            "mae",
                                            "mse_delta",
                                            "mae_delta",
                                            "discrimination_score_l1",
                                            "discrimination_score_l2",
                                            "discrimination_score_cosine",
                                            "pearson_edistance",
                                            "clustering_agreement"};
  std::vector<std::string> full = de;
  full.insert(full.end(), anndata.begin(), anndata.end());
  return {{"vcell",
           "the main ones, and the distance between predicted and observed cells",
           {"overlap_at_N", "mae", "discrimination_score_l1", "pearson_delta", "mae_delta",
            "edistance"}},
          {"full", "all of cell-eval's", full},
          {"minimal",
           "cell-eval's main ones",
           {"overlap_at_N", "precision_at_N", "de_nsig_counts_real", "de_nsig_counts_pred",
            "pearson_delta", "mse", "mae", "discrimination_score_l1"}},
          {"vcc",
           "those of the Virtual Cell Challenge of 2025",
           {"overlap_at_N", "mae", "discrimination_score_l1"}},
          {"de", "cell-eval's of differential expression", de},
          {"anndata", "cell-eval's of cells", anndata},
          {"pds",
           "discrimination by three distances",
           {"discrimination_score_l1", "discrimination_score_l2", "discrimination_score_cosine"}}};
}

/// The names of all profiles.
template <class = void>
std::vector<std::string> profile_names() {
  std::vector<std::string> out;
  for (const Profile& profile : profiles()) out.push_back(profile.name);
  return out;
}

namespace detail {

template <class = void>
[[noreturn]] void throw_no_metric(const char* function, const std::string& name) {
  std::vector<std::string> names;
  for (const Metric& metric : all_metrics()) names.push_back(metric.name);
  throw ConfigError(
      message(function, ": there is no metric ", quoted(name), "; ", names_there({name}, names)));
}

}  // namespace detail

/// The metrics of these names, in their order; one that comes again is there once.
/// @param function  what a message calls, e.g. a flag
/// @throws ConfigError if there is none of a name, naming those it may have meant
template <class = void>
std::vector<Metric> metrics_named(std::span<const std::string> names,
                                  const char* function = "metrics_named") {
  const auto all = all_metrics();
  std::vector<Metric> out;
  const auto is_named = [](const std::string& name) {
    return [&name](const Metric& metric) { return metric.name == name; };
  };
  for (const std::string& name : names) {
    const auto found = std::find_if(all.begin(), all.end(), is_named(name));
    if (found == all.end()) detail::throw_no_metric(function, name);
    if (std::none_of(out.begin(), out.end(), is_named(name))) out.push_back(*found);
  }
  return out;
}

/// The metrics of a profile, in its order.
/// @throws ConfigError if there is no such profile
template <class = void>
std::vector<Metric> metrics_of(std::string_view profile) {
  for (const Profile& p : profiles())
    if (p.name == profile) return metrics_named(p.metrics, "metrics_of");
  throw ConfigError(message("metrics_of: there is no profile ", quoted(profile), "; ",
                            names_there({std::string(profile)}, profile_names())));
}

/// Takes metrics out, by their names; "de_nsig_counts" is both of its columns, as in cell-eval.
/// @param function  what a message calls, e.g. a flag
/// @throws ConfigError if there is no metric of a name at all, naming those it may have meant, or
///         if none is left
template <class = void>
std::vector<Metric> without_metrics(std::vector<Metric> metrics, std::span<const std::string> names,
                                    const char* function = "without_metrics") {
  const std::string both = "de_nsig_counts";
  for (const std::string& name : names)
    if (name != both && metric_named(name).meaning.empty()) detail::throw_no_metric(function, name);
  const auto is_skipped = [&](const Metric& metric) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return metric.name == name ||
             (name == both && (metric.name == both + "_real" || metric.name == both + "_pred"));
    });
  };
  std::erase_if(metrics, is_skipped);
  if (metrics.empty())
    throw ConfigError(message(function, ": leaves no metric of those asked for; take out fewer"));
  return metrics;
}

VCELL_END_NAMESPACE
