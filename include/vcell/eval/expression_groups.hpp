#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/data/factor.hpp"

VCELL_BEGIN_NAMESPACE

/// Which cells are compared: those of every perturbation, and those of the reference. Cells are
/// rows of a matrix, which may have others as well.
struct ExpressionGroups {
  std::vector<std::string> targets;       ///< those with a cell, sorted; the reference is not one
  std::vector<std::vector<size_t>> rows;  ///< (targets), each in the order of the cells
  /// Those that each target is compared with, at least one; in mode all they are others beside the
  /// other targets' cells, and there may be none.
  std::vector<size_t> reference;
  /// (targets) the gene that each perturbs, for mode on_target; empty: targets are called after it.
  std::vector<std::string> own_genes = {};
};

/// The groups of cells by their labels; cells without one take no part.
/// @param labels     the perturbation of each cell
/// @param reference  the control's name
/// @param rows       where the cells are, beside the labels, ascending
/// @throws ShapeError if there are not as many; ConfigError if no cell is a reference
template <class = void>
ExpressionGroups expression_groups(const Factor& labels, const std::string& reference,
                                   std::span<const size_t> rows) {
  check_size_match("expression_groups", "rows", rows.size(), "labels", labels.size());
  std::vector<std::vector<size_t>> of_label(labels.names.size());
  for (size_t i = 0; i < rows.size(); ++i)
    if (const int32_t code = labels.codes[i]; code >= 0) of_label[size_t(code)].push_back(rows[i]);
  const int32_t control = labels.code(reference);
  if (control < 0 || of_label[size_t(control)].empty())
    throw ConfigError(message("differential_expression: no cell is labelled ", quoted(reference),
                              ", the reference; the labels are ", list_of(labels.names)));
  ExpressionGroups out;
  out.reference = std::move(of_label[size_t(control)]);
  for (size_t g = 0; g < of_label.size(); ++g) {
    if (g == size_t(control) || of_label[g].empty()) continue;
    out.targets.push_back(labels.names[g]);
    out.rows.push_back(std::move(of_label[g]));
  }
  return out;
}

/// The groups of cells by their labels where each is compared with all other cells
/// (ExpressionMode::all).
/// @param rows            as above
/// @param has_unlabelled  cells without a label are others; else they take no part
/// @throws ShapeError if there are not as many; ConfigError if no cell has a label
template <class = void>
ExpressionGroups expression_groups_of_all(const Factor& labels, std::span<const size_t> rows,
                                          bool has_unlabelled) {
  check_size_match("expression_groups_of_all", "rows", rows.size(), "labels", labels.size());
  std::vector<std::vector<size_t>> of_label(labels.names.size());
  ExpressionGroups out;
  for (size_t i = 0; i < rows.size(); ++i)
    if (const int32_t code = labels.codes[i]; code >= 0)
      of_label[size_t(code)].push_back(rows[i]);
    else if (has_unlabelled)
      out.reference.push_back(rows[i]);
  for (size_t g = 0; g < of_label.size(); ++g) {
    if (of_label[g].empty()) continue;
    out.targets.push_back(labels.names[g]);
    out.rows.push_back(std::move(of_label[g]));
  }
  if (out.targets.empty())
    throw ConfigError("differential_expression: no cell has a label, expected groups of them");
  return out;
}

VCELL_END_NAMESPACE
