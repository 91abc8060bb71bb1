#pragma once

#include <algorithm>
#include <concepts>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/sets/cell_groups.hpp"
#include "vcell/sets/for_each_cell.hpp"
#include "vcell/sets/part.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// How far every (context, perturbation) pair moves the mean cell, and how sure that is: the mean
/// of its cells minus the mean of its own context's control cells.
struct PairShifts {
  std::vector<int32_t> context, perturbation;  ///< codes of each pair
  std::vector<int32_t> stratum;  ///< of each pair, where cells were told apart by one; else -1
  std::vector<size_t> cells;     ///< that each pair's mean is of
  Tensor<double, 2> shift;       ///< (pairs, genes)
  /// Of the shift, (pairs, genes): s^2 (1 / n + 1 / n_control), s^2 the gene's variance within the
  /// groups of the context (pairs and controls), pooled. A pair of one cell has it like any other.
  Tensor<float, 2> variance;

  size_t pairs() const { return context.size(); }
  size_t genes() const { return shift.shape(1); }
};

/// Measures the shifts of all pairs.
///
/// @param screen  log1p values; controls count whichever part they are in, but where they are kept
///                apart
/// @param keep    keep(cell) says whether a perturbed cell counts, or a control that is kept apart
/// @param strata  (cells) pairs are measured for each number apart; empty: not
/// @throws ConfigError if a context with such cells has no control cells that count
/// One pass over the values of the cells that count; memory of (pairs, genes) beside them.
template <std::invocable<size_t> Keep>
PairShifts pair_shifts(const Screen& screen, Keep&& keep, std::span<const int32_t> strata = {}) {
  const size_t genes = screen.genes.size();
  const auto groups = cell_groups(
      screen, [&](size_t cell) { return !screen.is_control(cell) && keep(cell); }, false, strata);
  auto sources = cell_groups(screen, [&](size_t cell) {  // of contexts
    return screen.serves_all(cell) || (screen.is_control(cell) && keep(cell));
  });
  std::vector<const CellGroup*> controls(screen.context.names.size(), nullptr);
  for (const CellGroup& group : sources) controls[size_t(group.context)] = &group;

  PairShifts out;
  for (const CellGroup& group : groups) {
    if (!controls[size_t(group.context)])
      throw ConfigError(message("pair_shifts: context ",
                                quoted(screen.context.names[size_t(group.context)]),
                                " has training cells and no control cells; a shift is measured ",
                                "against its own context's controls"));
    out.context.push_back(group.context);
    out.perturbation.push_back(group.perturbation);
    out.stratum.push_back(group.stratum);
    out.cells.push_back(group.cells.size());
  }

  // Means, and squares about them, of pairs and of the controls of every context.
  const auto measure = [&](const CellGroup& group, double* mean, float* squares) {
    std::vector<double> sum(genes, 0), square(genes, 0);
    const double n = double(group.cells.size());
    for_each_cell(screen, group.cells, [&](auto columns, auto values) {
      for (size_t i = 0; i < columns.size(); ++i) {
        sum[size_t(columns[i])] += double(values[i]);
        square[size_t(columns[i])] += double(values[i]) * double(values[i]);
      }
    });
    for (size_t g = 0; g < genes; ++g) {
      mean[g] = sum[g] / n;
      squares[g] = float(std::max(0.0, square[g] - sum[g] * mean[g]));
    }
  };
  out.shift = Tensor<double, 2>({groups.size(), genes});
  out.variance = Tensor<float, 2>({groups.size(), genes});
  Tensor<double, 2> control_mean({controls.size(), genes});
  Tensor<float, 2> within({controls.size(), genes});
  parallel_for(groups.size(), 1, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      measure(groups[i], out.shift[i].data, out.variance[i].data);
  });
  parallel_for(controls.size(), 1, [&](size_t first, size_t last) {
    for (size_t c = first; c < last; ++c)
      if (controls[c]) measure(*controls[c], control_mean[c].data, within[c].data);
  });

  // Pooled over the groups of a context: squares by degrees of freedom.
  parallel_for(controls.size(), 1, [&](size_t first, size_t last) {
    std::vector<double> squares(genes);
    for (size_t c = first; c < last; ++c) {
      if (!controls[c]) continue;
      double freedom = double(controls[c]->cells.size()) - 1;
      for (size_t g = 0; g < genes; ++g) squares[g] = double(within(c, g));
      for (size_t i = 0; i < groups.size(); ++i) {
        if (size_t(groups[i].context) != c) continue;
        freedom += double(groups[i].cells.size()) - 1;
        for (size_t g = 0; g < genes; ++g) squares[g] += double(out.variance(i, g));
      }
      const double n_control = double(controls[c]->cells.size());
      for (size_t i = 0; i < groups.size(); ++i) {
        if (size_t(groups[i].context) != c) continue;
        const double share = 1 / double(groups[i].cells.size()) + 1 / n_control;
        for (size_t g = 0; g < genes; ++g) {
          out.shift(i, g) -= control_mean(c, g);
          out.variance(i, g) = freedom > 0 ? float(squares[g] / freedom * share) : 0.f;
        }
      }
    }
  });
  return out;
}

