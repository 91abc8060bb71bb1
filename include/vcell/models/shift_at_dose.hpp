#pragma once

#include <Eigen/Cholesky>
#include <algorithm>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/models/pair_shifts.hpp"

VCELL_BEGIN_NAMESPACE

/// A perturbation at a dose: its code, and the amount that the dose is.
struct CodeAtDose {
  int32_t perturbation;
  double amount;
};

/// The shift of a perturbation at a dose that was not learnt, (genes), from all that was learnt of
/// its other doses: the mean of a Gaussian process along the amount a of the dose, gene by gene,
/// with the covariance
///
///   t a a' exp(-(a - a')^2 / 2) (1 + [c = c']) / 2
///
/// between the shifts at a in context c and at a' in c', and the shifts' own variances as noise. At
/// amount 0 there is no shift; the shift per amount changes slowly, over the whole range of
/// amounts, which is 1 (of 0.3, 0.5, 1 and 2 that predicts simulated screens with the least error);
/// half of what a shift varies by is of its context alone. t is max(0, sum (shift^2 - variance) /
/// sum a^2): a gene that moves no more than noise has no shift. Shifts whose variance is 0 are left
/// out; where all are, the shift is proportional to the amount.
///
/// @param context  a code; -1: a context that nothing was learnt in
/// @param others   the doses of the same perturbation, learnt or not
/// @tparam T       of the numbers it is computed in
/// @return         empty if none was learnt
/// Time in genes x (pairs of others)^3.
template <class T = double>
std::vector<double> shift_at_dose(const PairShifts& shifts, double amount, int32_t context,
                                  const std::vector<CodeAtDose>& others) {
  using Covariance = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  std::vector<size_t> pairs;
  std::vector<double> amounts;
  for (const CodeAtDose& other : others)
    for (const size_t i : pairs_of(shifts, other.perturbation)) {
      pairs.push_back(i);
      amounts.push_back(other.amount);
    }
  if (pairs.empty()) return {};
  const auto likeness = [&](double a, int32_t c, double b, int32_t d) {
    return a * b * std::exp(-(a - b) * (a - b) / 2) * (c == d ? 1 : 0.5);
  };
  std::vector<double> out(shifts.genes(), 0);
  parallel_for(out.size(), 64, [&](size_t first, size_t last) {
    std::vector<size_t> told;  // of the pairs
    for (size_t g = first; g < last; ++g) {
      told.clear();
      double moved = 0, plain = 0, squares = 0, all_squares = 0;
      for (size_t k = 0; k < pairs.size(); ++k) {
        const double shift = shifts.shift(pairs[k], g), v = double(shifts.variance(pairs[k], g));
        plain += amounts[k] * shift;
        all_squares += amounts[k] * amounts[k];
        if (!(v > 0)) continue;
        told.push_back(k);
        moved += shift * shift - v;
        squares += amounts[k] * amounts[k];
      }
      if (told.empty()) {
        out[g] = amount * plain / all_squares;
        continue;
      }
      const double scale = moved / squares;
      if (!(scale > 0)) continue;
      const auto n = Eigen::Index(told.size());
      Covariance covariance(n, n);
      Vector seen(n), asked(n);
      for (Eigen::Index i = 0; i < n; ++i) {
        const size_t a = told[size_t(i)], row = pairs[a];
        for (Eigen::Index j = 0; j <= i; ++j) {
          const size_t b = told[size_t(j)];
          covariance(i, j) = scale * likeness(amounts[a], shifts.context[row], amounts[b],
                                              shifts.context[pairs[b]]);
        }
        covariance(i, i) += double(shifts.variance(row, g));
        seen(i) = shifts.shift(row, g);
        asked(i) = scale * likeness(amount, context, amounts[a], shifts.context[row]);
      }
      out[g] = asked.dot(Eigen::LLT<Covariance>(covariance).solve(seen));
    }
  });
  return out;
}

VCELL_INSTANTIATE(models,
                  std::vector<double> shift_at_dose<double>(const PairShifts&, double, int32_t,
                                                            const std::vector<CodeAtDose>&));

VCELL_END_NAMESPACE
