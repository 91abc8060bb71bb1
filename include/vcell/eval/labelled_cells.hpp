#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/data/factor.hpp"
#include "vcell/preprocess/scale.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// One side of a comparison, the real cells or the predicted ones. Cells without a label in one of
/// the factors take no part.
struct LabelledCells {
  CsrMatrix<float> X;              ///< values at `scale`, (cells, genes)
  std::vector<std::string> genes;  ///< the columns' names
  Factor perturbation;             ///< the control's label among them
  Factor context;                  ///< no names and no codes: all cells are one pool
  /// The total that cells were normalised to before log1p, where it is known.
  std::optional<double> target_sum = {};
  /// That is the median total of the cells' own file, as cell-eval normalises each.
  bool is_own_total = false;
  Scale scale = Scale::log1p;  ///< of X
  /// What cells are also compared in, (cells, dimensions); no elements: nothing.
  Tensor<float, 2> embedding = {};

  bool has_contexts() const { return !context.names.empty(); }
};

namespace detail {

/// "cell 3, gene 'STAT1' holds -1".
template <class = void>
std::string text_of_value(const LabelledCells& cells, size_t stored) {
  const auto row = std::upper_bound(cells.X.indptr.begin(), cells.X.indptr.end(), int64_t(stored));
  return message("cell ", row - cells.X.indptr.begin() - 1, ", gene ",
                 quoted(cells.genes[size_t(cells.X.indices[stored])]), " holds ",
                 cells.X.values[stored]);
}

}  // namespace detail

/// Checks that one side can be evaluated.
/// @param side     what messages call it, e.g. "real"
/// @param highest  the greatest log1p value
/// @throws ShapeError if matrix, names and labels differ in size
/// @throws ConfigError if a gene is there twice, a log1p value is outside of 0 .. highest or all of
///         them are whole numbers, which those above 0 are not, or a count is negative or not
///         finite
template <class = void>
void check_labelled_cells(const LabelledCells& cells, std::string_view side, double highest) {
  const std::string function = message("evaluate, ", side, " cells");
  check_size_match(function.c_str(), "columns of X", cells.X.columns, "genes", cells.genes.size());
  check_size_match(function.c_str(), "rows of X", cells.X.rows, "perturbation labels",
                   cells.perturbation.size());
  if (cells.has_contexts())
    check_size_match(function.c_str(), "rows of X", cells.X.rows, "context labels",
                     cells.context.size());
  if (cells.embedding.count()) {
    check_size_match(function.c_str(), "rows of X", cells.X.rows, "rows of the embedding",
                     cells.embedding.shape(0));
    for (const float x : cells.embedding.values())
      if (!std::isfinite(x))
        throw ConfigError(
            message(function, ": the embedding holds ", x, ", expected finite numbers"));
  }

  const NamePlaces places(cells.genes);
  std::vector<std::string> twice;
  for (size_t g = 0; g < cells.genes.size(); ++g)
    if (*places.find(cells.genes[g]) != g) twice.push_back(cells.genes[g]);
  if (!twice.empty())
    throw ConfigError(
        message(function, ": genes that are there twice: ", list_of(twice), "; make names unique"));

  constexpr std::string_view mend = "; if X holds counts, declare it and normalise them";
  const auto& values = cells.X.values;
  if (cells.scale == Scale::counts) {
    const auto wrong = std::find_if(values.begin(), values.end(),
                                    [](float x) { return !(x >= 0 && std::isfinite(x)); });
    if (wrong != values.end())
      throw ConfigError(message(function, ": ",
                                detail::text_of_value(cells, size_t(wrong - values.begin())),
                                ", expected a finite count from 0"));
    return;
  }
  const auto outside = std::find_if(values.begin(), values.end(),
                                    [&](float x) { return !(x >= 0 && double(x) <= highest); });
  if (outside != values.end())
    throw ConfigError(message(function, ": ",
                              detail::text_of_value(cells, size_t(outside - values.begin())),
                              ", expected a log1p value from 0 to ", highest, mend));
  const auto is_whole = [](float x) { return x == std::floor(x); };
  const auto above_zero = std::find_if(values.begin(), values.end(), [](float x) { return x > 0; });
  if (above_zero != values.end() && std::all_of(values.begin(), values.end(), is_whole))
    throw ConfigError(message(function, ": ",
                              detail::text_of_value(cells, size_t(above_zero - values.begin())),
                              " and all values are whole numbers, expected log1p values", mend));
}

VCELL_END_NAMESPACE
