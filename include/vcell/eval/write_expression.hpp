#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/expression_table.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/number_text.hpp"

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

}  // namespace detail

/// Writes a table of differential expression, a row per target and gene: no more of it is in memory
/// than a block.
/// @throws WriteError if the file cannot be written; as for_each_expression_block
template <class = void>
void write_differential_expression(const std::filesystem::path& path, const ExpressionTable& table,
                                   const Progress& progress = {}) {
  std::vector<std::string> features;
  for (const std::string& feature : table.features())
    features.push_back(detail::csv_field(feature));
  write_text_in_pieces(path, [&](const auto& append) {
    std::string text;
    detail::append_csv_line(
        text, {differential_expression_columns.begin(), differential_expression_columns.end()});
    append(text);
    const auto write = [&](size_t, const DifferentialExpression& de) {
      for (size_t t = 0; t < de.targets.size(); ++t) {
        const std::string target = detail::csv_field(de.targets[t]);
        text.clear();  // a target at a time: the whole text is several times the table
        for (size_t g = 0; g < features.size(); ++g) {
          text += message(target, ',', features[g], ',', number_text(de.target_mean(t, g)), ',',
                          number_text(de.ref_mean(g)), ',', de.target_membership[t], ',',
                          de.ref_membership);
          for (const auto* column :
               {&de.log2_fold_change, &de.percent_change, &de.p_value, &de.statistic, &de.fdr})
            text += ',' + number_text((*column)(t, g));
          text += '\n';
        }
        append(text);
      }
    };
    for_each_expression_block(table, write, progress);
  });
}

VCELL_INSTANTIATE(files, void write_differential_expression<void>(const std::filesystem::path&,
                                                                  const ExpressionTable&,
                                                                  const Progress&));

VCELL_END_NAMESPACE
