// Random sparse cells, and rank sums by counting all pairs.
#pragma once

#include <string>
#include <vector>

#include "vcell/core/rng.hpp"
#include "vcell/eval/labelled_cells.hpp"

namespace vcell_test {

using namespace vcell;

/// U of x by its definition: pairs in which x is larger, equal ones counted by half.
inline double u_by_pairs(const std::vector<float>& x, const std::vector<float>& y) {
  double u = 0;
  for (float a : x)
    for (float b : y) u += a > b ? 1 : a == b ? 0.5 : 0;
  return u;
}

/// Sum over the blocks of t equal values of t^3 - t, by counting for each value its equals.
inline double ties_by_pairs(std::vector<float> x, const std::vector<float>& y) {
  x.insert(x.end(), y.begin(), y.end());
  double ties = 0;
  for (float a : x) {
    double t = 0;
    for (float b : x) t += a == b;
    ties += t * t - 1;  // t values of the block add (t^3 - t) / t each
  }
  return ties;
}

/// Cells whose values are 0 with probability 1 - density, else one of `levels` values (0: any).
inline CsrMatrix<float> random_cells(size_t cells, size_t genes, double density, size_t levels,
                                     uint64_t seed) {
  Rng rng(seed);
  CsrMatrix<float> X;
  X.columns = genes;
  for (size_t i = 0; i < cells; ++i) {
    for (size_t j = 0; j < genes; ++j) {
      const double u = rng.uniform(), v = rng.uniform();
      if (u >= density) continue;
      X.indices.push_back(int32_t(j));
      X.values.push_back(float(levels ? 0.3 * double(1 + size_t(v * double(levels))) : 4 * v));
    }
    X.end_row();
  }
  return X;
}

inline std::vector<std::string> numbered(const std::string& name, size_t n) {
  std::vector<std::string> out;
  for (size_t i = 0; i < n; ++i) out.push_back(name + std::to_string(i));
  return out;
}

/// Labels by turns: cell i gets names[i % names.size()].
inline Factor by_turns(const std::vector<std::string>& names, size_t cells) {
  std::vector<std::string> text;
  for (size_t i = 0; i < cells; ++i) text.push_back(names[i % names.size()]);
  return factor(text);
}

/// The values of one gene in the cells of one group.
inline std::vector<float> values_of(const CsrMatrix<float>& X, const Factor& groups,
                                    const std::string& name, size_t gene) {
  std::vector<float> out;
  for (size_t i = 0; i < X.rows; ++i) {
    if (groups.codes[i] < 0 || groups.names[size_t(groups.codes[i])] != name) continue;
    float value = 0;
    for (size_t k = 0; k < X.row_size(i); ++k)
      if (size_t(X.row_indices(i)[k]) == gene) value = X.row_values(i)[k];
    out.push_back(value);
  }
  return out;
}

}  // namespace vcell_test
