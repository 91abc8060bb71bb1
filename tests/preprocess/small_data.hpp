// Small matrices for the tests of this room.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/parallel_for.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/data/anndata.hpp"

namespace vcell_test {

template <class T = float>
vcell::DenseMatrix<T> dense(size_t columns, std::vector<T> values) {
  return {columns ? values.size() / columns : 0, columns, std::move(values)};
}

/// Cells c0, c1, ... and genes g0, g1, ... around a matrix.
inline vcell::AnnData around(vcell::Matrix X) {
  vcell::AnnData out;
  for (size_t i = 0; i < X.rows(); ++i) out.obs.index.push_back("c" + std::to_string(i));
  for (size_t j = 0; j < X.columns(); ++j) out.var.index.push_back("g" + std::to_string(j));
  out.X = std::move(X);
  return out;
}

/// Whole numbers, most of them 0; gene j is expressed the more the greater j is.
inline vcell::CsrMatrix<float> random_counts(size_t cells, size_t genes, uint64_t seed) {
  vcell::CsrMatrix<float> out;
  out.columns = genes;
  vcell::Rng rng(seed);
  for (size_t i = 0; i < cells; ++i) {
    for (size_t j = 0; j < genes; ++j) {
      const double x = -std::log(1 - rng.uniform()) * (1 + 4 * double(j) / double(genes)) - 0.5;
      if (x < 1) continue;
      out.indices.push_back(int32_t(j));
      out.values.push_back(std::floor(float(x)));
    }
    out.end_row();
  }
  return out;
}

/// The rows of m where `cells` is not 0.
inline vcell::Matrix chosen_rows(const vcell::Matrix& m, const std::vector<uint8_t>& cells) {
  std::vector<size_t> rows;
  for (size_t i = 0; i < cells.size(); ++i)
    if (cells[i]) rows.push_back(i);
  return select_rows(m, rows);
}

/// One entry per cell: about a third of them 0, and long runs of nothing but 0 and nothing but 1.
inline std::vector<uint8_t> random_choice(size_t cells, uint64_t seed) {
  std::vector<uint8_t> out(cells);
  vcell::Rng rng(seed);
  for (size_t i = 0; i < cells; ++i) {
    const size_t run = i / 3000;
    out[i] = uint8_t(run % 4 == 1 ? 0 : run % 4 == 2 ? 1 : 2 * (rng.uniform() < 0.7));
  }
  return out;
}

/// The result of f on 1 and on 3 threads.
template <class F>
auto on_one_and_three_threads(F f) {
  const int before = vcell::num_threads();
  vcell::set_num_threads(1);
  auto one = f();
  vcell::set_num_threads(3);
  auto three = f();
  vcell::set_num_threads(before);
  return std::pair(std::move(one), std::move(three));
}

}  // namespace vcell_test
