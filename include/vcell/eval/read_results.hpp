#pragma once

#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/write_results.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

template <class = void>
double number_in(const std::filesystem::path& path, const CsvTable& table, size_t row,
                 size_t column) {
  if (const auto number = parse_number(table.rows[row][column])) return *number;
  throw FormatError(message("read_results: ", quoted(path.string()), ", row ", row + 1, ", column ",
                            quoted(table.header[column]), " holds ",
                            quoted(table.rows[row][column]), ", expected a number"));
}

template <class = void>
size_t count_in(const std::filesystem::path& path, const CsvTable& table, size_t row,
                size_t column) {
  const double number = number_in(path, table, row, column);
  if (number >= 0 && number < 1e15 && number == std::floor(number)) return size_t(number);
  throw FormatError(message("read_results: ", quoted(path.string()), ", row ", row + 1, ", column ",
                            quoted(table.header[column]), " holds ", number,
                            ", expected a number of cells"));
}

}  // namespace detail

/// Reads what write_scores wrote.
/// @throws IoError, FormatError naming the file and what is wrong with it
template <class = void>
ScoreTable read_scores(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  const size_t names = table.column("perturbation");
  ScoreTable out;
  for (const auto& row : table.rows) out.perturbations.push_back(row[names]);
  for (size_t c = 0; c < table.header.size(); ++c) {
    if (c == names) continue;
    out.columns.push_back({table.header[c], {}});
    for (size_t r = 0; r < table.rows.size(); ++r) {
      const bool null = table.rows[r][c].empty();
      out.columns.back().values.push_back(null ? Score()
                                               : Score(detail::number_in(path, table, r, c)));
    }
  }
  return out;
}

/// Reads what write_differential_expression wrote: the same genes in the same order for each
/// target.
/// @throws IoError, FormatError naming the file and what is wrong with it
template <class = void>
DifferentialExpression read_differential_expression(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  std::array<size_t, 11> column{};
  for (size_t c = 0; c < column.size(); ++c)
    column[c] = table.column(differential_expression_columns[c]);
  DifferentialExpression de;
  for (const auto& row : table.rows) {
    if (de.targets.empty() || row[column[0]] != de.targets.back())
      de.targets.push_back(row[column[0]]);
    if (de.targets.size() == 1) de.features.push_back(row[column[1]]);
  }
  const size_t genes = de.features.size();
  const Shape<2> shape = {de.targets.size(), genes};
  if (table.rows.size() != shape[0] * shape[1])
    throw FormatError(message("read_results: ", quoted(path.string()), " has ", table.rows.size(),
                              " rows, expected ", shape[1], " genes for each of ", shape[0],
                              " targets"));
  de.target_mean = Tensor<float, 2>(shape);
  de.ref_mean = Tensor<float, 1>({genes});
  Tensor<double, 2>* const numbers[] = {&de.log2_fold_change, &de.percent_change, &de.p_value,
                                        &de.statistic, &de.fdr};
  for (auto* tensor : numbers) *tensor = Tensor<double, 2>(shape);
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const size_t t = r / genes, g = r % genes;
    if (table.rows[r][column[0]] != de.targets[t] || table.rows[r][column[1]] != de.features[g])
      throw FormatError(message("read_results: ", quoted(path.string()), ", row ", r + 1, " is of ",
                                quoted(table.rows[r][column[1]]), ", expected ",
                                quoted(de.features[g]), " of ", quoted(de.targets[t])));
    const auto number = [&](size_t c) { return detail::number_in(path, table, r, column[c]); };
    de.target_mean(t, g) = float(number(2));
    de.ref_mean(g) = float(number(3));
    if (g == 0) de.target_membership.push_back(detail::count_in(path, table, r, column[4]));
    de.ref_membership = detail::count_in(path, table, r, column[5]);
    for (size_t k = 0; k < 5; ++k) (*numbers[k])(t, g) = number(6 + k);
  }
  return de;
}

/// The files of each context in a folder that write_results wrote.
/// @throws IoError, FormatError naming the file and what is wrong with it
template <class = void>
std::vector<ResultFiles> read_result_files(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / "contexts.csv")) return {{"", ""}};
  const CsvTable table = read_csv(folder / "contexts.csv");
  std::vector<ResultFiles> out;
  for (const auto& row : table.rows) {
    const std::string& prefix = row[table.column("prefix")];
    if (prefix.find_first_of("/\\:") != std::string::npos)
      throw FormatError(message("read_results: ", quoted((folder / "contexts.csv").string()),
                                " holds the prefix ", quoted(prefix),
                                ", expected part of a file's name"));
    out.push_back({row[table.column("context")], prefix});
  }
  return out;
}

/// Reads what write_results wrote: scores and differential expression of every context.
/// @throws IoError, FormatError naming the file and what is wrong with it
template <class = void>
Evaluation read_results(const std::filesystem::path& folder) {
  Evaluation out;
  for (const auto& [context, prefix] : read_result_files(folder))
    out.contexts.push_back({context, read_scores(folder / (prefix + "results.csv")),
                            read_differential_expression(folder / (prefix + "real_de.csv")),
                            read_differential_expression(folder / (prefix + "pred_de.csv"))});
  return out;
}

VCELL_INSTANTIATE(files, Evaluation read_results<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