/// The same of the cells of one part.
/// @param parts  (cells)
/// @throws ShapeError if there are parts for another number of cells; ConfigError as above
template <class = void>
PairShifts pair_shifts(const Screen& screen, std::span<const Part> parts, Part part = Part::train) {
  check_size_match("pair_shifts", "parts", parts.size(), "cells", screen.cells());
  return pair_shifts(screen, [&](size_t cell) { return parts[cell] == part; });
}

/// Those pairs for which keep(pair) is true.
template <std::predicate<size_t> Keep>
PairShifts select_pairs(const PairShifts& shifts, Keep&& keep) {
  std::vector<size_t> chosen;
  for (size_t i = 0; i < shifts.pairs(); ++i)
    if (keep(i)) chosen.push_back(i);
  PairShifts out;
  out.shift = Tensor<double, 2>({chosen.size(), shifts.genes()});
  out.variance = Tensor<float, 2>({chosen.size(), shifts.genes()});
  for (size_t k = 0; k < chosen.size(); ++k) {
    const size_t i = chosen[k];
    out.context.push_back(shifts.context[i]);
    out.perturbation.push_back(shifts.perturbation[i]);
    out.stratum.push_back(shifts.stratum[i]);
    out.cells.push_back(shifts.cells[i]);
    std::copy_n(shifts.shift[i].begin(), shifts.genes(), out.shift[k].begin());
    std::copy_n(shifts.variance[i].begin(), shifts.genes(), out.variance[k].begin());
  }
  return out;
}

/// The pairs of a perturbation, those of one context left out.
/// @param without  a context's code; -1: none is left out
template <class = void>
std::vector<size_t> pairs_of(const PairShifts& shifts, int32_t perturbation, int32_t without = -1) {
  std::vector<size_t> pairs;
  for (size_t i = 0; i < shifts.pairs(); ++i)
    if (shifts.perturbation[i] == perturbation && shifts.context[i] != without) pairs.push_back(i);
  return pairs;
}

/// The mean shift of pairs, weighted by how sure each is and shrunk towards 0 by how sure the mean
/// is, gene by gene:
///
///   m = sum_i shift_i / v_i / sum_i 1 / v_i,  v = 1 / sum_i 1 / v_i,  m max(0, 1 - k v / m^2)
///
/// without pairs whose v_i is 0; where all are, the plain mean, not shrunk. This is the
/// positive-part estimator of James and Stein for one number (k = 1 is its own choice).
///
/// @param pairs  rows of shifts, at least one
/// @return       (genes)
template <class = void>
std::vector<double> shrunk_mean(const PairShifts& shifts, std::span<const size_t> pairs, double k) {
  check_positive("shrunk_mean", "number of pairs", pairs.size());
  std::vector<double> out(shifts.genes());
  for (size_t g = 0; g < out.size(); ++g) {
    double sum = 0, weights = 0, plain = 0;
    for (const size_t i : pairs) {
      const double v = double(shifts.variance(i, g));
      plain += shifts.shift(i, g);
      if (!(v > 0)) continue;
      sum += shifts.shift(i, g) / v;
      weights += 1 / v;
    }
    if (weights > 0) {
      const double m = sum / weights;
      out[g] = m == 0 ? 0 : m * std::max(0.0, 1 - k / (weights * m * m));
    } else {
      out[g] = plain / double(pairs.size());
    }
  }
  return out;
}

/// The k of shrunk_mean that predicts observed shifts best: of 0, 1, 2 and 4 the one with the least
/// squared error over all pairs whose perturbation was trained in another context, each predicted
/// from the other contexts; 2 where there is no such pair.
/// @param trained   what is predicted from
/// @param observed  what is to be predicted, of the same screen
template <class = void>
double choose_shrinkage(const PairShifts& trained, const PairShifts& observed) {
  check_size_match("choose_shrinkage", "genes of observed", observed.genes(), "of trained",
                   trained.genes());
  constexpr double candidates[] = {0, 1, 2, 4};
  Tensor<double, 2> errors({observed.pairs(), std::size(candidates)});
  std::vector<uint8_t> told(observed.pairs(), 0);
  parallel_for(observed.pairs(), 1, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      const auto pairs = pairs_of(trained, observed.perturbation[i], observed.context[i]);
      if (pairs.empty()) continue;
      told[i] = 1;
      for (size_t j = 0; j < std::size(candidates); ++j) {
        const auto predicted = shrunk_mean(trained, pairs, candidates[j]);
        for (size_t g = 0; g < predicted.size(); ++g) {
          const double miss = predicted[g] - observed.shift(i, g);
          errors(i, j) += miss * miss;
        }
      }
    }
  });
  if (std::find(told.begin(), told.end(), 1) == told.end()) return 2;
  double sums[std::size(candidates)] = {};
  for (size_t i = 0; i < observed.pairs(); ++i)
    for (size_t j = 0; j < std::size(candidates); ++j) sums[j] += errors(i, j);
  return candidates[size_t(std::min_element(std::begin(sums), std::end(sums)) - sums)];
}

VCELL_END_NAMESPACE
