#pragma once

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/expression_table.hpp"
#include "vcell/eval/expression_view.hpp"
#include "vcell/io/csv.hpp"

VCELL_BEGIN_NAMESPACE

/// The columns of a table of differential expression, pdex's.
inline constexpr std::array<const char*, 11> differential_expression_columns = {"target",
                                                                                "feature",
                                                                                "target_mean",
                                                                                "ref_mean",
                                                                                "target_membership",
                                                                                "ref_membership",
                                                                                "log2_fold_change",
                                                                                "percent_change",
                                                                                "p_value",
                                                                                "statistic",
                                                                                "fdr"};

namespace detail {

/// A field as a CSV file holds it, quoted where it must be.
template <class = void>
std::string csv_field(const std::string& text) {
  std::string line;
  append_csv_line(line, {text, ""});
  line.resize(line.size() - 2);  // the second field's comma and the line's end
  return line;
}

/// The order in which a view has the features of a target.
template <class = void>
std::vector<size_t> feature_order(const DifferentialExpression& de, size_t t, bool is_by_score) {
  std::vector<size_t> order = places(de.features.size());
  if (is_by_score)
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return expression_score(de, t, a) > expression_score(de, t, b);
    });
  return order;
}

/// The numbers that illico gives the control's rows: it is compared with nothing.
template <class = void>
DifferentialExpression reference_rows(const std::string& reference, const ExpressionTable& table) {
  auto out = make_expression({{reference}, table.features(), {table.ref_membership()}, 0});
  out.z_score = Tensor<double, 2>({1, table.features().size()});
  for (size_t g = 0; g < table.features().size(); ++g) {
    out.p_value(0, g) = 1;
    out.statistic(0, g) = -1;
  }
  return out;
}

}  // namespace detail

/// Writes a table of differential expression, a row per target and feature that it has, as a view
/// lays it out: no more of it is in memory than a block.
/// @param reference  the control's name, for a view in which it has rows among those of the
///                   targets, which are sorted; empty: it has none
/// @throws WriteError if the file cannot be written; ConfigError if the view has z-scores and the
///         table none (DifferentialExpressionOptions::has_z_score); as for_each_expression_block
template <class = void>
void write_differential_expression(const std::filesystem::path& path, const ExpressionTable& table,
                                   const ExpressionView& view, const std::string& reference = {},
                                   const Progress& progress = {}) {
  std::vector<std::string> features;
  for (const std::string& feature : table.features())
    features.push_back(detail::csv_field(feature));
  const bool needs_z = std::any_of(view.columns.begin(), view.columns.end(), [](const auto& c) {
    return std::string_view(c.name) == "z_score";
  });
  write_text_in_pieces(path, [&](const auto& append) {
    std::string text;
    std::vector<std::string> header = {view.target, view.feature};
    for (const auto& column : view.columns) header.push_back(column.name);
    detail::append_csv_line(text, header);
    append(text);
    const auto write_target = [&](const DifferentialExpression& de, size_t t) {
      const std::string target = detail::csv_field(de.targets[t]);
      text.clear();  // a target at a time: the whole text is several times the table
      for (const size_t g : detail::feature_order(de, t, view.is_by_score)) {
        if (!de.has_row(t, g)) continue;
        text += target + ',' + features[g];
        for (const auto& column : view.columns) text += ',' + column.text(de, t, g);
        text += '\n';
      }
      append(text);
    };
    bool waits = view.has_reference && !reference.empty();
    const auto write_reference = [&] {
      write_target(detail::reference_rows(reference, table), 0);
      waits = false;
    };
    const auto write = [&](size_t, const DifferentialExpression& de) {
      if (needs_z && !de.z_score.count())
        throw ConfigError(
            "write_differential_expression: the view has z-scores and the table has none; measure "
            "it with DifferentialExpressionOptions::has_z_score");
      for (size_t t = 0; t < de.targets.size(); ++t) {
        if (waits && reference < de.targets[t]) write_reference();
        write_target(de, t);
      }
    };
    for_each_expression_block(table, write, progress);
    if (waits) write_reference();
  });
}

/// The same with the columns of pdex 0.3, which read_differential_expression reads again.
template <class = void>
void write_differential_expression(const std::filesystem::path& path, const ExpressionTable& table,
                                   const Progress& progress = {}) {
  write_differential_expression(path, table, expression_view("pdex-0.3"), {}, progress);
}

VCELL_INSTANTIATE(files, void write_differential_expression<void>(
                             const std::filesystem::path&, const ExpressionTable&,
                             const ExpressionView&, const std::string&, const Progress&));

VCELL_END_NAMESPACE
