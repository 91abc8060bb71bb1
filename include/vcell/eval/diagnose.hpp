#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/eval/mean_shift.hpp"

VCELL_BEGIN_NAMESPACE

/// Figures that tell how far the scores of one context can be trusted.
struct Diagnosis {
  /// Mean Pearson correlation between the shifts of different perturbations; NaN below two
  /// perturbations with a shift. Predictions that are much more alike than what was observed have
  /// collapsed to a mean response.
  double similarity_real = 0, similarity_predicted = 0;
  /// Median over perturbations of |predicted shift| / |real shift| (Euclidean over genes); NaN
  /// without a perturbation that has a real shift.
  double size_ratio = 0;
};

struct WarningOptions {
  size_t few_cells = 30;       ///< perturbations with fewer real cells are named
  double least_variety = 0.5;  ///< of (1 - similarity_predicted) / (1 - similarity_real)
  double size_factor = 2;      ///< how many times too large or too small shifts may be
  double near_end = 0.01;      ///< share of a metric's range within which a mean is at its end
  Progress progress = {};      ///< of measuring tables that are not kept; may stop
};

namespace detail {

/// The mean of all correlations between different rows: from the sum s of the n standardised rows,
/// (|s|^2 - n) / (n (n - 1)). Constant rows do not count.
class MeanSimilarity {
 public:
  explicit MeanSimilarity(size_t genes) : sum_(genes, 0.0), row_(genes) {}

  template <class = void>
  void add(std::span<const double> row) {
    double mean = 0, norm = 0;
    for (const double x : row) mean += x;
    mean /= double(row.size());
    for (size_t g = 0; g < row.size(); ++g) {
      row_[g] = row[g] - mean;
      norm += row_[g] * row_[g];
    }
    if (!(norm > 0)) return;
    for (size_t g = 0; g < row.size(); ++g) sum_[g] += row_[g] / std::sqrt(norm);
    ++n_;
  }

  /// NaN of fewer than two rows.
  template <class = void>
  double result() const {
    if (n_ < 2) return std::numeric_limits<double>::quiet_NaN();
    double squares = 0;
    for (const double s : sum_) squares += s * s;
    return (squares - n_) / (n_ * (n_ - 1));
  }

 private:
  std::vector<double> sum_, row_;
  double n_ = 0;
};

template <class = void>
double norm_of(std::span<const double> row) {
  double squares = 0;
  for (const double x : row) squares += x * x;
  return std::sqrt(squares);
}

/// 0.4271 as "0.43".
inline std::string two_digits(double x) { return message(std::round(x * 100) / 100 + 0.0); }

}  // namespace detail

/// Compares how varied and how large predicted and real shifts are.
/// @throws Stopped if progress, which watches tables being measured that are not kept, asks for it
template <class = void>
Diagnosis diagnose(const ContextEvaluation& evaluation, const Progress& progress = {}) {
  const size_t genes = evaluation.real_de.features().size();
  detail::MeanSimilarity real(genes), predicted(genes);
  std::vector<double> ratios;
  const auto add = [&](size_t, const DifferentialExpression& a, const DifferentialExpression& b) {
    const auto shift = mean_shift(a), predicted_shift = mean_shift(b);
    for (size_t t = 0; t < a.targets.size(); ++t) {
      const std::span<const double> row(shift[t].data, genes),
          predicted_row(predicted_shift[t].data, genes);
      real.add(row);
      predicted.add(predicted_row);
      if (const double size = detail::norm_of(row); size > 0)
        ratios.push_back(detail::norm_of(predicted_row) / size);
    }
  };
  for_each_expression_block(evaluation.real_de, evaluation.predicted_de, add, progress);
  Diagnosis out{real.result(), predicted.result(), std::numeric_limits<double>::quiet_NaN()};
  if (ratios.empty()) return out;
  std::sort(ratios.begin(), ratios.end());
  const size_t n = ratios.size();
  out.size_ratio = (ratios[(n - 1) / 2] + ratios[n / 2]) / 2;
  return out;
}

