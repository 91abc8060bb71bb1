#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/diagnose.hpp"
#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE

/// A perturbation of one context.
struct PerturbationPlace {
  const ContextEvaluation* context = nullptr;
  size_t target = 0;       ///< its place in the tables of the context
  size_t significant = 0;  ///< genes that change in the observed cells
  double size = 0;         ///< of the observed shift
};

/// "STAT1", or "STAT1 in rep_3" where there are several contexts.
template <class = void>
std::string name_of(const PerturbationPlace& place, const ReportInput& input) {
  const std::string& target = place.context->real_de.targets[place.target];
  return input.evaluation.contexts.size() < 2
             ? target
             : fmt::format("{} in {}", target, place.context->context);
}

/// All perturbations of all contexts, those that change most genes first.
template <class = void>
std::vector<PerturbationPlace> strongest_perturbations(const ReportInput& input) {
  std::vector<PerturbationPlace> out;
  for (const ContextEvaluation& context : input.evaluation.contexts) {
    const auto shift = mean_shift(context.real_de);
    for (size_t t = 0; t < context.real_de.targets.size(); ++t)
      out.push_back({&context, t,
                     significant_genes(context.real_de, t, input.evaluation.alpha).size(),
                     detail::norm_of_row(shift, t)});
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const PerturbationPlace& a, const PerturbationPlace& b) {
                     return std::pair(a.significant, a.size) > std::pair(b.significant, b.size);
                   });
  return out;
}

VCELL_END_NAMESPACE
