#pragma once

#include <string>
#include <vector>

#include "vcell/eval/differential_expression.hpp"
#include "vcell/eval/expression_groups.hpp"
#include "vcell/eval/labelled_cells.hpp"
#include "vcell/models/mean_of_means.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2025 {

/// The cell of the baseline of 2025: the mean over perturbations, the control among them, of their
/// mean cells, (genes) in float32.
/// @throws ConfigError if no cell is labelled as the control
template <class = void>
std::vector<float> constant_cell(const LabelledCells& cells, const std::string& control) {
  auto groups = expression_groups(cells.perturbation, control, detail::places(cells.X.rows));
  groups.rows.push_back(std::move(groups.reference));
  const auto means = mean_of_means(cells.X.view(), groups.rows);
  return {means.begin(), means.end()};
}

/// The baseline of 2025: every cell of a perturbation is the same one, and control cells are the
/// real ones.
/// @param cell  (genes) see constant_cell
template <class = void>
LabelledCells constant_baseline(const LabelledCells& real, const std::vector<float>& cell,
                                const std::string& control) {
  check_size_match("constant_baseline", "values of the cell", cell.size(), "genes",
                   real.genes.size());
  LabelledCells out;
  out.genes = real.genes;
  out.perturbation = real.perturbation;
  out.target_sum = real.target_sum;
  out.X.columns = real.X.columns;
  CsrMatrix<float> constant;
  constant.columns = real.X.columns;
  for (size_t g = 0; g < cell.size(); ++g)
    if (cell[g] != 0) {
      constant.indices.push_back(int32_t(g));
      constant.values.push_back(cell[g]);
    }
  constant.end_row();
  const int32_t kept = real.perturbation.code(control);
  for (size_t row = 0; row < real.X.rows; ++row) {
    const int32_t label = real.perturbation.codes[row];
    if (label >= 0 && label != kept)
      out.X.append(constant.view());
    else
      out.X.append(real.X.view(row, row + 1));
  }
  return out;
}

}  // namespace vcc2025
VCELL_END_NAMESPACE
