#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/eval/evaluate.hpp"

VCELL_BEGIN_NAMESPACE

/// The mean difference of a score between two methods, and an interval of about 95 % for it.
struct PairedDifference {
  double difference = 0;     ///< mean of the first method's score less the second's
  double low = 0, high = 0;  ///< the 2.5 % and 97.5 % quantiles over resamples
  size_t names = 0;          ///< perturbation names that both have a score of
};

struct PairedDifferenceOptions {
  size_t resamples = 2000;
  size_t least_names = 6;  ///< fewer have no interval that means anything
  uint64_t seed = 42;
};

/// How two methods differ in a score, from their scores of the same perturbations: names of
/// perturbations are drawn with replacement, and all contexts of a name come with it, since what a
/// perturbation does in one context is much like what it does in another (a cluster bootstrap:
/// Davison & Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). A name counts by
/// the number of its contexts.
///
/// @param first, second  tables of contexts, by name; what only one of them has a finite score of
///                       is left out
/// @param score          the name of a column of both
/// @return               null with fewer than least_names names; the same for any order of contexts
///                       and perturbations
/// @throws ConfigError if a table lacks the column, or without resamples
/// A score that has one value for all perturbations (Metric::aggregate) has no such difference: the
/// caller leaves it out.
template <class = void>
std::optional<PairedDifference> paired_difference(
    const std::vector<std::pair<std::string, const ScoreTable*>>& first,
    const std::vector<std::pair<std::string, const ScoreTable*>>& second, const std::string& score,
    const PairedDifferenceOptions& options = {}) {
  check_positive("paired_difference", "resamples", options.resamples);
  std::map<std::pair<std::string, std::string>, double> of_second;  // by perturbation, context
  const auto for_each = [&](const auto& tables, auto&& f) {
    for (const auto& [context, table] : tables) {
      const auto& values = table->column(score);
      for (size_t t = 0; t < values.size(); ++t)
        if (values[t] && std::isfinite(*values[t]))
          f(std::pair(table->perturbations[t], context), *values[t]);
    }
  };
  for_each(second, [&](auto key, double value) { of_second[key] = value; });
  std::map<std::pair<std::string, std::string>, double> differences;
  for_each(first, [&](auto key, double value) {
    if (const auto found = of_second.find(key); found != of_second.end())
      differences[key] = value - found->second;
  });
  struct Sum {
    double sum = 0, n = 0;
  };
  std::vector<Sum> names;
  const std::string* last = nullptr;
  Sum all;
  for (const auto& [key, difference] : differences) {
    if (!last || *last != key.first) names.emplace_back();
    last = &key.first;
    names.back().sum += difference;
    names.back().n += 1;
    all.sum += difference;
    all.n += 1;
  }
  if (names.size() < std::max<size_t>(options.least_names, 1)) return {};

  Rng rng(options.seed, stream_of("paired difference"));
  std::vector<double> means;
  for (size_t r = 0; r < options.resamples; ++r) {
    Sum drawn;
    for (size_t i = 0; i < names.size(); ++i) {
      const Sum& name = names[size_t(rng.below(names.size()))];
      drawn.sum += name.sum;
      drawn.n += name.n;
    }
    means.push_back(drawn.sum / drawn.n);
  }
  std::sort(means.begin(), means.end());
  const auto quantile = [&](double q) {
    return means[size_t(std::floor(q * double(means.size() - 1) + 0.5))];
  };
  return PairedDifference{all.sum / all.n, quantile(0.025), quantile(0.975), names.size()};
}

VCELL_END_NAMESPACE
