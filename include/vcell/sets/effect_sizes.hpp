#pragma once

#include <limits>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/sets/cell_groups.hpp"

VCELL_BEGIN_NAMESPACE

/// How far each perturbation moves the mean cell of its contexts:
///
///   size(p) = sqrt(max(0, mean over c of |m(c, p) - m(c, control)|^2 - v(c, p) - v(c, control)))
///   v(c, p) = sum over genes of the variance (n - 1) of the n cells / n
///
/// with m the mean cell. Without v, which is what chance alone gives, a perturbation of few cells
/// would look strong. Contexts with fewer than two cells of either are passed over. The bits depend
/// neither on threads nor on blocks.
///
/// Memory: 8 bytes for each gene of each (context, perturbation).
///
/// @param X      (cells, genes) log1p, read in row blocks once
/// @param cells  the labels of its rows (see make_labels)
/// @return       (perturbations) as the codes of the screen; NaN where no context tells, 0 for the
///               control
/// @throws ShapeError if X has another number of rows than there are labels
template <class S>
requires RowSource<S, float> std::vector<double> effect_sizes(const S& X, const Screen& cells) {
  check_screen(cells);
  check_size_match("effect_sizes", "rows of X", X.rows(), "cells", cells.cells());
  const size_t genes = X.columns(), n_perturbations = cells.perturbation.names.size();
  const auto groups = cell_groups(cells, [](size_t) { return true; });
  std::vector<size_t> group_of(cells.cells());
  for (size_t g = 0; g < groups.size(); ++g)
    for (const size_t cell : groups[g].cells) group_of[cell] = g;
  std::vector<double> sums(groups.size() * genes), squares(groups.size());
  std::vector<std::vector<size_t>> rows(groups.size());  // of the block
  for_each_row_block<float>(X, [&](size_t first, const CsrView<float>& block) {
    for (auto& of_group : rows) of_group.clear();
    for (size_t row = 0; row < block.rows; ++row) rows[group_of[first + row]].push_back(row);
    parallel_for(groups.size(), 1, [&](size_t begin, size_t end) {
      for (size_t g = begin; g < end; ++g)
        for (const size_t row : rows[g]) {
          const auto indices = block.row_indices(row);
          const auto values = block.row_values(row);
          for (size_t k = 0; k < indices.size(); ++k) {
            const double x = values[k];
            sums[g * genes + size_t(indices[k])] += x;
            squares[g] += x * x;
          }
        }
    });
  });
  std::vector<double> noise(groups.size());  // v
  for (size_t g = 0; g < groups.size(); ++g) {
    const double n = double(groups[g].cells.size());
    double mean_squared = 0;
    for (size_t gene = 0; gene < genes; ++gene) {
      double& mean = sums[g * genes + gene];
      mean /= n;
      mean_squared += mean * mean;
    }
    noise[g] = n < 2 ? std::numeric_limits<double>::quiet_NaN()
                     : std::max(0.0, squares[g] - n * mean_squared) / (n - 1) / n;
  }
  std::vector<size_t> control(cells.context.names.size(), groups.size());
  for (size_t g = 0; g < groups.size(); ++g)
    if (groups[g].perturbation == cells.control) control[size_t(groups[g].context)] = g;
  std::vector<double> total(n_perturbations), contexts(n_perturbations);
  for (size_t g = 0; g < groups.size(); ++g) {
    const size_t c = control[size_t(groups[g].context)];
    if (c == groups.size() || std::isnan(noise[g]) || std::isnan(noise[c])) continue;
    double distance = 0;
    for (size_t gene = 0; gene < genes; ++gene) {
      const double shift = sums[g * genes + gene] - sums[c * genes + gene];
      distance += shift * shift;
    }
    const auto p = size_t(groups[g].perturbation);
    total[p] += distance - noise[g] - noise[c];
    ++contexts[p];
  }
  std::vector<double> out(n_perturbations);
  for (size_t p = 0; p < out.size(); ++p)
    out[p] = contexts[p] == 0 ? std::numeric_limits<double>::quiet_NaN()
                              : std::sqrt(std::max(0.0, total[p] / contexts[p]));
  out[size_t(cells.control)] = 0;
  return out;
}

VCELL_END_NAMESPACE
