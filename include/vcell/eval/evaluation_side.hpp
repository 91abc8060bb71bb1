#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/edistance.hpp"
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
  Tensor<float, 2> mean;       ///< mean cell of each perturbation, (targets, features)
  Tensor<double, 1> control;   ///< mean control cell, (features)
  Tensor<float, 2> shift;      ///< mean - control, (targets, features)
  /// The cells of the whole side, which its contexts share, and which of them are each target's.
  std::shared_ptr<const CsrMatrix<float>> cells;
  std::vector<std::vector<size_t>> rows;  ///< (targets), of cells
  std::vector<size_t> control_rows;       ///< of cells
  Scale scale = Scale::log1p;             ///< of the cells
  /// What else the cells of the whole side have, (cells, dimensions), where they have it.
  std::shared_ptr<const Tensor<float, 2>> embedding;
  Tensor<float, 2> embedding_shift;  ///< shift in it, (targets, dimensions)

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

  /// The energy distance of each perturbation's cells x to the control's y, (targets), whose means
  /// are over all pairs of cells, those of a cell with itself among them:
  ///
  ///   2 E|x - y| - E|x - x'| - E|y - y'|
  ///
  /// Measured by the first call, as within().
  template <class = void>
  const std::vector<double>& from_control(const Progress& progress = {}) const;

 private:
  mutable std::vector<double> within_, from_control_;
};

template <class>
const std::vector<double>& EvaluationSide::from_control(const Progress& progress) const {
  if (from_control_.size() == rows.size()) return from_control_;
  const std::vector<CellSet> of_control(1, {cells->view(), control_rows});
  const auto between =
      mean_distances(sets(), std::vector<CellSet>(rows.size(), of_control[0]), progress);
  const auto& of_targets = within(progress);
  const auto within_control = mean_distances_within(of_control, progress);
  // Over n^2 pairs where within() has n (n - 1).
  const auto over_all = [](double x, size_t n) { return x * double(n - 1) / double(n); };
  std::vector<double> out;
  for (size_t t = 0; t < rows.size(); ++t)
    out.push_back(edistance(between[t], over_all(of_targets[t], rows[t].size()),
                            over_all(within_control[0], control_rows.size())));
  from_control_ = std::move(out);
  return from_control_;
}

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
  out.scale = side.scale;
  out.embedding = side.embedding;
  if (side.embedding) out.embedding_shift = detail::rows_of(side.embedding_shift, targets);
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

/// The same side with a finished table in place of one that is measured.
/// @param table  of the same perturbations and genes, in their order
/// @throws ConfigError saying what differs
template <class = void>
EvaluationSide with_expression(EvaluationSide side, ExpressionTable table) {
  const auto check = [&](const char* what, const std::vector<std::string>& of_cells,
                         const std::vector<std::string>& of_table) {
    if (of_cells == of_table) return;
    const auto only = [](std::vector<std::string> a, std::vector<std::string> b) {
      std::sort(a.begin(), a.end());
      std::sort(b.begin(), b.end());
      std::vector<std::string> out;
      std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
      return out.empty() ? std::string("none") : list_of(out);
    };
    throw ConfigError(
        message("with_expression: the table and the cells have different ", what,
                " or another order of them; only in the table: ", only(of_table, of_cells),
                "; only in the cells: ", only(of_cells, of_table)));
  };
  check("perturbations", side.perturbations(), table.targets());
  check("genes", side.genes(), table.features());
  side.expression = std::move(table);
  return side;
}

struct EvaluationSideOptions {
  /// The label of unperturbed cells.
  std::string control = "non-targeting";
  /// How the perturbations are tested (its progress is that of these options, is_log1p is not
  /// that of counts); epsilon 0 is cell-eval's.
  DifferentialExpressionOptions expression = {.epsilon = 0};
  /// How much of the tables of differential expression is in memory.
  ExpressionMemory memory = {};
  /// Watches, and may stop.
  Progress progress = {};
};

