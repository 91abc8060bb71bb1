#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "vcell/sets/screen.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// Calls f(columns, values) for cells in the order given, wherever the screen's expression is: with
/// the columns of its values, ascending, and those; zeros may be left out. Of a screen that is not
/// in memory 64 cells are at a time.
/// @throws ShapeError if there is no such cell; what reading throws
template <class F>
void for_each_cell(const Screen& screen, std::span<const size_t> cells, F&& f) {
  if (!screen.elsewhere) {
    for (const size_t cell : cells) {
      check_index("for_each_cell", "cell", cell, screen.cells());
      f(screen.expression.row_indices(cell), screen.expression.row_values(cell));
    }
    return;
  }
  constexpr size_t at_once = 64;
  const size_t genes = screen.genes.size();
  auto rows = Tensor<float, 2>::uninitialized({std::min(at_once, cells.size()), genes});
  std::vector<int32_t> columns;
  std::vector<float> values;
  for (size_t first = 0; first < cells.size(); first += at_once) {
    const auto some = cells.subspan(first, std::min(at_once, cells.size() - first));
    screen.elsewhere.read(some, {rows.data(), {some.size(), genes}});
    for (size_t i = 0; i < some.size(); ++i) {
      columns.clear();
      values.clear();
      const float* const row = rows.data() + i * genes;
      for (size_t g = 0; g < genes; ++g) {
        if (row[g] == 0) continue;
        columns.push_back(int32_t(g));
        values.push_back(row[g]);
      }
      f(std::span<const int32_t>(columns), std::span<const float>(values));
    }
  }
}

VCELL_END_NAMESPACE
