#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/data/cell_input.hpp"
#include "vcell/data/dataframe.hpp"
#include "vcell/io/cells/line_fields.hpp"
#include "vcell/io/cells/memory_grant.hpp"
#include "vcell/io/cells/mtx_entries.hpp"
#include "vcell/io/cells/text_blocks.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE

namespace detail {

/// A column of what a table says: whole numbers, numbers, truth values or text. An empty field is
/// missing, and among numbers and truth values NA and NaN are too.
template <class = void>
Column column_of_texts(std::vector<std::string> texts) {
  const auto is_gap = [](const std::string& t) {
    return t.empty() || t == "NA" || t == "NaN" || t == "nan";
  };
  const auto truth = [](const std::string& t) -> int {
    if (t == "True" || t == "TRUE" || t == "true") return 1;
    return t == "False" || t == "FALSE" || t == "false" ? 0 : -1;
  };
  const size_t n = texts.size();
  std::vector<uint8_t> missing(n, 0), empty(n, 0);
  bool whole = true, number = true, truths = true, gaps = false, empties = false, any = false;
  for (size_t i = 0; i < n; ++i) {
    const std::string& t = texts[i];
    empty[i] = t.empty();
    empties = empties || t.empty();
    if (is_gap(t)) {
      missing[i] = 1;
      gaps = true;
      continue;
    }
    any = true;
    int64_t exact;
    whole = whole && parse_whole(t, exact);
    number = number && (whole || parse_number(t));
    truths = truths && truth(t) >= 0;
  }
  if (any && (whole || truths)) {
    std::vector<int64_t> wholes(n, 0);
    std::vector<uint8_t> flags(n, 0);
    for (size_t i = 0; i < n; ++i) {
      if (missing[i]) continue;
      if (whole)
        parse_whole(texts[i], wholes[i]);
      else
        flags[i] = truth(texts[i]) == 1;
    }
    Labels values =
        whole ? Labels(Numbers(std::move(wholes))) : Labels(Numbers::truths(std::move(flags)));
    return {std::move(values), gaps ? std::move(missing) : std::vector<uint8_t>()};
  }
  if (any && number) {
    std::vector<double> values(n, std::numeric_limits<double>::quiet_NaN());
    for (size_t i = 0; i < n; ++i)
      if (!missing[i]) values[i] = *parse_number(texts[i]);
    return Labels(Numbers(std::move(values)));
  }
  return {Labels(std::move(texts)), empties ? std::move(empty) : std::vector<uint8_t>()};
}

}  // namespace detail

/// Reads a table with a row for each cell: CSV or TSV (a tab in the first line tells), gzip or not.
/// Its columns become whole numbers, numbers, truth values or text; an empty field is a missing
/// value, and among numbers and truth values NA and NaN are too.
/// @param key     the column that becomes the index; empty: the first
/// @param budget  as in ReadMtxOptions
/// @throws IoError; FormatError naming file and line if it is no such table or a name comes twice;
///         ConfigError if there is no such column
template <class = void>
DataFrame read_metadata(const std::filesystem::path& path, const std::string& key = {},
                        size_t budget = 0) {
  detail::TextBlocks text("read_metadata", path);
  detail::MemoryGrant memory("read_metadata", budget, double(text.file_bytes()));
  std::vector<std::string> header, fields;
  std::vector<std::vector<std::string>> columns;
  char separator = ',';
  size_t empty = 0, rows = 0;
  for (std::string block; text.next(block);) {
    for (std::string_view lines = block; !lines.empty();) {
      const char* const place = lines.data();
      const auto fail = [&](const auto&... parts) { text.fail_at(block, place, parts...); };
      const std::string_view line = detail::take_line(lines);
      if (line.empty()) {
        ++empty;
        continue;
      }
      if (empty) fail("follows an empty line");
      if (!is_utf8(line)) fail("is no text in UTF-8");
      if (header.empty()) separator = detail::separator_of(line);
      if (!detail::split_line(line, separator, fields))
        fail("a quoted field has no end, or something follows it");
      if (header.empty()) {
        header = fields;
        continue;
      }
      if (columns.empty()) {
        // R's write.table leaves the place above the rows' names out.
        if (fields.size() == header.size() + 1) header.insert(header.begin(), std::string());
        columns.resize(header.size());
      }
      if (fields.size() != header.size())
        fail("has ", fields.size(), " fields, expected ", header.size(), " as the first line");
      memory.take(double(line.size()) + 40.0 * double(fields.size()),
                  message("file ", quoted(path.string())));
      ++rows;
      for (size_t i = 0; i < fields.size(); ++i) columns[i].push_back(std::move(fields[i]));
    }
  }
  if (header.empty()) text.fail("is empty, expected a first line with the columns' names");
  columns.resize(header.size());
  size_t at = 0;
  if (!key.empty()) {
    at = size_t(std::find(header.begin(), header.end(), key) - header.begin());
    if (at == header.size())
      throw ConfigError(message("read_metadata: file ", quoted(path.string()), " has no column ",
                                quoted(key), "; its columns are ", list_of(header, 40),
                                "; choose by MetadataOptions::key"));
  }
  DataFrame out(std::move(columns[at]));
  if (!header[at].empty()) out.index_name = header[at];
  auto sorted = out.index;
  std::sort(sorted.begin(), sorted.end());
  if (const auto same = std::adjacent_find(sorted.begin(), sorted.end()); same != sorted.end())
    text.fail("names the cell ", quoted(*same), " more than once in the column ",
              quoted(header[at]), "; choose another one by MetadataOptions::key");
  for (size_t i = 0; i < header.size(); ++i) {
    if (i == at) continue;
    if (header[i].empty()) text.fail("its column ", i + 1, " has no name");
    if (out.has(header[i]) || header[i] == header[at])
      text.fail("has the column ", quoted(header[i]), " twice");
    out.set(header[i], detail::column_of_texts(std::move(columns[i])));
  }
  return out;
}

