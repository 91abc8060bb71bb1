#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "vcell/eval/score_interval.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/csv_number.hpp"

VCELL_BEGIN_NAMESPACE

/// Writes intervals of mean scores: a row for each metric of each context, then of the mean over
/// contexts, whose name is empty; empty fields where there is no interval.
/// @throws WriteError if the file cannot be written
template <class = void>
void write_intervals(const std::filesystem::path& path, const ScoreIntervals& intervals) {
  CsvTable table{{"context", "metric", "sd", "low", "high"}, {}};
  const auto add = [&](const ContextIntervals& context) {
    for (size_t m = 0; m < intervals.metrics.size(); ++m) {
      const auto& found = context.intervals[m];
      const auto text = [&](double ScoreInterval::*field) {
        return found ? number_text((*found).*field) : std::string();
      };
      table.rows.push_back({context.context, intervals.metrics[m], text(&ScoreInterval::sd),
                            text(&ScoreInterval::low), text(&ScoreInterval::high)});
    }
  };
  for (const ContextIntervals& context : intervals.contexts)
    if (!context.context.empty()) add(context);
  add(intervals.overall);
  write_csv(path, table);
}

/// Reads what write_intervals wrote; contexts without a name come back as the mean over contexts.
/// @throws IoError, FormatError naming the file and what is wrong with it
template <class = void>
ScoreIntervals read_intervals(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  const size_t context = table.column("context"), metric = table.column("metric"),
               sd = table.column("sd"), low = table.column("low"), high = table.column("high");
  ScoreIntervals out;
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const auto& row = table.rows[r];
    ContextIntervals& place = out.contexts.empty() || out.contexts.back().context != row[context]
                                  ? out.contexts.emplace_back(ContextIntervals{row[context], {}})
                                  : out.contexts.back();
    const size_t m = place.intervals.size();
    if (out.contexts.size() == 1)
      out.metrics.push_back(row[metric]);
    else if (m >= out.metrics.size() || out.metrics[m] != row[metric])
      throw FormatError(message("read_intervals: ", quoted(path.string()), ", row ", r + 1,
                                " is of ", quoted(row[metric]),
                                ", expected the metrics of the first context"));
    if (row[sd].empty() && row[low].empty() && row[high].empty()) {
      place.intervals.emplace_back();
      continue;
    }
    const auto number = [&](size_t column) {
      return csv_number("read_intervals", path, table.header, row, r, column);
    };
    place.intervals.push_back(ScoreInterval{number(sd), number(low), number(high)});
  }
  for (const ContextIntervals& place : out.contexts)
    if (place.intervals.size() != out.metrics.size())
      throw FormatError(message("read_intervals: ", quoted(path.string()), " has ",
                                place.intervals.size(), " rows of context ", quoted(place.context),
                                ", expected ", out.metrics.size()));
  if (!out.contexts.empty()) {
    if (!out.contexts.back().context.empty())
      throw FormatError(message("read_intervals: ", quoted(path.string()), " ends with context ",
                                quoted(out.contexts.back().context),
                                ", expected the mean over contexts, which has no name"));
    out.overall = std::move(out.contexts.back());
    out.contexts.pop_back();
  }
  return out;
}

/// The intervals in a folder that write_results wrote; none where it has none.
/// @throws as read_intervals
template <class = void>
ScoreIntervals read_intervals_in(const std::filesystem::path& folder) {
  const auto path = folder / "intervals.csv";
  return std::filesystem::exists(path) ? read_intervals(path) : ScoreIntervals();
}

VCELL_END_NAMESPACE
