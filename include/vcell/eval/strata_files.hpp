#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "vcell/core/cmath.hpp"
#include "vcell/eval/score_stratum.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/csv_number.hpp"

VCELL_BEGIN_NAMESPACE

/// Writes mean scores of parts of what was scored: a row for each part and a column for each score,
/// an empty field where it has none.
/// @throws WriteError if the file cannot be written
template <class = void>
void write_strata(const std::filesystem::path& path, const ScoreStrata& strata) {
  CsvTable table{{"by", "low", "high", "size"}, {}};
  for (const std::string& metric : strata.metrics) table.header.push_back(metric);
  for (const ScoreStratum& part : strata.strata) {
    auto& row = table.rows.emplace_back();
    row = {part.by, number_text(part.low), number_text(part.high), number_text(double(part.size))};
    for (const Score& mean : part.means) row.push_back(mean ? number_text(*mean) : "");
  }
  write_csv(path, table);
}

/// Reads what write_strata wrote.
/// @throws IoError, FormatError naming the file and what is wrong with it
template <class = void>
ScoreStrata read_strata(const std::filesystem::path& path) {
  const CsvTable table = read_csv(path);
  const size_t by = table.column("by"), low = table.column("low"), high = table.column("high"),
               size = table.column("size");
  const auto number = [&](size_t row, size_t column) {
    return csv_number("read_strata", path, table.header, table.rows[row], row, column);
  };
  ScoreStrata out;
  std::vector<size_t> columns;
  for (size_t c = 0; c < table.header.size(); ++c) {
    if (c == by || c == low || c == high || c == size) continue;
    columns.push_back(c);
    out.metrics.push_back(table.header[c]);
  }
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const double n = number(r, size);
    if (!(n >= 0 && n < 1e15 && n == std::floor(n)))
      throw FormatError(message("read_strata: ", quoted(path.string()), ", row ", r + 1,
                                " has the size ", n, ", expected a whole number from 0"));
    ScoreStratum part{table.rows[r][by], number(r, low), number(r, high), size_t(n), {}};
    for (const size_t c : columns)
      part.means.push_back(table.rows[r][c].empty() ? Score() : Score(number(r, c)));
    out.strata.push_back(std::move(part));
  }
  return out;
}

/// Those in a folder that write_results wrote; none where it has none.
/// @throws as read_strata
template <class = void>
ScoreStrata read_strata_in(const std::filesystem::path& folder) {
  const auto path = folder / "strata.csv";
  return std::filesystem::exists(path) ? read_strata(path) : ScoreStrata();
}

VCELL_END_NAMESPACE