namespace detail {

/// Says of which metrics, among those whose values have two ends, the mean is at one of them.
template <class = void>
void add_metrics_at_ends(std::vector<std::string>& out, const ScoreTable& scores,
                         const std::string& where, double near) {
  std::string at_best, at_worst;
  for (const ScoreColumn& column : scores.columns) {
    const Metric metric = metric_named(column.name);
    const Score mean = summarise(column.values)[summary_mean];
    if (!metric.lowest || !metric.highest || metric.direction == 0 || !mean) continue;
    const double share = (*mean - *metric.lowest) / (*metric.highest - *metric.lowest);
    const bool high = share >= 1 - near;
    if (!high && !(share <= near)) continue;
    std::string& names = high == (metric.direction > 0) ? at_best : at_worst;
    names += message(names.empty() ? "" : ", ", column.name, " (",
                     message(std::round(*mean * 1000) / 1000 + 0.0), ")");
  }
  if (!at_best.empty())
    out.push_back(message("Near the ceiling", where, ": means next to the best that there can be: ",
                          at_best, "; they hardly tell this prediction from a better one."));
  if (!at_worst.empty())
    out.push_back(message("Near the floor", where, ": means next to the worst that there can be: ",
                          at_worst, "; they hardly tell this prediction from a worse one."));
}

}  // namespace detail

/// What a reader of the scores of one context should know, a sentence with its figures each; empty
/// when there is nothing to say.
template <class = void>
std::vector<std::string> warnings(const ContextEvaluation& evaluation,
                                  const WarningOptions& options = {}) {
  std::vector<std::string> out;
  const std::string where =
      evaluation.context.empty() ? "" : message(" in ", quoted(evaluation.context));
  const ExpressionTable& de = evaluation.real_de;
  std::string few;
  size_t n_few = 0;
  constexpr size_t most = 20;  // of them are named
  for (size_t t = 0; t < de.targets().size(); ++t) {
    if (de.target_membership()[t] >= options.few_cells || n_few++ >= most) continue;
    few += message(few.empty() ? "" : ", ", de.targets()[t], " (", de.target_membership()[t], ")");
  }
  if (n_few)
    out.push_back(message("Few cells", where, ": ", n_few, " of ", de.targets().size(),
                          " perturbations have fewer than ", options.few_cells, ": ", few,
                          n_few > most ? ", ..." : "", "; their scores are uncertain."));
  if (de.ref_membership() < options.few_cells)
    out.push_back(message("Few control cells", where, ": ", de.ref_membership(),
                          "; every shift is measured against them."));

  const Diagnosis found = diagnose(evaluation, options.progress);
  if (1 - found.similarity_predicted < options.least_variety * (1 - found.similarity_real))
    out.push_back(message("Collapse to the mean", where, ": predicted shifts of different ",
                          "perturbations resemble each other (mean correlation ",
                          detail::two_digits(found.similarity_predicted),
                          ") far more than observed ones do (",
                          detail::two_digits(found.similarity_real),
                          "); the prediction may be little more than an average response."));
  const bool inflated = found.size_ratio > options.size_factor;
  if (inflated || found.size_ratio * options.size_factor < 1)
    out.push_back(message(inflated ? "Scale inflation" : "Small shifts", where,
                          ": predicted shifts are ", detail::two_digits(found.size_ratio),
                          " times as large as observed ones (median over perturbations)."));
  detail::add_metrics_at_ends(out, evaluation.scores, where, options.near_end);
  return out;
}

/// The same of all contexts, after what their cells tell (Evaluation::warnings).
template <class = void>
std::vector<std::string> warnings(const Evaluation& evaluation,
                                  const WarningOptions& options = {}) {
  auto out = evaluation.warnings;
  for (const ContextEvaluation& context : evaluation.contexts)
    for (std::string& text : warnings(context, options)) out.push_back(std::move(text));
  return out;
}

VCELL_END_NAMESPACE
