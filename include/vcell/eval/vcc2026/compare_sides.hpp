#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "vcell/eval/score_table.hpp"
#include "vcell/eval/vcc2026/count_side.hpp"
#include "vcell/eval/vcc2026/direction_reach.hpp"
#include "vcell/eval/vcc2026/lfc_nmae.hpp"
#include "vcell/eval/vcc2026/pds_cosine.hpp"
#include "vcell/eval/vcc2026/scored_metrics.hpp"
#include "vcell/eval/vcc2026/sig_jaccard.hpp"
#include "vcell/eval/vcc2026/unbiased_mse.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

/// What a prediction got in one context.
struct Comparison {
  /// Per perturbation, the columns sorted by name; null where a metric leaves the perturbation out,
  /// NaN where it has no value for it. expr_mse_unbiased_capped_norm is one of all, and no column.
  ScoreTable scores;
  UnbiasedMse mse;                            ///< what it and its columns come from
  std::vector<DirectionFidelity> fidelity;    ///< (perturbations)
  std::vector<DirectionReach> reach;          ///< (perturbations)
  std::vector<ChangedGenes> changed;          ///< (perturbations) of the real side
  std::array<double, n_scored> aggregates{};  ///< beside scored_metrics
};

struct ComparisonOptions {
  double alpha = 0.05;  ///< of false discovery rates
  /// The genes whose fold changes are compared, (perturbations); null: those that are significant
  /// on the real side. A half of the cells takes those of all.
  const std::vector<ChangedGenes>* changed = nullptr;
  Progress progress = {};  ///< watches, and may stop
};

/// The mean of the scores that are numbers; NaN without any.
template <class = void>
double mean_of_numbers(const std::vector<Score>& scores) {
  double sum = 0;
  size_t n = 0;
  for (const Score& s : scores)
    if (s && !std::isnan(*s)) sum += *s, ++n;
  return n ? sum / double(n) : std::numeric_limits<double>::quiet_NaN();
}

namespace detail {

/// Each pseudobulk without the control's.
template <class = void>
Tensor<double, 2> shifts_of(const CountSide& side) {
  Tensor<double, 2> out = side.bulk.values;
  for (size_t t = 0; t < out.shape(0); ++t)
    for (size_t g = 0; g < out.shape(1); ++g) out(t, g) -= side.control[g];
  return out;
}

}  // namespace detail

/// Holds one side against another by the six metrics of 2026.
/// @param own  (targets) column of each target's own gene; -1: it is none
/// @throws ConfigError if the sides differ in targets or genes, or UnbiasedMse::norm does; Stopped
template <class = void>
Comparison compare_sides(const CountSide& real, const CountSide& predicted,
                         std::span<const int32_t> own, const ComparisonOptions& options = {}) {
  if (real.targets() != predicted.targets() || real.genes() != predicted.genes())
    throw ConfigError("vcc2026: real and predicted cells are of different perturbations or genes");
  const size_t n = real.targets().size();
  check_size_match("vcc2026", "own columns", own.size(), "perturbations", n);
  Comparison out;
  out.mse = unbiased_mse(real.bulk, predicted.bulk, real.control, real.control_variance, own);
  std::vector<uint8_t> is_target(real.genes().size(), 0);
  for (const int32_t column : own)
    if (column >= 0) is_target[size_t(column)] = 1;
  const auto pds = pds_cosine(detail::shifts_of(predicted).view(), detail::shifts_of(real).view(),
                              is_target, options.progress);

  std::vector<Score> fidelity, reach, nmae, jaccard;
  const auto test = [&](size_t first, const DifferentialExpression& a,
                        const DifferentialExpression& b) {
    for (size_t t = 0; t < a.targets.size(); ++t) {
      const int32_t gene = own[first + t];
      const TargetTest x = target_test(a, t, gene, options.alpha);
      const TargetTest y = target_test(b, t, gene, options.alpha);
      out.fidelity.push_back(direction_fidelity(x, y));
      out.reach.push_back(direction_reach(x, y, real.genes()));
      fidelity.push_back(out.fidelity.back().value());
      reach.push_back(out.reach.back().value());
      jaccard.push_back(sig_jaccard(x, y));
      out.changed.push_back(changed_genes(x));
      nmae.push_back(
          lfc_nmae(options.changed ? (*options.changed)[first + t] : out.changed.back(), x, y));
    }
  };
  for_each_expression_block(real.expression, predicted.expression, test, options.progress);

  const auto scores = [](const std::vector<double>& values) {
    return std::vector<Score>(values.begin(), values.end());
  };
  out.scores = {real.targets(),
                {{std::string(direction_fidelity_name), std::move(fidelity)},
                 {std::string(direction_reach_name), std::move(reach)},
                 {std::string(lfc_nmae_name), std::move(nmae)},
                 {std::string(sig_jaccard_name), std::move(jaccard)},
                 {"expr_distance_unbiased", scores(out.mse.distance)},
                 {"expr_mse_unbiased", scores(out.mse.plain)},
                 {"expr_mse_unbiased_capped", scores(out.mse.capped)},
                 {std::string(pds_cosine_name), scores(pds)}}};
  for (size_t m = 0; m < n_scored; ++m) {
    const auto name = scored_metrics[m].name;
    out.aggregates[m] =
        name == mse_norm_name ? out.mse.norm() : mean_of_numbers(out.scores.column(name));
  }
  return out;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