namespace detail {

/// The cells of a whole side, which all that is measured of them shares.
struct SideCells {
  std::shared_ptr<const CsrMatrix<float>> X;
  std::vector<std::string> genes;
  std::shared_ptr<const Tensor<float, 2>> embedding = {};  // null where they have none
  Scale scale = Scale::log1p;                              // of X
};

template <class = void>
SideCells cells_of(const EvaluationSide& side) {
  return {side.cells, side.genes(), side.embedding, side.scale};
}

/// The mean of some rows less that of others, set by set.
template <class = void>
Tensor<float, 2> embedding_shift(const Tensor<float, 2>& embedding,
                                 const std::vector<std::vector<size_t>>& sets,
                                 std::span<const size_t> reference) {
  const size_t dimensions = embedding.shape(1);
  const auto mean = [&](std::span<const size_t> rows) {
    std::vector<double> out(dimensions, 0.0);
    for (const size_t row : rows)
      for (size_t d = 0; d < dimensions; ++d) out[d] += double(embedding(row, d));
    for (double& x : out) x /= double(rows.size());
    return out;
  };
  const auto control = mean(reference);
  Tensor<float, 2> out({sets.size(), dimensions});
  for (size_t s = 0; s < sets.size(); ++s) {
    const auto of_set = mean(sets[s]);
    for (size_t d = 0; d < dimensions; ++d) out(s, d) = float(of_set[d] - control[d]);
  }
  return out;
}

/// How cells of a scale are tested.
template <class = void>
DifferentialExpressionOptions tested(const EvaluationSideOptions& options, Scale scale) {
  auto out = options.expression;
  out.progress = options.progress;
  if (scale == Scale::counts) out.is_log1p = false;
  return out;
}

template <class = void>
EvaluationSide side_of(const SideCells& side, ExpressionGroups groups, std::string context,
                       const EvaluationSideOptions& options) {
  const auto& [cells, genes, embedding, scale] = side;
  EvaluationSide out;
  out.context = std::move(context);
  out.rows = groups.rows;
  out.control_rows = groups.reference;
  out.expression =
      measured_expression(cells, genes, std::move(groups), tested(options, scale), options.memory);
  const auto control = mean_cells(cells->view(), {out.control_rows});
  out.control = Tensor<double, 1>({genes.size()}, control.values());
  out.mean = Tensor<float, 2>({out.rows.size(), genes.size()});
  out.shift = out.mean;
  for_each_mean_cell(cells->view(), out.rows, [&out](size_t t, std::span<const double> mean) {
    for (size_t g = 0; g < mean.size(); ++g) {
      out.mean(t, g) = float(mean[g]);
      out.shift(t, g) = float(mean[g] - out.control(g));
    }
  });
  out.embedding = embedding;
  if (embedding) out.embedding_shift = embedding_shift(*embedding, out.rows, out.control_rows);
  out.scale = scale;
  out.cells = cells;
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
  detail::SideCells all{std::make_shared<const CsrMatrix<float>>(std::move(cells.X)),
                        std::move(cells.genes),
                        {},
                        cells.scale};
  if (cells.embedding.count())
    all.embedding = std::make_shared<const Tensor<float, 2>>(std::move(cells.embedding));
  std::vector<EvaluationSide> out;
  if (!cells.has_contexts()) {
    const auto rows = detail::places(all.X->rows);
    out.push_back(detail::side_of(all, expression_groups(cells.perturbation, options.control, rows),
                                  "", options));
    return out;
  }
  std::vector<std::vector<size_t>> rows(cells.context.names.size());
  for (size_t cell = 0; cell < all.X->rows; ++cell)
    if (cells.context.codes[cell] >= 0 && cells.perturbation.codes[cell] >= 0)
      rows[size_t(cells.context.codes[cell])].push_back(cell);
  for (size_t c = 0; c < rows.size(); ++c) {
    if (rows[c].empty()) continue;
    Factor perturbation;
    perturbation.names = cells.perturbation.names;
    for (size_t cell : rows[c]) perturbation.codes.push_back(cells.perturbation.codes[cell]);
    out.push_back(detail::side_of(all, expression_groups(perturbation, options.control, rows[c]),
                                  cells.context.names[c], options));
  }
  return out;
}

VCELL_INSTANTIATE(pipeline,
                  std::vector<EvaluationSide> evaluation_sides<void>(LabelledCells,
                                                                     const EvaluationSideOptions&));

VCELL_END_NAMESPACE
