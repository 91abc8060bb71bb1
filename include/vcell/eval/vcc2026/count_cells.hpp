#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/counted_names.hpp"
#include "vcell/core/parallel_for_watched.hpp"
#include "vcell/data/csr_matrix.hpp"
#include "vcell/data/factor.hpp"

VCELL_BEGIN_NAMESPACE
namespace vcc2026 {

/// One side of a comparison: counts of cells, as they come out of a file.
struct CountCells {
  CsrMatrix<float> X;              ///< (cells, genes) counts
  std::vector<std::string> genes;  ///< (genes) names
  std::vector<std::string> cells;  ///< (cells) names, for messages
  Factor perturbation;             ///< of each cell; one without a label takes no part
};

/// The total that a cell may have at most.
inline constexpr double most_counts = 1e6;

/// Checks that one side can be scored.
/// @param side  what messages call it, e.g. "real"
/// @throws ShapeError if matrix, names and labels differ in size
/// @throws ConfigError with the number of the genes or cells concerned and the names of the first
///         ones: a gene that is there twice; a cell with a value that is no count, or with more
///         than 1e6 counts
template <class = void>
void check_count_cells(const CountCells& side, std::string_view name,
                       const Progress& progress = {}) {
  const std::string function = message("vcc2026, ", name, " cells");
  check_size_match(function.c_str(), "columns of X", side.X.columns, "genes", side.genes.size());
  check_size_match(function.c_str(), "rows of X", side.X.rows, "labels", side.perturbation.size());
  check_size_match(function.c_str(), "rows of X", side.X.rows, "names", side.cells.size());
  const auto twice = repeated_names(side.genes);
  std::vector<std::string> wrong, large;
  if (!twice.empty())
    throw ConfigError(message(function, ": there twice are ", counted_names(twice, "gene"),
                              "; make names unique"));
  std::vector<uint8_t> found(side.X.rows, 0);  // 1: no counts, 2: too many
  const auto look = [&](size_t first, size_t last) {
    for (size_t row = first; row < last; ++row) {
      double total = 0;
      bool counts = true;
      for (const float x : side.X.row_values(row)) {
        counts = counts && x >= 0 && x == std::floor(x) && std::isfinite(x);
        total += x;
      }
      found[row] = !counts ? 1 : total > most_counts ? 2 : 0;
    }
  };
  parallel_for_watched(side.X.rows, 256, look, progress, "check");
  for (size_t row = 0; row < side.X.rows; ++row)
    if (found[row]) (found[row] == 1 ? wrong : large).push_back(side.cells[row]);
  if (!wrong.empty())
    throw ConfigError(message(function, ": values that are no counts (negative, fractional or not ",
                              "finite) in ", counted_names(wrong, "cell"),
                              "; X has to hold raw counts"));
  if (!large.empty())
    throw ConfigError(message(function, ": a total above ", size_t(most_counts), " in ",
                              counted_names(large, "cell"),
                              "; X has to hold the raw counts of one cell a row"));
}

/// Checks that a prediction is of the same perturbations and genes, whatever their order; the
/// control's label may be absent from it.
/// @throws ConfigError with the number of those that differ and the names of the first ones
template <class = void>
void check_same_names(const CountCells& real, const CountCells& predicted,
                      const std::string& control) {
  const auto check = [](std::span<const std::string> a, std::span<const std::string> b,
                        const char* what) {
    const auto missing = names_without(a, b), more = names_without(b, a);
    if (missing.empty() && more.empty()) return;
    std::string text;
    if (!missing.empty()) text = "the prediction lacks " + counted_names(missing, what);
    if (!more.empty())
      text += message(text.empty() ? "" : "; ", "the real cells lack ", counted_names(more, what));
    throw ConfigError(message("vcc2026: ", text, "; both sides have to have the same ones"));
  };
  check(real.genes, predicted.genes, "gene");
  const auto labels = [&](const CountCells& side) {
    std::vector<std::string> out;
    for (const std::string& name : side.perturbation.names)
      if (name != control) out.push_back(name);
    return out;
  };
  check(labels(real), labels(predicted), "perturbation");
}

}  // namespace vcc2026
VCELL_END_NAMESPACE
