#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vcell/eval/expression_preset.hpp"
#include "vcell/eval/measured_expression.hpp"
#include "vcell/eval/vcc2026/pseudobulk.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

/// One side of a comparison by the rules of 2026, measured once for all metrics: counts of
/// perturbations against those of control cells.
struct CountSide {
  Pseudobulk bulk;              ///< of the perturbations, (targets, genes)
  std::vector<double> control;  ///< pseudobulk of the control cells, (genes)
  double control_variance = 0;  ///< of it
  /// Perturbations against the control, by the preset vcc2026; without the genes that the control
  /// hardly expresses.
  ExpressionTable expression;

  const std::vector<std::string>& targets() const { return expression.targets(); }
  const std::vector<std::string>& genes() const { return expression.features(); }
};

struct CountSideOptions {
  /// How much of the table of differential expression is in memory.
  ExpressionMemory memory = {};
  /// Watches, and may stop.
  Progress progress = {};
};

/// @param X       (cells, genes) counts
/// @param totals  (cells) see cell_totals
/// @param groups  rows of X
/// @throws ShapeError if sizes do not fit; ConfigError as measured_expression; Stopped
template <class = void>
CountSide count_side(std::shared_ptr<const CsrMatrix<float>> X, std::vector<std::string> genes,
                     ExpressionGroups groups, std::span<const double> totals,
                     const CountSideOptions& options = {}) {
  CountSide out;
  auto sets = groups.rows;
  sets.push_back(groups.reference);
  auto bulk = pseudobulk(X->view(), sets, totals, options.progress);
  const size_t n = groups.targets.size();
  out.control.assign(bulk.values[n].data, bulk.values[n].data + genes.size());
  out.control_variance = bulk.variance[n];
  out.bulk.values = Tensor<double, 2>({n, genes.size()});
  std::copy_n(bulk.values.data(), n * genes.size(), out.bulk.values.data());
  out.bulk.variance.assign(bulk.variance.begin(), bulk.variance.end() - 1);
  auto tested = expression_preset("vcc2026");
  tested.progress = options.progress;
  out.expression = measured_expression(std::move(X), std::move(genes), std::move(groups), tested,
                                       options.memory);
  return out;
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
