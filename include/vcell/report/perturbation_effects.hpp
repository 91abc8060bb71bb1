#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/diagnose.hpp"
#include "vcell/report/html.hpp"
#include "vcell/report/report_input.hpp"

VCELL_BEGIN_NAMESPACE

/// How many genes of a perturbation are differentially expressed in which cells.
struct OverlapCounts {
  std::string name;
  size_t both = 0, observed_only = 0, predicted_only = 0;
};

/// What is shown of a perturbation of one context.
struct PerturbationEffect {
  const ContextEvaluation* context = nullptr;
  size_t target = 0;      ///< its place in the tables of the context
  OverlapCounts changed;  ///< genes, and "STAT1", or "STAT1 in rep_3" where there are contexts
  double size = 0;        ///< of the observed shift
  /// The genes that change most in the observed cells with an arrow each, HTML; bold where the
  /// predicted cells have them too, in the same direction.
  std::string strongest;

  /// Genes that change in the observed cells.
  size_t significant() const { return changed.both + changed.observed_only; }
};

namespace detail {

/// PerturbationEffect::strongest.
/// @param genes  those that change in the observed cells, strongest first
template <class = void>
std::string strongest_genes(const DifferentialExpression& real,
                            const DifferentialExpression& predicted, size_t target,
                            std::span<const uint32_t> genes, double alpha) {
  constexpr size_t most = 6;
  std::string out;
  for (const uint32_t gene : genes.first(std::min(most, genes.size()))) {
    const double change = real.log2_fold_change(target, gene);
    const bool found = float(predicted.fdr(target, gene)) < float(alpha) &&
                       change * predicted.log2_fold_change(target, gene) > 0;
    const std::string text = fmt::format("{}\u00A0{}", escape_html(real.features[gene]),
                                         change > 0 ? "\u2191" : "\u2193");
    out += (out.empty() ? "" : ", ") + (found ? "<b>" + text + "</b>" : text);
  }
  return out.empty() ? "\u2013" : out;
}

/// Counts the genes that change in the observed cells, in the predicted ones, in both.
template <class = void>
OverlapCounts overlap_counts(std::string name, std::vector<uint32_t> real,
                             std::vector<uint32_t> predicted) {
  std::sort(real.begin(), real.end());
  std::sort(predicted.begin(), predicted.end());
  std::vector<uint32_t> both;
  std::set_intersection(real.begin(), real.end(), predicted.begin(), predicted.end(),
                        std::back_inserter(both));
  return {std::move(name), both.size(), real.size() - both.size(), predicted.size() - both.size()};
}

}  // namespace detail

/// All perturbations of all contexts, those that change most genes first: all that a report needs
/// of tables of differential expression but its plots, in one pass over them.
/// @throws Stopped if progress, which watches tables being measured that are not kept, asks for it
template <class = void>
std::vector<PerturbationEffect> perturbation_effects(const ReportInput& input,
                                                     const Progress& progress = {}) {
  const double alpha = input.evaluation.alpha;
  const bool named = input.evaluation.contexts.size() > 1;
  std::vector<PerturbationEffect> out;
  for (const ContextEvaluation& context : input.evaluation.contexts) {
    const auto add = [&](size_t first, const DifferentialExpression& real,
                         const DifferentialExpression& predicted) {
      const auto shift = mean_shift(real);
      for (size_t t = 0; t < real.targets.size(); ++t) {
        const auto genes = significant_genes(real, t, alpha);
        PerturbationEffect effect{&context, first + t, {}, 0, {}};
        effect.changed = detail::overlap_counts(
            named ? fmt::format("{} in {}", real.targets[t], context.context) : real.targets[t],
            genes, significant_genes(predicted, t, alpha));
        effect.size = detail::norm_of({shift[t].data, shift.shape(1)});
        effect.strongest = detail::strongest_genes(real, predicted, t, genes, alpha);
        out.push_back(std::move(effect));
      }
    };
    for_each_expression_block(context.real_de, context.predicted_de, add, progress);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const PerturbationEffect& a, const PerturbationEffect& b) {
                     return std::pair(a.significant(), a.size) > std::pair(b.significant(), b.size);
                   });
  return out;
}

VCELL_END_NAMESPACE
