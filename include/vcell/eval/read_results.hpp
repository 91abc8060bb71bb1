#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/evaluate.hpp"
#include "vcell/eval/interval_files.hpp"
#include "vcell/eval/read_expression.hpp"
#include "vcell/eval/result_files.hpp"
#include "vcell/eval/strata_files.hpp"

VCELL_BEGIN_NAMESPACE

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
          null ? Score()
               : Score(csv_number("read_results", path, table.header, table.rows[r], r, c)));
    }
  }
  return out;
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
/// @param memory  how much of the tables of differential expression is kept
/// @throws IoError, FormatError naming the file and what is wrong with it; Stopped
template <class = void>
Evaluation read_results(const std::filesystem::path& folder, const ExpressionMemory& memory = {},
                        const Progress& progress = {}) {
  Evaluation out;
  for (const auto& [context, prefix] : read_result_files(folder)) {
    const auto table = [&, start = prefix](const char* name) {
      return read_differential_expression(folder / (start + name), memory, progress);
    };
    out.contexts.push_back({context, read_scores(folder / (prefix + "results.csv")),
                            table("real_de.csv"), table("pred_de.csv")});
  }
  out.intervals = read_intervals_in(folder);
  out.strata = read_strata_in(folder);
  if (const auto path = folder / "warnings.csv"; std::filesystem::exists(path)) {
    const CsvTable table = read_csv(path);
    const size_t warning = table.column("warning");
    for (const auto& row : table.rows) out.warnings.push_back(row[warning]);
  }
  return out;
}

VCELL_INSTANTIATE(files, Evaluation read_results<void>(const std::filesystem::path&,
                                                       const ExpressionMemory&, const Progress&));

VCELL_END_NAMESPACE
