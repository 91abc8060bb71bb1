#pragma once

#include <string>
#include <vector>

#include "vcell/eval/differential_expression.hpp"
#include "vcell/eval/labelled_cells.hpp"
#include "vcell/eval/pseudobulk.hpp"

VCELL_BEGIN_NAMESPACE

/// What the perturbations of one context did to its cells.
struct Responses {
  std::string context;                ///< empty when the cells are not divided
  DifferentialExpression expression;  ///< every gene of every perturbation against the control
  Tensor<double, 2> mean;             ///< mean cell of each perturbation, (targets, features)
  Tensor<double, 1> control;          ///< mean control cell, (features)

  /// mean - control, (targets, features).
  Tensor<double, 2> shift() const {
    Tensor<double, 2> out = mean;
    for (size_t t = 0; t < out.shape(0); ++t)
      for (size_t g = 0; g < out.shape(1); ++g) out(t, g) -= control(g);
    return out;
  }
};

struct ResponsesOptions {
  /// The label of unperturbed cells.
  std::string control = "non-targeting";
  /// See DifferentialExpressionOptions; 0 is cell-eval's.
  double epsilon = 0;
};

namespace detail {

template <class = void>
Responses responses_of(CsrView<float> X, const std::vector<std::string>& genes,
                       const Factor& perturbation, std::string context,
                       const ResponsesOptions& options) {
  Responses out;
  out.context = std::move(context);
  out.expression = differential_expression(X, genes, perturbation, options.control,
                                           {.epsilon = options.epsilon});
  const Pseudobulk bulk = pseudobulk(X, perturbation);
  out.mean = Tensor<double, 2>({out.expression.targets.size(), genes.size()});
  out.control = Tensor<double, 1>({genes.size()});
  for (size_t i = 0, t = 0; i < bulk.names.size(); ++i)
    std::copy_n(bulk.mean[i].data, genes.size(),
                bulk.names[i] == options.control ? out.control.data() : out.mean[t++].data);
  return out;
}

}  // namespace detail

/// Measures every perturbation against the control of its own context, context by context in the
/// order of their names; contexts without a labelled cell are left out.
/// @throws ConfigError if a context has no control
template <class = void>
std::vector<Responses> responses(const LabelledCells& cells, const ResponsesOptions& options = {}) {
  std::vector<Responses> out;
  if (!cells.has_contexts()) {
    out.push_back(
        detail::responses_of(cells.X.view(), cells.genes, cells.perturbation, "", options));
    return out;
  }
  std::vector<std::vector<size_t>> rows(cells.context.names.size());
  for (size_t cell = 0; cell < cells.X.rows; ++cell)
    if (cells.context.codes[cell] >= 0 && cells.perturbation.codes[cell] >= 0)
      rows[size_t(cells.context.codes[cell])].push_back(cell);
  for (size_t c = 0; c < rows.size(); ++c) {
    if (rows[c].empty()) continue;
    Factor perturbation;
    perturbation.names = cells.perturbation.names;
    for (size_t cell : rows[c]) perturbation.codes.push_back(cells.perturbation.codes[cell]);
    out.push_back(detail::responses_of(select_rows(cells.X, rows[c]).view(), cells.genes,
                                       perturbation, cells.context.names[c], options));
  }
  return out;
}

VCELL_END_NAMESPACE
