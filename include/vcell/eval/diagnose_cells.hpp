#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/eval/evaluation_side.hpp"

VCELL_BEGIN_NAMESPACE

/// What the cells of both sides of a context tell of files that do not belong together. Figures
/// that cannot be told are NaN.
struct CellDiagnosis {
  static constexpr size_t most_controls = 1000, most_cells = 4096, most_perturbations = 24;
  size_t real_controls = 0, predicted_controls = 0;  ///< cells
  /// How far the mean predicted control cell is from the mean real one, as a multiple of what two
  /// samples of one population would be apart: sum_g (a_g - b_g)^2 / sum_g v_g (1/n + 1/m), with
  /// the variance v of the real ones. 0: the same cells; about 1: other cells of the same kind.
  double control_distance = 0;
  /// Cells with two values or more, all of them whole numbers, which log1p values are not.
  size_t whole_real = 0, whole_predicted = 0;
  size_t cells_real = 0, cells_predicted = 0;  ///< controls counted
  /// Median over cells of sum expm1(x): real controls, real perturbed cells, then the predicted.
  std::array<double, 4> total{};
  /// Share of predicted cells whose total is that of a real cell of their perturbation: of those
  /// with as many predicted cells as real ones, sorted, the cells at the same place with totals
  /// that are equal to 1e-6. NaN where real totals do not vary by 2 %, as where cells were
  /// normalised to one total.
  double equal_totals = 0;
};

namespace detail {

/// sum expm1(x) of cells of a side, of counts sum x.
template <class = void>
std::vector<double> linear_totals(const EvaluationSide& side, std::span<const size_t> rows) {
  std::vector<double> out(rows.size(), 0.0);
  parallel_for(rows.size(), 256, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i)
      for (const float x : side.cells->row_values(rows[i]))
        out[i] += side.scale == Scale::counts ? double(x) : std::expm1(double(x));
  });
  return out;
}

/// At most so many of them, evenly spaced.
template <class = void>
std::vector<size_t> evenly(std::span<const size_t> from, size_t most) {
  const size_t n = std::min(from.size(), most);
  std::vector<size_t> out;
  for (size_t i = 0; i < n; ++i) out.push_back(from[i * from.size() / n]);
  return out;
}

