#pragma once

#include <span>
#include <utility>
#include <vector>

#include "vcell/core/numpy_random.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/models/response_scale.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// The cells of the mean-response baseline.
struct MeanResponseCells {
  ResponseScale response;
  std::vector<double> control_mean;   ///< (genes) mean counts of control cells
  std::vector<size_t> cells;          ///< (n) perturbed cells, by their labels, then rows
  std::vector<size_t> control_cells;  ///< (n) the row of the control cell that each is made from
  CsrMatrix<float> counts;            ///< (n, genes), fractions among them
};

/// The mean-response baseline of the Virtual Cell Challenge of 2026 for one context: for every
/// perturbed cell a control cell whose counts are multiplied by the mean response (response_scale),
/// in double, and rounded to float. Control cells are drawn with replacement, label by label in the
/// order of their names, by NumpyRandom(seed).integers, as cell-eval2 draws them.
///
/// @param X            (cells, genes) counts
/// @param perturbation (cells) labels; cells without one take no part
/// @param control      code of the control
/// @param own_columns  (names of perturbation) column of its own gene, -1 where it is none
/// @param rows         of the context, ascending
/// @param progress     told of perturbations, and may stop
/// @throws ShapeError if sizes do not fit; ConfigError if there is no control cell, or no other;
///         Stopped
template <class = void>
MeanResponseCells mean_response_cells(CsrView<float> X, const Factor& perturbation, int32_t control,
                                      std::span<const int32_t> own_columns,
                                      std::span<const size_t> rows, uint64_t seed = 0,
                                      const Progress& progress = {}) {
  const size_t genes = X.columns;
  check_size_match("mean_response_cells", "labels", perturbation.size(), "rows of X", X.rows);
  check_size_match("mean_response_cells", "own_columns", own_columns.size(), "perturbations",
                   perturbation.names.size());
  check_index("mean_response_cells", "control", control, perturbation.names.size());
  std::vector<std::vector<size_t>> of_label(perturbation.names.size());
  for (const size_t row : rows) {
    check_index("mean_response_cells", "row", row, X.rows);
    if (perturbation.codes[row] >= 0) of_label[size_t(perturbation.codes[row])].push_back(row);
  }
  const std::vector<size_t> controls = std::move(of_label[size_t(control)]);
  of_label[size_t(control)].clear();
  std::vector<size_t> labels;
  std::vector<int32_t> own;
  for (size_t label = 0; label < of_label.size(); ++label)
    if (!of_label[label].empty()) labels.push_back(label), own.push_back(own_columns[label]);
  if (controls.empty() || labels.empty())
    throw ConfigError(message("mean_response_cells: no cell is ",
                              controls.empty() ? "labelled " : "perturbed, expected others beside ",
                              quoted(perturbation.names[size_t(control)]), ", the control"));

  const auto add_mean = [&](const std::vector<size_t>& cells, double* mean) {
    for (const size_t cell : cells) {
      const auto columns = X.row_indices(cell);
      const auto values = X.row_values(cell);
      for (size_t k = 0; k < columns.size(); ++k) mean[columns[k]] += double(values[k]);
    }
    for (size_t g = 0; g < genes; ++g) mean[g] /= double(cells.size());
  };
  MeanResponseCells out;
  Tensor<double, 2> means({labels.size(), genes});
  const auto tell = [&](size_t done) {
    report(progress, {"mean response", done, 2 * labels.size(), {}});
  };
  for (size_t p = 0; p < labels.size(); ++p) {
    tell(p);
    add_mean(of_label[labels[p]], means[p].data);
  }
  out.control_mean.assign(genes, 0.0);
  add_mean(controls, out.control_mean.data());
  out.response = response_scale(std::as_const(means).view(), out.control_mean, own);

  NumpyRandom rng(seed);
  out.counts.columns = genes;
  for (size_t p = 0; p < labels.size(); ++p) {
    const size_t label = labels[p];
    tell(labels.size() + p);
    const auto drawn = rng.integers(0, int64_t(controls.size()), of_label[label].size());
    for (size_t i = 0; i < drawn.size(); ++i) {
      const size_t from = controls[size_t(drawn[i])];
      out.cells.push_back(of_label[label][i]);
      out.control_cells.push_back(from);
      const auto columns = X.row_indices(from);
      const auto values = X.row_values(from);
      for (size_t k = 0; k < columns.size(); ++k) {
        const auto value = float(out.response.scale[size_t(columns[k])] * double(values[k]));
        if (value == 0) continue;
        out.counts.indices.push_back(columns[k]);
        out.counts.values.push_back(value);
      }
      out.counts.end_row();
    }
  }
  return out;
}

VCELL_END_NAMESPACE
