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

/// The ceilings in a folder that write_results and write_ceilings wrote into, as mean_ceilings
/// gives them; none where there are none.
/// @throws IoError, FormatError naming the file and what is wrong with it
template <class = void>
std::vector<std::pair<std::string, double>> read_mean_ceilings(
    const std::filesystem::path& folder, const std::vector<ResultFiles>& files) {
  std::vector<ContextCeiling> contexts;
  for (const auto& [context, prefix] : files) {
    const auto path = folder / (prefix + "agg_ceiling_results.csv");
    if (!std::filesystem::exists(path)) return {};
    const CsvTable table = read_csv(path);
    if (table.rows.size() != 1)
      throw FormatError(message("read_mean_ceilings: ", quoted(path.string()), " has ",
                                table.rows.size(), " rows, expected one"));
    ContextCeiling& out = contexts.emplace_back();
    out.context = context;
    for (size_t m = 0; m < table.header.size(); ++m) {
      const auto number = parse_number(table.rows[0][m]);
      if (!number)
        throw FormatError(message("read_mean_ceilings: ", quoted(path.string()), ", column ",
                                  quoted(table.header[m]), " holds ", quoted(table.rows[0][m]),
                                  ", expected a number"));
      out.scores.columns.push_back({table.header[m], {}});
      out.ceilings.push_back(*number);
    }
    if (out.ceilings.size() != contexts[0].ceilings.size())
      throw FormatError(
          message("read_mean_ceilings: ", quoted(path.string()), " has ", out.ceilings.size(),
                  " columns, expected those of the first context, ", contexts[0].ceilings.size()));
  }
  return mean_ceilings(contexts);
}

VCELL_INSTANTIATE(files, void write_ceilings<void>(const std::filesystem::path&,
                                                   const std::vector<ContextCeiling>&, bool));

VCELL_END_NAMESPACE
