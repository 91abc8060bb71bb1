#pragma once

#include <array>
#include <limits>
#include <string_view>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

// As cell-eval2 names them.
inline constexpr std::string_view lfc_nmae_name = "de_wilcoxon_lfc_nmae",
                                  mse_norm_name = "expr_mse_unbiased_capped_norm",
                                  direction_fidelity_name =
                                      "de_wilcoxon_direction_fidelity_yield_raw",
                                  direction_reach_name = "de_wilcoxon_direction_reach_raw",
                                  sig_jaccard_name = "de_wilcoxon_sig_jaccard",
                                  pds_cosine_name = "pds_cosine";

/// A metric of the contest's score, and between which ends it is scaled.
struct ScoredMetric {
  std::string_view name;
  double perfect;    ///< the best value
  double low, high;  ///< of the score between baseline and replicate, and baseline and perfect
  double random;     ///< what the constant scale takes for a baseline
  double random_low, random_high;  ///< of the score on the constant scale

  bool is_error() const { return perfect == 0; }
};

inline constexpr size_t n_scored = 6;

/// The six, in the order of tables.
inline constexpr std::array<ScoredMetric, n_scored> scored_metrics = [] {
  constexpr double none = std::numeric_limits<double>::infinity();
  return std::array<ScoredMetric, n_scored>{{{lfc_nmae_name, 0, -6, none, 1, -1, 1},
                                             {mse_norm_name, 0, 0, 1, 1, -6, 1},
                                             {direction_fidelity_name, 1, -none, none, 0.5, -1, 1},
                                             {direction_reach_name, 1, -none, none, 0, 0, 1},
                                             {sig_jaccard_name, 1, -none, none, 0, 0, 1},
                                             {pds_cosine_name, 1, -none, none, 0.5, -1, 1}}};
}();

}  // namespace vcc2026
VCELL_END_NAMESPACE
