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
double number_in(const std::filesystem::path& path, const std::vector<std::string>& header,
                 const std::vector<std::string>& fields, size_t row, size_t column) {
  if (const auto number = parse_number(fields[column])) return *number;
  throw FormatError(message("read_results: ", quoted(path.string()), ", row ", row + 1, ", column ",
                            quoted(header[column]), " holds ", quoted(fields[column]),
                            ", expected a number"));
}

template <class = void>
size_t count_in(const std::filesystem::path& path, const std::vector<std::string>& header,
                const std::vector<std::string>& fields, size_t row, size_t column) {
  const double number = number_in(path, header, fields, row, column);
  if (number >= 0 && number < 1e15 && number == std::floor(number)) return size_t(number);
  throw FormatError(message("read_results: ", quoted(path.string()), ", row ", row + 1, ", column ",
                            quoted(header[column]), " holds ", number,
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
      out.columns.back().values.push_back(
          null ? Score() : Score(detail::number_in(path, table.header, table.rows[r], r, c)));
    }
  }
  return out;
}

/// Reads what write_differential_expression wrote, row by row: the same genes in the same order for
/// each target.
/// @throws IoError, FormatError naming the file and what is wrong with it
template <class = void>
DifferentialExpression read_differential_expression(const std::filesystem::path& path) {
  DifferentialExpression de;
  CsvTable table;  // its header
  std::array<size_t, 11> column{};
  std::vector<float> target_mean, ref_mean;
  std::array<std::vector<double>, 5> numbers;
  size_t rows = 0;
  const auto take_header = [&](std::vector<std::string>& header) {
    table.header = std::move(header);
    for (size_t c = 0; c < column.size(); ++c)
      column[c] = table.column(differential_expression_columns[c]);
  };
  const auto take_row = [&](std::vector<std::string>& row) {
    const auto number = [&](size_t c) {
      return detail::number_in(path, table.header, row, rows, column[c]);
    };
    const auto count = [&](size_t c) {
      return detail::count_in(path, table.header, row, rows, column[c]);
    };
    const std::string &target = row[column[0]], &gene = row[column[1]];
    if (de.targets.empty() || target != de.targets.back()) {
      de.targets.push_back(target);
      de.target_membership.push_back(count(4));
    }
    if (de.targets.size() == 1) {
      de.features.push_back(gene);
      ref_mean.push_back(float(number(3)));
    } else if (const size_t g = rows % de.features.size(), t = rows / de.features.size();
               t + 1 != de.targets.size() || gene != de.features[g]) {
      throw FormatError(message("read_results: ", quoted(path.string()), ", row ", rows + 1,
                                " is of ", quoted(gene), ", expected ", quoted(de.features[g]),
                                " of ", quoted(de.targets[std::min(t, de.targets.size() - 1)])));
    }
    de.ref_membership = count(5);
    target_mean.push_back(float(number(2)));
    for (size_t k = 0; k < numbers.size(); ++k) numbers[k].push_back(number(6 + k));
    ++rows;
  };
  read_csv_rows(path, take_header, take_row);
  const Shape<2> shape = {de.targets.size(), de.features.size()};
  if (rows != shape[0] * shape[1])
    throw FormatError(message("read_results: ", quoted(path.string()), " has ", rows,
                              " rows, expected ", shape[1], " genes for each of ", shape[0],
                              " targets"));
  de.target_mean = Tensor<float, 2>(shape, target_mean);
  de.ref_mean = Tensor<float, 1>({ref_mean.size()}, ref_mean);
  Tensor<double, 2>* const tensors[] = {&de.log2_fold_change, &de.percent_change, &de.p_value,
                                        &de.statistic, &de.fdr};
  for (size_t k = 0; k < numbers.size(); ++k) {
    *tensors[k] = Tensor<double, 2>(shape, numbers[k]);
    numbers[k] = {};  // two of one column at a time
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
