#pragma once

#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/name_places.hpp"
#include "vcell/eval/read_expression.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A table with its targets and features in another order, and without some of them.
struct ReorderedExpression {
  ExpressionTable table;
  ExpressionNames names;
  std::vector<size_t> targets;                  // beside names.targets: places in the table
  std::vector<std::optional<size_t>> features;  // the same of features; nothing: it has no rows

  template <class = void>
  DifferentialExpression operator()(std::span<const size_t> asked, const Progress& progress) const;
};

template <class>
DifferentialExpression ReorderedExpression::operator()(std::span<const size_t> asked,
                                                       const Progress& progress) const {
  DifferentialExpression out = make_expression(select_names(names, asked));
  out.is_kept = Tensor<uint8_t, 2>(out.fdr.shape());
  for (double& rate : out.fdr.values()) rate = std::numeric_limits<double>::quiet_NaN();
  bool is_complete = true;
  for (size_t i = 0; i < asked.size(); ++i) {
    const size_t from = targets[asked[i]];
    const auto block = table.block(from, from + 1, progress);
    for (size_t g = 0; g < features.size(); ++g) {
      if (!features[g] || !block->has_row(0, *features[g])) {
        is_complete = false;
        continue;
      }
      const size_t feature = *features[g];
      const auto copy = [&](auto& to, const auto& column) { to(i, g) = column(0, feature); };
      for_each_column(copy, out, *block);
      out.is_kept(i, g) = 1;
      out.ref_mean(0, g) = block->reference_mean(0, feature);
    }
  }
  if (is_complete) out.is_kept = {};
  return out;
}

}  // namespace detail

struct FinishedExpressionOptions {
  /// Targets that are not asked for are passed over; else they are an error.
  bool subset = false;
  /// How much of the table is in memory.
  ExpressionMemory memory = {};
  /// Watches, told of bytes, and may stop.
  Progress progress = {};
};

/// A table of differential expression that was found before, by pdex, cell-eval or vcell, for cells
/// of these perturbations and genes, which are matched by name (ExpressionColumns::any). Genes that
/// a filter took out have no row (DifferentialExpression::is_kept).
/// @param targets  perturbations without the control, in the order that the table shall have
/// @param genes    the genes of the cells, in their order
/// @throws IoError, FormatError as read_differential_expression; ConfigError listing what differs:
///         targets without any row, targets that were not asked for, genes that the cells have
///         not; Stopped
template <class = void>
ExpressionTable finished_expression(const std::filesystem::path& path,
                                    std::span<const std::string> targets,
                                    std::span<const std::string> genes,
                                    const FinishedExpressionOptions& options = {}) {
  const auto table =
      read_differential_expression(path, options.memory, options.progress, ExpressionColumns::any);
  detail::ReorderedExpression out{table, {}, {}, {}};
  const NamePlaces target_places(table.targets()), gene_places(table.features());
  const NamePlaces asked(targets), of_cells(genes);
  std::vector<std::string> missing, others, strange;
  for (const std::string& target : targets) {
    const auto place = target_places.find(target);
    if (!place) {
      missing.push_back(target);
      continue;
    }
    out.names.targets.push_back(target);
    out.names.target_membership.push_back(table.target_membership()[*place]);
    out.targets.push_back(*place);
  }
  for (const std::string& target : table.targets())
    if (!asked.contains(target)) others.push_back(target);
  for (const std::string& gene : table.features())
    if (!of_cells.contains(gene)) strange.push_back(gene);
  std::string what;
  const auto tell = [&](const char* kind, const std::vector<std::string>& names) {
    if (!names.empty())
      what += message(what.empty() ? "" : "; ", kind, " (", names.size(), "): ", list_of(names));
  };
  tell("perturbations of the cells without a row", missing);
  if (!options.subset) tell("targets that are no perturbation of the cells", others);
  tell("features that are no gene of the cells", strange);
  if (!what.empty())
    throw ConfigError(message("finished_expression: ", quoted(path.string()),
                              " and the cells differ: ", what,
                              "; give the table that was measured on these cells"));
  for (const std::string& gene : genes) out.features.push_back(gene_places.find(gene));
  out.names.features.assign(genes.begin(), genes.end());
  out.names.ref_membership = table.ref_membership();
  ExpressionNames names = out.names;
  return ExpressionTable(std::move(names), std::move(out), options.memory);
}

VCELL_INSTANTIATE(files, ExpressionTable finished_expression<void>(
                             const std::filesystem::path&, std::span<const std::string>,
                             std::span<const std::string>, const FinishedExpressionOptions&));

VCELL_END_NAMESPACE
