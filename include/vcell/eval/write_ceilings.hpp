#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/ceiling.hpp"
#include "vcell/eval/write_results.hpp"

VCELL_BEGIN_NAMESPACE

/// Writes ceilings into a folder that is there, each context's with the prefix of its tables (see
/// result_files): ceiling_results.csv, the scores of one half against the other, and
/// agg_ceiling_results.csv, one row without a name with the ceiling of every metric, NaN where it
/// has none.
/// @throws WriteError if a file cannot be written
template <class = void>
void write_ceilings(const std::filesystem::path& folder,
                    const std::vector<ContextCeiling>& ceilings, bool always_prefixed = false) {
  std::vector<std::string> contexts;
  for (const ContextCeiling& c : ceilings) contexts.push_back(c.context);
  const auto files = result_files(contexts, always_prefixed);
  for (size_t i = 0; i < files.size(); ++i) {
    CsvTable table{{}, {{}}};
    for (const ScoreColumn& column : ceilings[i].scores.columns)
      table.header.push_back(column.name);
    for (const double ceiling : ceilings[i].ceilings) table.rows[0].push_back(number_text(ceiling));
    write_scores(folder / (files[i].prefix + "ceiling_results.csv"), ceilings[i].scores);
    write_csv(folder / (files[i].prefix + "agg_ceiling_results.csv"), table);
  }
}

/// Writes ceilings by the levels of columns into a folder that is there, of all contexts in one
/// table each: ceiling_by_results.csv, the scores of one part against the other by column, context
/// and perturbation; agg_ceiling_by_results.csv, the ceiling of every metric by column and context,
/// NaN where it has none; ceiling_by_levels.csv, the part that each level is in, real or predicted,
/// and its cells. Without a ceiling nothing is written.
/// @throws WriteError if a file cannot be written
template <class = void>
void write_level_ceilings(const std::filesystem::path& folder,
                          const std::vector<LevelCeilings>& columns) {
  CsvTable scores{{"by", "context", "perturbation"}, {}}, means{{"by", "context"}, {}},
      levels{{"by", "context", "level", "part", "cells"}, {}};
  for (const LevelCeilings& column : columns)
    for (size_t c = 0; c < column.contexts.size(); ++c) {
      const ContextCeiling& found = column.contexts[c];
      if (means.rows.empty())
        for (const ScoreColumn& metric : found.scores.columns) {
          scores.header.push_back(metric.name);
          means.header.push_back(metric.name);
        }
      for (size_t t = 0; t < found.scores.perturbations.size(); ++t) {
        auto& row = scores.rows.emplace_back();
        row = {column.by, found.context, found.scores.perturbations[t]};
        for (const ScoreColumn& metric : found.scores.columns)
          row.push_back(score_text(metric.values[t]));
      }
      auto& row = means.rows.emplace_back();
      row = {column.by, found.context};
      for (const double ceiling : found.ceilings) row.push_back(number_text(ceiling));
      for (const DividedLevel& level : column.levels[c])
        levels.rows.push_back({column.by, found.context, level.level,
                               level.is_real ? "real" : "predicted", message(level.cells)});
    }
  if (means.rows.empty()) return;
  write_csv(folder / "ceiling_by_results.csv", scores);
  write_csv(folder / "agg_ceiling_by_results.csv", means);
  write_csv(folder / "ceiling_by_levels.csv", levels);
}

namespace detail {

/// The ceilings in a row of a table, of the columns from `first` on.
template <class = void>
ContextCeiling ceilings_in(const char* function, const std::filesystem::path& path,
                           const CsvTable& table, size_t row, size_t first) {
  ContextCeiling out;
  for (size_t m = first; m < table.header.size(); ++m) {
    out.scores.columns.push_back({table.header[m], {}});
    out.ceilings.push_back(csv_number(function, path, table.header, table.rows[row], row, m));
  }
  return out;
}

}  // namespace detail

/// The ceilings that write_level_ceilings wrote into a folder, by column as mean_ceilings gives
/// them; none where there are none.
/// @throws IoError, FormatError naming the file and what is wrong with it
template <class = void>
std::vector<MeanLevelCeilings> read_mean_level_ceilings(const std::filesystem::path& folder) {
  const auto path = folder / "agg_ceiling_by_results.csv";
  if (!std::filesystem::exists(path)) return {};
  const CsvTable table = read_csv(path);
  if (table.header.size() < 2 || table.header[0] != "by" || table.header[1] != "context")
    throw FormatError(message("read_mean_level_ceilings: ", quoted(path.string()),
                              " has the columns ", list_of(table.header),
                              ", expected 'by', 'context', then metrics"));
  std::vector<LevelCeilings> out;
  for (size_t r = 0; r < table.rows.size(); ++r) {
    if (out.empty() || out.back().by != table.rows[r][0]) out.push_back({table.rows[r][0]});
    out.back().contexts.push_back(
        detail::ceilings_in("read_mean_level_ceilings", path, table, r, 2));
  }
  return mean_level_ceilings(out);
}

/// The ceilings in a folder that write_results and write_ceilings wrote into, as mean_ceilings
/// gives them; none where there are none.
/// @throws IoError, FormatError naming the file and what is wrong with it
template <class = void>
std::vector<std::pair<std::string, double>> read_mean_ceilings(
    const std::filesystem::path& folder, const std::vector<ResultFiles>& files) {
  std::vector<ContextCeiling> contexts;
  for (const ResultFiles& of_context : files) {
    const auto path = folder / (of_context.prefix + "agg_ceiling_results.csv");
    if (!std::filesystem::exists(path)) return {};
    const CsvTable table = read_csv(path);
    if (table.rows.size() != 1)
      throw FormatError(message("read_mean_ceilings: ", quoted(path.string()), " has ",
                                table.rows.size(), " rows, expected one"));
    contexts.push_back(detail::ceilings_in("read_mean_ceilings", path, table, 0, 0));
    if (table.header.size() != contexts[0].ceilings.size())
      throw FormatError(
          message("read_mean_ceilings: ", quoted(path.string()), " has ", table.header.size(),
                  " columns, expected those of the first context, ", contexts[0].ceilings.size()));
  }
  return mean_ceilings(contexts);
}

VCELL_INSTANTIATE(files, void write_ceilings<void>(const std::filesystem::path&,
                                                   const std::vector<ContextCeiling>&, bool));
VCELL_INSTANTIATE(files, void write_level_ceilings<void>(const std::filesystem::path&,
                                                         const std::vector<LevelCeilings>&));

VCELL_END_NAMESPACE
