#pragma once

#include <array>
#include <string_view>

#include "vcell/eval/differential_expression.hpp"

VCELL_BEGIN_NAMESPACE

/// The packages whose tests expression_preset knows, with the version that it follows.
inline constexpr std::array<std::string_view, 6> expression_presets = {
    "pdex-0.3", "cell-eval-0.8", "pdex-0.1.27", "scanpy", "illico", "vcc2026"};

/// The options by which a package tests differential expression, by its name in expression_presets,
/// with its own defaults; whether X holds log1p values or counts is in it (is_log1p).
///
/// - pdex-0.3: rank sums, geometric means, epsilon 1e-9; cell-eval-0.8 is that with epsilon 0.
/// - pdex-0.1.27, the rules of 2025: an exact test of at most 8 cells without ties, rates over all
///   rows, fold changes of 20 and 1/20 where a mean is 0, arithmetic means of counts; p-values and
///   rates are float32, as there for float32 data.
/// - scanpy, tl.rank_genes_groups: no continuity correction and no correction for ties. X is taken
///   for log1p values whatever it holds, and cells without a label are others.
/// - illico: arithmetic means; a continuity correction also at the centre.
/// - vcc2026: counts, scaled to a million a cell; genes whose mean in the reference is above 5;
///   arithmetic means. X holds counts, whatever is said.
///
/// @param is_log1p  whether X holds log1p values; false: counts
/// @throws ConfigError if there is no such preset, listing those that are
template <class = void>
DifferentialExpressionOptions expression_preset(std::string_view name, bool is_log1p = true) {
  DifferentialExpressionOptions out;
  out.is_log1p = is_log1p;
  if (name == "pdex-0.3") return out;
  if (name == "cell-eval-0.8") {
    out.epsilon = 0;
  } else if (name == "pdex-0.1.27") {
    out.geometric_mean = is_log1p;
    out.exact_cells = 8;
    out.zero_means = ZeroMeans::clip;
    out.fdr_scope = FdrScope::global;
    out.float_p = true;
  } else if (name == "scanpy") {
    out.is_log1p = true;
    out.tie_correction = false;
    out.continuity = Continuity::none;
    out.double_sums = true;
    out.has_z_score = true;
    out.unlabelled_are_others = true;
  } else if (name == "illico") {
    out.geometric_mean = false;
    out.continuity = Continuity::half_or_over;
    out.double_sums = true;
    out.has_z_score = true;
  } else if (name == "vcc2026") {
    out.is_log1p = false;
    out.geometric_mean = false;
    out.target_sum = 1e6;
    out.least_ref_mean = 5;
  } else {
    throw ConfigError(message("expression_preset: there is no preset ", quoted(std::string(name)),
                              "; there are ", list_of(expression_presets)));
  }
  return out;
}

VCELL_END_NAMESPACE
