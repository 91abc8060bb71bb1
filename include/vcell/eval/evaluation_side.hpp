#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/labelled_cells.hpp"
#include "vcell/eval/mean_cells.hpp"
#include "vcell/eval/mean_distances.hpp"
#include "vcell/eval/measured_expression.hpp"

VCELL_BEGIN_NAMESPACE

/// One side of a comparison in one context, measured once for all metrics: what the perturbations
/// did to its cells, against its own control cells.
class EvaluationSide {
 public:
  std::string context;         ///< empty when the cells are not divided
  ExpressionTable expression;  ///< every gene of every perturbation against the control
  Tensor<double, 2> mean;      ///< mean cell of each perturbation, (targets, features)
  Tensor<double, 1> control;   ///< mean control cell, (features)
  Tensor<double, 2> shift;     ///< mean - control, (targets, features)
  /// The cells of the whole side, which its contexts share, and which of them are each target's.
  std::shared_ptr<const CsrMatrix<float>> cells;
  std::vector<std::vector<size_t>> rows;  ///< (targets), of cells
  std::vector<size_t> control_rows;       ///< of cells

  const std::vector<std::string>& perturbations() const { return expression.targets(); }
  const std::vector<std::string>& genes() const { return expression.features(); }

  /// The cells of each perturbation, borrowed from here.
  template <class = void>
  std::vector<CellSet> sets() const {
    std::vector<CellSet> out;
    for (const auto& of_target : rows) out.push_back({cells->view(), of_target});
    return out;
  }

  /// mean_distances_within of each perturbation, (targets). Measured by the first call, which no
  /// other thread may make at the same time.
  template <class = void>
  const std::vector<double>& within(const Progress& progress = {}) const {
    if (within_.size() != rows.size()) within_ = mean_distances_within(sets(), progress);
    return within_;
  }

 private:
  mutable std::vector<double> within_;
};

namespace detail {

template <class T>
Tensor<T, 2> rows_of(const Tensor<T, 2>& table, std::span<const size_t> rows) {
  Tensor<T, 2> out({rows.size(), table.shape(1)});
  for (size_t i = 0; i < rows.size(); ++i)
    std::copy_n(table[rows[i]].data, table.shape(1), out[i].data);
  return out;
}

}  // namespace detail

/// The same side with some of its perturbations alone: what was measured of one does not depend on
/// the others.
/// @param targets   places in perturbations(), ascending
/// @param progress  of measuring again what the side does not keep
/// @throws ShapeError if one is no place; Stopped
template <class = void>
EvaluationSide select_perturbations(const EvaluationSide& side, std::span<const size_t> targets,
                                    const Progress& progress = {}) {
  for (const size_t t : targets)
    check_index("select_perturbations", "target", t, side.perturbations().size());
  EvaluationSide out;
  out.context = side.context;
  out.expression = side.expression.select(targets, progress);
  out.control = side.control;
  out.cells = side.cells;
  out.control_rows = side.control_rows;
  for (const size_t t : targets) out.rows.push_back(side.rows[t]);
  out.mean = detail::rows_of(side.mean, targets);
  out.shift = detail::rows_of(side.shift, targets);
  return out;
}

/// The sides of the contexts and perturbations that a prediction has, out of what was observed.
/// @param progress  as that of select_perturbations
/// @throws ConfigError if the prediction has one that was not observed; Stopped
template <class = void>
std::vector<EvaluationSide> select_like(const std::vector<EvaluationSide>& observed,
                                        const std::vector<EvaluationSide>& predicted,
                                        const Progress& progress = {}) {
  std::vector<EvaluationSide> out;
  for (const EvaluationSide& like : predicted) {
    const auto side = std::find_if(observed.begin(), observed.end(), [&](const EvaluationSide& s) {
      return s.context == like.context;
    });
    if (side == observed.end())
      throw ConfigError(
          message("select_like: no cell was observed in context ", quoted(like.context)));
    std::vector<size_t> targets;
    const auto& names = side->perturbations();
    for (const std::string& name : like.perturbations()) {
      const auto found = std::lower_bound(names.begin(), names.end(), name);
      if (found == names.end() || *found != name)
        throw ConfigError(message("select_like: no cell of ", quoted(name),
                                  " was observed in context ", quoted(like.context)));
      targets.push_back(size_t(found - names.begin()));
    }
    out.push_back(targets.size() == names.size() ? *side
                                                 : select_perturbations(*side, targets, progress));
  }
  return out;
}

