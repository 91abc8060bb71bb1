#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/eval/scale_aggregates.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE

/// Reads the row `mean` of an agg_results.csv.
/// @throws IoError; FormatError if there is no such row, or an entry of it is no number
template <class = void>
std::vector<AggregateScore> read_aggregates(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  const size_t statistic = table.column("statistic");
  for (const auto& row : table.rows) {
    if (row[statistic] != "mean") continue;
    std::vector<AggregateScore> out;
    for (size_t c = 0; c < row.size(); ++c) {
      if (c == statistic) continue;
      const auto number = parse_number(row[c]);
      if (!number && !row[c].empty())
        throw FormatError(message("read_aggregates: ", quoted(path.string()), ": the mean of ",
                                  quoted(table.header[c]), " is ", quoted(row[c]),
                                  ", expected a number"));
      out.push_back({table.header[c], number});
    }
    return out;
  }
  throw FormatError(message("read_aggregates: ", quoted(path.string()),
                            " has no row whose statistic is 'mean'; is it an agg_results.csv?"));
}

/// Writes scaled scores as cell-eval does: metric, from_baseline, and the average as avg_score.
/// @throws WriteError if the file cannot be written
template <class = void>
void write_scaled_aggregates(const std::filesystem::path& path, const ScaledAggregates& scaled) {
  CsvTable table{{"metric", "from_baseline"}, {}};
  for (const ScaledAggregate& score : scaled.scores)
    table.rows.push_back({score.metric, number_text(score.score)});
  table.rows.push_back({"avg_score", number_text(scaled.average)});
  write_csv(path, table);
}

VCELL_INSTANTIATE(files,
                  std::vector<AggregateScore> read_aggregates<void>(const std::filesystem::path&));
VCELL_INSTANTIATE(files, void write_scaled_aggregates<void>(const std::filesystem::path&,
                                                            const ScaledAggregates&));

VCELL_END_NAMESPACE
