#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

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
};

namespace detail {

/// The mean of all correlations between different rows: from the sum s of the n standardised rows,
/// (|s|^2 - n) / (n (n - 1)). Constant rows do not count.
template <class = void>
double mean_similarity(const Tensor<double, 2>& shifts) {
  const size_t genes = shifts.shape(1);
  std::vector<double> sum(genes, 0.0), row(genes);
  double n = 0;
  for (size_t t = 0; t < shifts.shape(0); ++t) {
    double mean = 0, norm = 0;
    for (size_t g = 0; g < genes; ++g) mean += shifts(t, g);
    mean /= double(genes);
    for (size_t g = 0; g < genes; ++g) {
      row[g] = shifts(t, g) - mean;
      norm += row[g] * row[g];
    }
    if (!(norm > 0)) continue;
    for (size_t g = 0; g < genes; ++g) sum[g] += row[g] / std::sqrt(norm);
    ++n;
  }
  if (n < 2) return std::numeric_limits<double>::quiet_NaN();
  double squares = 0;
  for (double s : sum) squares += s * s;
  return (squares - n) / (n * (n - 1));
}

template <class = void>
double norm_of_row(const Tensor<double, 2>& m, size_t row) {
  double squares = 0;
  for (size_t g = 0; g < m.shape(1); ++g) squares += m(row, g) * m(row, g);
  return std::sqrt(squares);
}

/// 0.4271 as "0.43".
inline std::string two_digits(double x) { return message(std::round(x * 100) / 100 + 0.0); }

}  // namespace detail

/// Compares how varied and how large predicted and real shifts are.
template <class = void>
Diagnosis diagnose(const ContextEvaluation& evaluation) {
  const auto real = mean_shift(evaluation.real_de), predicted = mean_shift(evaluation.predicted_de);
  Diagnosis out{detail::mean_similarity(real), detail::mean_similarity(predicted),
                std::numeric_limits<double>::quiet_NaN()};
  std::vector<double> ratios;
  for (size_t t = 0; t < real.shape(0); ++t)
    if (const double size = detail::norm_of_row(real, t); size > 0)
      ratios.push_back(detail::norm_of_row(predicted, t) / size);
  if (ratios.empty()) return out;
  std::sort(ratios.begin(), ratios.end());
  const size_t n = ratios.size();
  out.size_ratio = (ratios[(n - 1) / 2] + ratios[n / 2]) / 2;
  return out;
}

/// What a reader of the scores of one context should know, a sentence with its figures each; empty
/// when there is nothing to say.
template <class = void>
std::vector<std::string> warnings(const ContextEvaluation& evaluation,
                                  const WarningOptions& options = {}) {
  std::vector<std::string> out;
  const std::string where =
      evaluation.context.empty() ? "" : message(" in ", quoted(evaluation.context));
  const auto& de = evaluation.real_de;
  std::string few;
  size_t n_few = 0;
  constexpr size_t most = 20;  // of them are named
  for (size_t t = 0; t < de.targets.size(); ++t) {
    if (de.target_membership[t] >= options.few_cells || n_few++ >= most) continue;
    few += message(few.empty() ? "" : ", ", de.targets[t], " (", de.target_membership[t], ")");
  }
  if (n_few)
    out.push_back(message("Few cells", where, ": ", n_few, " of ", de.targets.size(),
                          " perturbations have fewer than ", options.few_cells, ": ", few,
                          n_few > most ? ", ..." : "", "; their scores are uncertain."));
  if (de.ref_membership < options.few_cells)
    out.push_back(message("Few control cells", where, ": ", de.ref_membership,
                          "; every shift is measured against them."));

  const Diagnosis found = diagnose(evaluation);
  if (1 - found.similarity_predicted < options.least_variety * (1 - found.similarity_real))
    out.push_back(message("Collapse to the mean", where, ": predicted shifts of different ",
                          "perturbations resemble each other (mean correlation ",
                          detail::two_digits(found.similarity_predicted),
                          ") far more than observed ones do (",
                          detail::two_digits(found.similarity_real),
                          "); the prediction may be little more than an average response."));
  if (found.size_ratio > options.size_factor || found.size_ratio * options.size_factor < 1)
    out.push_back(message("Size of the shifts", where, ": predicted shifts are ",
                          detail::two_digits(found.size_ratio),
                          " times as large as observed ones (median over perturbations)."));
  return out;
}

VCELL_END_NAMESPACE