struct EvaluationSideOptions {
  /// The label of unperturbed cells.
  std::string control = "non-targeting";
  /// How the perturbations are tested (its progress is that of these options); epsilon 0 is
  /// cell-eval's.
  DifferentialExpressionOptions expression = {.epsilon = 0};
  /// How much of the tables of differential expression is in memory.
  ExpressionMemory memory = {};
  /// Watches, and may stop.
  Progress progress = {};
};

namespace detail {

/// @param cells  of the whole side
template <class = void>
EvaluationSide side_of(std::shared_ptr<const CsrMatrix<float>> cells,
                       const std::vector<std::string>& genes, ExpressionGroups groups,
                       std::string context, const EvaluationSideOptions& options) {
  EvaluationSide out;
  out.context = std::move(context);
  out.rows = groups.rows;
  out.control_rows = groups.reference;
  auto tested = options.expression;
  tested.progress = options.progress;
  out.expression =
      measured_expression(cells, genes, std::move(groups), std::move(tested), options.memory);
  out.mean = mean_cells(cells->view(), out.rows);
  out.control = Tensor<double, 1>({genes.size()});
  const auto control = mean_cells(cells->view(), {out.control_rows});
  std::copy_n(control.data(), genes.size(), out.control.data());
  out.shift = out.mean;
  for (size_t t = 0; t < out.rows.size(); ++t)
    for (size_t g = 0; g < genes.size(); ++g) out.shift(t, g) -= out.control(g);
  out.cells = std::move(cells);
  return out;
}

}  // namespace detail

/// Measures every perturbation against the control of its own context, context by context in the
/// order of their names; contexts without a labelled cell are left out.
/// @param cells  by value: move it in where it is not needed any more, its matrix is kept
/// @throws ShapeError if sizes do not fit; ConfigError if a context has no control, or a value of a
///         labelled cell is not finite; Stopped
template <class = void>
std::vector<EvaluationSide> evaluation_sides(LabelledCells cells,
                                             const EvaluationSideOptions& options = {}) {
  const auto all = std::make_shared<const CsrMatrix<float>>(std::move(cells.X));
  std::vector<EvaluationSide> out;
  if (!cells.has_contexts()) {
    const auto rows = detail::places(all->rows);
    out.push_back(detail::side_of(all, cells.genes,
                                  expression_groups(cells.perturbation, options.control, rows), "",
                                  options));
    return out;
  }
  std::vector<std::vector<size_t>> rows(cells.context.names.size());
  for (size_t cell = 0; cell < all->rows; ++cell)
    if (cells.context.codes[cell] >= 0 && cells.perturbation.codes[cell] >= 0)
      rows[size_t(cells.context.codes[cell])].push_back(cell);
  for (size_t c = 0; c < rows.size(); ++c) {
    if (rows[c].empty()) continue;
    Factor perturbation;
    perturbation.names = cells.perturbation.names;
    for (size_t cell : rows[c]) perturbation.codes.push_back(cells.perturbation.codes[cell]);
    out.push_back(detail::side_of(all, cells.genes,
                                  expression_groups(perturbation, options.control, rows[c]),
                                  cells.context.names[c], options));
  }
  return out;
}

VCELL_INSTANTIATE(pipeline,
                  std::vector<EvaluationSide> evaluation_sides<void>(LabelledCells,
                                                                     const EvaluationSideOptions&));

VCELL_END_NAMESPACE