template <class = void>
double median_of(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Whether a cell has two values above 0 or more and all are whole numbers.
template <class = void>
bool is_whole(const CsrMatrix<float>& cells, size_t row) {
  size_t values = 0;
  for (const float x : cells.row_values(row)) {
    if (x != std::floor(x)) return false;
    values += x > 0;
  }
  return values >= 2;
}

template <class = void>
double control_distance(const EvaluationSide& real, const EvaluationSide& predicted) {
  const size_t genes = real.genes().size();
  if (real.cells->columns != genes)  // a side of some of the genes (select_genes)
    return std::numeric_limits<double>::quiet_NaN();
  const double n = double(real.control_rows.size()), m = double(predicted.control_rows.size());
  const auto some = evenly(real.control_rows, CellDiagnosis::most_controls);
  std::vector<double> sum(genes, 0.0), squares(genes, 0.0);
  for (const size_t row : some) {
    const auto columns = real.cells->row_indices(row);
    const auto values = real.cells->row_values(row);
    for (size_t k = 0; k < columns.size(); ++k) {
      sum[size_t(columns[k])] += double(values[k]);
      squares[size_t(columns[k])] += double(values[k]) * double(values[k]);
    }
  }
  double apart = 0, expected = 0;
  for (size_t g = 0; g < genes; ++g) {
    const double difference = predicted.control(g) - real.control(g),
                 mean = sum[g] / double(some.size());
    apart += difference * difference;
    expected += std::max(0.0, squares[g] / double(some.size()) - mean * mean) * (1 / n + 1 / m);
  }
  return expected > 0 ? apart / expected : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace detail

/// Looks at the cells of both sides of one context, which have the same perturbations and genes.
/// Totals and variances are of at most most_controls control cells and of the cells of at most
/// most_perturbations perturbations, evenly spaced, with most_cells cells together.
template <class = void>
CellDiagnosis diagnose_cells(const EvaluationSide& real, const EvaluationSide& predicted) {
  CellDiagnosis out;
  out.real_controls = real.control_rows.size();
  out.predicted_controls = predicted.control_rows.size();
  out.control_distance = detail::control_distance(real, predicted);
  std::vector<size_t> all_targets(real.rows.size()), targets;
  std::iota(all_targets.begin(), all_targets.end(), size_t(0));
  size_t looked_at = 0;
  for (const size_t t : detail::evenly(all_targets, CellDiagnosis::most_perturbations)) {
    looked_at += std::max(real.rows[t].size(), predicted.rows[t].size());
    if (!targets.empty() && looked_at > CellDiagnosis::most_cells) break;
    targets.push_back(t);
  }
  std::vector<std::vector<double>> totals[2];  // of real and predicted cells, sorted
  for (const size_t i : {0, 1}) {
    const EvaluationSide& side = i ? predicted : real;
    auto& cells = i ? out.cells_predicted : out.cells_real;
    auto& whole = i ? out.whole_predicted : out.whole_real;
    const auto count = [&](std::span<const size_t> rows) {
      cells += rows.size();
      if (side.scale == Scale::counts) return;
      for (const size_t row : rows) whole += detail::is_whole(*side.cells, row);
    };
    count(side.control_rows);
    for (const auto& rows : side.rows) count(rows);
    const auto controls = detail::evenly(side.control_rows, CellDiagnosis::most_controls);
    out.total[2 * i] = detail::median_of(detail::linear_totals(side, controls));
    std::vector<double> all;
    for (const size_t t : targets) {
      totals[i].push_back(detail::linear_totals(side, side.rows[t]));
      std::sort(totals[i].back().begin(), totals[i].back().end());
      all.insert(all.end(), totals[i].back().begin(), totals[i].back().end());
    }
    out.total[2 * i + 1] = detail::median_of(std::move(all));
  }
  size_t compared = 0, equal = 0;
  for (size_t k = 0; k < targets.size(); ++k) {
    const auto& observed = totals[0][k];
    if (observed.size() != totals[1][k].size() || observed.empty() ||
        !(observed.back() - observed.front() > 0.02 * observed.front()))
      continue;
    compared += observed.size();
    for (size_t i = 0; i < observed.size(); ++i)
      equal += std::abs(totals[1][k][i] - observed[i]) <= 1e-6 * observed[i];
  }
  out.equal_totals =
      compared ? double(equal) / double(compared) : std::numeric_limits<double>::quiet_NaN();
  return out;
}

struct CellWarningOptions {
  double control_distance = 4;  ///< of CellDiagnosis, above which controls are said to be others
  double control_share = 0.45;  ///< of the real controls, below which some are said to be missing
  double total_factor = 5;      ///< how many times totals may differ within and between the sides
  double equal_totals = 0.5;    ///< share from which totals are said to leak
};

/// What a reader should know of the cells that were compared, a sentence with its figures each;
/// empty when there is nothing to say.
template <class = void>
std::vector<std::string> cell_warnings(const CellDiagnosis& found, const std::string& context = "",
                                       const CellWarningOptions& options = {}) {
  std::vector<std::string> out;
  const std::string where = context.empty() ? "" : message(" in ", quoted(context));
  const auto rounded = [](double x) { return std::round(x * 100) / 100 + 0.0; };
  if (found.control_distance > options.control_distance)
    out.push_back(message("Edited controls", where, ": the control cells of the prediction are ",
                          "not the real ones; their mean is ", rounded(found.control_distance),
                          " times as far from the real one (squared) as other cells of the same ",
                          "kind would be, and every predicted shift is measured from there."));
  if (double(found.predicted_controls) < options.control_share * double(found.real_controls))
    out.push_back(message("Missing controls", where, ": the prediction has ",
                          found.predicted_controls, " control cells, the real side ",
                          found.real_controls, "; give it the real ones."));
  const auto whole = [&](const char* side, size_t cells, size_t of) {
    if (cells)
      out.push_back(message("Mixed scales", where, ": ", cells, " of ", of, " ", side,
                            " cells hold whole numbers only, as counts do, among log1p values."));
  };
  whole("real", found.whole_real, found.cells_real);
  whole("predicted", found.whole_predicted, found.cells_predicted);
  const auto [least, most] = std::minmax_element(found.total.begin(), found.total.end());
  if (*most > options.total_factor * *least)
    out.push_back(message("Mixed scales", where, ": the median total of normalised counts is ",
                          rounded(found.total[0]), " in real control cells, ",
                          rounded(found.total[1]), " in real perturbed cells, ",
                          rounded(found.total[2]), " in predicted control cells and ",
                          rounded(found.total[3]), " in predicted perturbed cells."));
  if (found.equal_totals >= options.equal_totals)
    out.push_back(message("Library sizes leak", where, ": ", rounded(100 * found.equal_totals),
                          " % of the predicted cells have the ",
                          "very total of a real cell of their perturbation, which was to be ",
                          "predicted."));
  return out;
}

VCELL_END_NAMESPACE
