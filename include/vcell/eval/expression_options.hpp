#pragma once

#include <cstddef>
#include <optional>

#include "vcell/core/progress.hpp"

VCELL_BEGIN_NAMESPACE

/// Which cells a target's are compared with, and in which genes.
enum class ExpressionMode {
  ref,        ///< the control's, in every gene
  all,        ///< all other cells, in every gene; the control is a target too
  on_target,  ///< the control's, in the target's own gene alone
};

enum class ExpressionTest {
  wilcoxon,              ///< rank sums: rank_sum_p_value, exact_rank_sum_p_value
  t_test,                ///< Welch's: welch_t_test
  t_test_overestim_var,  ///< Welch's, as if the other cells were as few as the target's
};

/// What DifferentialExpressionOptions::geometric_mean says, where it has a name.
enum class Means { geometric, arithmetic };

/// The correction of a rank sum's distance from its expectation for being a step function.
enum class Continuity {
  none,          ///< scanpy's
  half,          ///< 1/2 towards the expectation and not beyond: p = 1 there (pdex, scipy)
  half_or_over,  ///< the same, but 1/2 beyond where it is met, so that p < 1 (illico)
};

/// What a fold change is where a mean is 0.
enum class ZeroMeans {
  epsilon,    ///< epsilon is added to both means; 0/0 is 1
  clip,       ///< clip_value where the reference is 0, 1 / clip_value where the target is, 0/0: 1
  undefined,  ///< NaN where the reference is 0
};

/// What a false discovery rate is of.
enum class FdrScope { target, global };

struct DifferentialExpressionOptions {
  /// Added to both means in log2_fold_change and to the reference's in percent_change. 1e-9 is
  /// pdex's; with 0, which is cell-eval's, a gene seen on one side only has an infinite fold
  /// change.
  double epsilon = 1e-9;
  /// Whether X holds log1p values; false: counts.
  bool is_log1p = true;
  /// Means are geometric, expm1(mean(log1p(counts))); false: arithmetic means of counts. Of log1p
  /// values that is: the exponential after the mean, or before it.
  bool geometric_mean = true;
  /// What is compared with what.
  ExpressionMode mode = ExpressionMode::ref;
  ExpressionTest test = ExpressionTest::wilcoxon;
  /// The variance of rank sums is that of values with ties.
  bool tie_correction = true;
  Continuity continuity = Continuity::half;
  /// Rank sums without ties are tested exactly where the smaller of the two groups has at most so
  /// many cells; 0: never.
  size_t exact_cells = 0;
  ZeroMeans zero_means = ZeroMeans::epsilon;
  /// See ZeroMeans::clip.
  double clip_value = 20;
  /// Genes whose counts make up at most so many of a million, in the target's cells and in those
  /// they are compared with, are left out (DifferentialExpression::is_kept); both are arithmetic
  /// means of counts, scaled to add up to a million over all genes.
  std::optional<double> cpm_filter = {};
  /// Genes whose mean in the reference is not above this are left out.
  std::optional<double> least_ref_mean = {};
  /// Rates are found over the genes of one target, or over all rows; in mode on_target over all.
  FdrScope fdr_scope = FdrScope::target;
  /// X holds counts, and what is compared are counts / (total of the cell / target_sum), in double;
  /// ranked are their log1p.
  std::optional<double> target_sum = {};
  /// Sums of cells are made in double; false, which is pdex's: in float32 (but in mode all).
  bool double_sums = false;
  /// p-values and rates are found in float32, as scipy does for float32 data.
  bool float_p = false;
  /// Fills DifferentialExpression::z_score.
  bool has_z_score = false;
  /// In mode all, cells without a label are others too.
  bool unlabelled_are_others = false;
  /// Watches, told of genes, and may stop.
  Progress progress = {};
};

VCELL_END_NAMESPACE