/// Adds a table's columns to those of the cells of the same names.
/// @param where     what was read, for messages
/// @param warnings  takes a line for what is left out
/// @return a flag for each cell, 0 for those that the table lacks, which drop_unmatched permits;
///         their new columns are missing
/// @throws FormatError counting and naming what is missing on either side, or if a name of a cell
///         or of a column is there twice
template <class = void>
std::vector<uint8_t> join_metadata(DataFrame& obs, const MetadataOptions& options,
                                   const std::string& where, size_t budget = 0,
                                   std::vector<std::string>* warnings = nullptr) {
  const DataFrame table = read_metadata(options.file, options.key, budget);
  const std::string& file = options.file;
  const auto fail = [&](const auto&... parts) {
    throw FormatError(message("join_metadata: ", where, " and ", quoted(file), ": ", parts...));
  };
  std::unordered_map<std::string_view, size_t> places;
  for (size_t i = 0; i < table.rows(); ++i) places.emplace(table.index[i], i);
  std::vector<uint8_t> keep(obs.rows(), 0), used(table.rows(), 0);
  std::vector<size_t> rows(obs.rows(), 0);
  std::vector<std::string> unknown, unused;
  for (size_t i = 0; i < obs.rows(); ++i) {
    const auto found = places.find(obs.index[i]);
    if (found == places.end()) {
      unknown.push_back(obs.index[i]);
      continue;
    }
    if (used[found->second])
      fail("the data have the cell ", quoted(obs.index[i]), " more than once");
    keep[i] = used[found->second] = 1;
    rows[i] = found->second;
  }
  for (size_t i = 0; i < table.rows(); ++i)
    if (!used[i]) unused.push_back(table.index[i]);
  std::string said;
  if (!unknown.empty())
    said = message(unknown.size(), " of ", obs.rows(),
                   " cells have no row in the table: ", list_of(unknown, 5));
  if (!unused.empty())
    said += message(said.empty() ? "" : "; ", unused.size(), " of ", table.rows(),
                    " rows of the table have no cell: ", list_of(unused, 5));
  if (!said.empty() && !options.drop_unmatched)
    fail(said, "; drop them by MetadataOptions::drop_unmatched",
         unknown.size() == obs.rows() ? ", or name the column with the cells' names by "
                                        "MetadataOptions::key"
                                      : "");
  if (obs.rows() && unknown.size() == obs.rows())
    fail(said, "; name the column with the cells' names by MetadataOptions::key");
  if (!said.empty() && warnings)
    warnings->push_back(message(where, " and ", quoted(file), ": ", said, "; they are left out"));
  for (const std::string& name : table.names()) {
    if (obs.has(name))
      fail("obs has the column ", quoted(name), " already; rename it in the table");
    if (table.rows() == 0) {
      obs.set(name, Column(Labels(std::vector<std::string>(obs.rows()))));
      continue;
    }
    std::vector<uint8_t> gone(obs.rows());
    for (size_t i = 0; i < gone.size(); ++i) gone[i] = !keep[i];
    Column column = table.column(name).select_rows(rows);
    obs.set(name, unknown.empty() ? std::move(column) : column.with_missing(gone));
  }
  return keep;
}

VCELL_INSTANTIATE(files, DataFrame read_metadata<void>(const std::filesystem::path&,
                                                       const std::string&, size_t));
VCELL_INSTANTIATE(files,
                  std::vector<uint8_t> join_metadata<void>(DataFrame&, const MetadataOptions&,
                                                           const std::string&, size_t,
                                                           std::vector<std::string>*));

VCELL_END_NAMESPACE
