#pragma once

#include <algorithm>

#include "vcell/core/parallel_for.hpp"
#include "vcell/models/predict.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Writes the sum of rows over each column.
template <class = void>
void sum_rows(const CsrMatrix<float>& m, std::span<const size_t> rows, std::span<double> sum) {
  std::fill(sum.begin(), sum.end(), 0.0);
  for (const size_t row : rows) {
    const auto columns = m.row_indices(row);
    const auto values = m.row_values(row);
    for (size_t k = 0; k < columns.size(); ++k) sum[size_t(columns[k])] += double(values[k]);
  }
}

}  // namespace detail

/// Control cells for n cells to predict whose mean is near that of all controls, so that few
/// predicted cells do not start from a mean that is off by chance: of several results of
/// draw_controls that with the smallest squared Euclidean distance |mean(draw) - mean(controls)|^2
/// over all columns, in double; of equal ones the first.
///
/// A draw is all m controls as often as they fit, and r = n mod m of them. The former have the mean
/// mu of all, so the distance is |sum of the r rows - r mu|^2 / n^2: only r rows are read of a
/// draw, and none where r is 0, when every draw has the same mean and the first one is taken.
///
/// @param expression  (cells, columns) log1p
/// @param controls    rows of expression, at least one
/// @param rng         each draw goes on from the one before
/// @param draws       how many to choose from; 1 is draw_controls
/// @return            (n) rows
/// @throws ConfigError if there are no controls or draws is 0
/// @throws ShapeError  if a control is no row of expression
template <class = void>
std::vector<size_t> draw_near_controls(const CsrMatrix<float>& expression,
                                       std::span<const size_t> controls, size_t n, Rng& rng,
                                       size_t draws = 64) {
  check_positive("draw_near_controls", "draws", draws);
  for (const size_t row : controls)
    check_index("draw_near_controls", "control", row, expression.rows);
  std::vector<std::vector<size_t>> drawn{draw_controls(controls, n, rng)};
  const size_t rest = n % controls.size(), columns = expression.columns;
  if (rest == 0 || draws == 1) return std::move(drawn[0]);
  while (drawn.size() < draws) drawn.push_back(draw_controls(controls, n, rng));

  std::vector<double> expected(columns);  // r mu
  detail::sum_rows(expression, controls, expected);
  for (double& sum : expected) sum *= double(rest) / double(controls.size());
  std::vector<double> sums(size_t(num_threads()) * columns);  // a row for every thread
  std::vector<double> distance(draws);                        // times n^2
  parallel_for(draws, 1, [&](size_t i, size_t) {
    // Sorted, so that the same cells in another order are as near to the last bit.
    std::vector<size_t> rows(drawn[i].end() - std::ptrdiff_t(rest), drawn[i].end());
    std::sort(rows.begin(), rows.end());
    const auto sum = std::span(sums).subspan(thread_index() * columns, columns);
    detail::sum_rows(expression, rows, sum);
    for (size_t k = 0; k < columns; ++k)
      distance[i] += (sum[k] - expected[k]) * (sum[k] - expected[k]);
  });
  const auto nearest = std::min_element(distance.begin(), distance.end());
  return std::move(drawn[size_t(nearest - distance.begin())]);
}

VCELL_INSTANTIATE(models, std::vector<size_t> draw_near_controls<void>(const CsrMatrix<float>&,
                                                                       std::span<const size_t>,
                                                                       size_t, Rng&, size_t));

VCELL_END_NAMESPACE
