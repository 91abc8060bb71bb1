#pragma once

#include <string>
#include <vector>

#include "vcell/eval/evaluation_side.hpp"
#include "vcell/eval/expression_groups.hpp"
#include "vcell/eval/labelled_cells.hpp"
#include "vcell/eval/streamed_expression.hpp"
#include "vcell/eval/vcc2025/constant_rows.hpp"
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
/// real ones. The cells are not in memory; their number is that of the real ones.
/// @param real  one side, all of whose cells are of one context; its cells of perturbations are
///              those of the result too, for what reads single cells, which its scores do not
/// @param cell  (genes) see constant_cell
/// @throws ShapeError if sizes do not fit; Stopped
template <class = void>
EvaluationSide constant_baseline(const EvaluationSide& real, const std::vector<float>& cell,
                                 const EvaluationSideOptions& options) {
  EvaluationSide out;
  ExpressionGroups groups;
  groups.targets = real.perturbations();
  groups.rows = real.rows;
  groups.reference = real.control_rows;
  auto tested = options.expression;
  tested.progress = options.progress;
  out.expression =
      streamed_expression(ConstantRows(real.cells, real.rows, cell), real.genes(), groups, tested);
  out.cells = real.cells;
  out.rows = real.rows;
  out.control_rows = real.control_rows;
  out.control = real.control;
  out.mean = Tensor<float, 2>({real.perturbations().size(), cell.size()});
  out.shift = out.mean;
  for (size_t t = 0; t < out.mean.shape(0); ++t)
    for (size_t g = 0; g < cell.size(); ++g) {
      out.mean(t, g) = cell[g];
      out.shift(t, g) = float(double(cell[g]) - real.control(g));
    }
  return out;
}

}  // namespace vcc2025
VCELL_END_NAMESPACE
