#pragma once

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/atomic_file.hpp"

VCELL_BEGIN_NAMESPACE

/// A table as text: one header and rows of as many fields.
struct CsvTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;

  /// The place of a column.
  /// @throws FormatError naming the columns there are, if this one is not among them
  size_t column(std::string_view name) const {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end())
      throw FormatError(message("CsvTable: there is no column ", quoted(name), "; the columns are ",
                                list_of(header, 40)));
    return size_t(found - header.begin());
  }
  friend bool operator==(const CsvTable&, const CsvTable&) = default;
};

namespace detail {

/// Reads fields separated by commas, quoted ones with doubled quotes inside (RFC 4180), lines
/// ending in LF or CRLF, from a file in blocks. A mark that the text is UTF-8 and empty lines at
/// the end are passed over.
class CsvReader {
 public:
  /// @throws IoError if the file cannot be opened
  template <class = void>
  explicit CsvReader(const std::filesystem::path& path)
      : in_(path, std::ios::binary), name_(path.string()) {
    if (!in_ || std::filesystem::is_directory(path))
      throw IoError(
          message("read_csv: cannot open ", quoted(name_), "; is it there, and may you read it?"));
    if (!is_at_end() && std::string_view(block_).starts_with("\xef\xbb\xbf"))
      place_ = 3;  // how spreadsheets mark UTF-8
  }

  /// The next line's fields; false at the end of the file.
  template <class = void>
  bool next(std::vector<std::string>& fields) {
    fields.clear();
    if (!empty_lines_) {
      while (!is_at_end() && block_[place_] == '\n') ++place_, ++empty_lines_;
      if (is_at_end()) return false;
    }
    first_line_ = ++line_;
    if (empty_lines_) {  // of which another line comes after all
      --empty_lines_;
      fields.emplace_back();
      return true;
    }
    do fields.push_back(field());
    while (take(','));
    take('\r');
    if (!is_at_end() && !take('\n'))
      fail("expected a comma or the end of the line after a quoted field");
    return true;
  }
  /// The fields of the first line.
  /// @throws FormatError if there is none
  template <class = void>
  std::vector<std::string> header() {
    std::vector<std::string> fields;
    if (!next(fields))
      throw FormatError(message("read_csv: ", quoted(name_), " is empty, expected a header"));
    return fields;
  }
  /// next, of a line that must have as many fields as the header.
  /// @throws FormatError naming the line if it has not
  template <class = void>
  bool next_row(std::vector<std::string>& fields, size_t columns) {
    if (!next(fields)) return false;
    if (fields.size() != columns)
      fail(message(fields.size(), " fields, expected ", columns, " as the header"));
    return true;
  }

  /// Where a line begins.
  struct Place {
    uint64_t offset = 0;
    size_t line = 0;  // those before it
  };
  /// Where the next line begins, unless empty lines were met.
  Place place() const { return {offset_ + place_, line_}; }
  /// Reads on from there.
  template <class = void>
  void go_to(const Place& place) {
    in_.clear();
    in_.seekg(std::streamoff(place.offset));
    if (!in_) throw IoError(message("read_csv: cannot read ", quoted(name_)));
    block_.clear();
    place_ = 0;
    offset_ = place.offset;
    line_ = place.line;
    empty_lines_ = 0;
  }

  template <class = void>
  [[noreturn]] void fail(std::string_view what) const {
    throw FormatError(message("read_csv: ", quoted(name_), ", line ", first_line_, ": ", what));
  }

 private:
  /// Whether nothing is left; else there is a character at place_.
  bool is_at_end() {
    if (place_ < block_.size()) return false;
    offset_ += block_.size();
    block_.resize(size_t(1) << 20);
    in_.read(block_.data(), std::streamsize(block_.size()));
    block_.resize(size_t(in_.gcount()));
    place_ = 0;
    if (in_.bad()) throw IoError(message("read_csv: cannot read ", quoted(name_)));
    return block_.empty();
  }
  bool take(char c) {
    if (is_at_end() || block_[place_] != c) return false;
    ++place_;
    return true;
  }
  std::string field() {
    std::string out;
    if (!take('"')) {
      while (!is_at_end()) {
        const size_t end = std::min(block_.find_first_of(",\n", place_), block_.size());
        out.append(block_, place_, end - place_);
        place_ = end;
        if (end < block_.size()) break;
      }
      if ((is_at_end() || block_[place_] == '\n') && out.ends_with('\r')) out.pop_back();
      return out;
    }
    for (;;) {
      if (is_at_end()) fail("a quoted field has no end");
      const char c = block_[place_++];
      line_ += c == '\n';
      if (c != '"')
        out += c;
      else if (take('"'))
        out += '"';
      else
        return out;
    }
  }

  std::ifstream in_;
  std::string name_, block_;
  uint64_t offset_ = 0;  // of block_ in the file
  size_t place_ = 0, line_ = 0, first_line_ = 0, empty_lines_ = 0;
};

template <class = void>
void append_csv_line(std::string& out, const std::vector<std::string>& fields) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i) out += ',';
    // A lone empty field would read back as an empty line.
    const bool quote = fields[i].find_first_of(",\"\r\n") != std::string::npos ||
                       (fields.size() == 1 && fields[i].empty());
    if (!quote) {
      out += fields[i];
      continue;
    }
    out += '"';
    for (const char c : fields[i]) out += c == '"' ? "\"\"" : std::string(1, c);
    out += '"';
  }
  out += '\n';
}

}  // namespace detail

/// Reads a table with a header line row by row, so that it need not fit into memory.
/// @param header  is given the header
/// @param row     is given each row, as many fields as the header has; its fields may be moved out
/// @throws IoError if the file cannot be read; FormatError naming file and line if it is empty, a
///         quoted field does not end, or a row has not as many fields as the header
template <class Header, class Row>
void read_csv_rows(const std::filesystem::path& path, Header&& header, Row&& row) {
  detail::CsvReader reader(path);
  std::vector<std::string> fields = reader.header();
  const size_t columns = fields.size();
  header(fields);
  while (reader.next_row(fields, columns)) row(fields);
}

/// Reads a table with a header line.
/// @throws as read_csv_rows
template <class = void>
CsvTable read_csv(const std::filesystem::path& path) {
  CsvTable table;
  read_csv_rows(
      path, [&](std::vector<std::string>& header) { table.header = header; },
      [&](std::vector<std::string>& row) { table.rows.push_back(row); });
  return table;
}

/// Writes a table, atomically. Fields with commas, quotes or line ends are quoted.
/// @throws ShapeError if a row has not as many fields as the header; IoError
template <class = void>
void write_csv(const std::filesystem::path& path, const CsvTable& table) {
  std::string text;
  detail::append_csv_line(text, table.header);
  for (const auto& row : table.rows) {
    if (row.size() != table.header.size())
      throw ShapeError(message("write_csv: ", quoted(path.string()), ": a row has ", row.size(),
                               " fields, expected ", table.header.size(), " as the header"));
    detail::append_csv_line(text, row);
  }
  write_text(path, text);
}

VCELL_INSTANTIATE(files, CsvTable read_csv<void>(const std::filesystem::path&));
VCELL_INSTANTIATE(files, void write_csv<void>(const std::filesystem::path&, const CsvTable&));

VCELL_END_NAMESPACE
