#pragma once

#include <algorithm>
#include <string>
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
/// ending in LF or CRLF. A mark that the text is UTF-8 is passed over.
class CsvReader {
 public:
  CsvReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
    if (text_.starts_with("\xef\xbb\xbf")) place_ = 3;  // how spreadsheets mark UTF-8
  }

  /// The next line's fields; false at the end of the text.
  bool next(std::vector<std::string>& fields) {
    fields.clear();
    if (place_ == text_.size()) return false;
    ++line_;
    first_line_ = line_;
    do fields.push_back(field());
    while (take(','));
    take('\r');
    if (place_ < text_.size() && !take('\n'))
      fail("expected a comma or the end of the line after a quoted field");
    return true;
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw FormatError(message("read_csv: ", quoted(name_), ", line ", first_line_, ": ", what));
  }

 private:
  bool take(char c) {
    if (place_ == text_.size() || text_[place_] != c) return false;
    ++place_;
    return true;
  }
  std::string field() {
    std::string out;
    if (!take('"')) {
      const size_t end = std::min(text_.find_first_of(",\n", place_), text_.size());
      out = text_.substr(place_, end - place_);
      place_ = end;
      if ((end == text_.size() || text_[end] == '\n') && out.ends_with('\r')) out.pop_back();
      return out;
    }
    for (;;) {
      if (place_ == text_.size()) fail("a quoted field has no end");
      const char c = text_[place_++];
      line_ += c == '\n';
      if (c != '"')
        out += c;
      else if (take('"'))
        out += '"';
      else
        return out;
    }
  }

  std::string_view text_;
  std::string name_;
  size_t place_ = 0, line_ = 0, first_line_ = 0;
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

/// Reads a table with a header line.
/// @throws IoError if the file cannot be read; FormatError naming file and line if it is empty, a
///         quoted field does not end, or a row has not as many fields as the header
template <class = void>
CsvTable read_csv(const std::filesystem::path& path) {
  std::string text = read_text(path);
  while (text.ends_with("\n\n")) text.pop_back();  // empty lines at the end
  detail::CsvReader reader(text, path.string());
  CsvTable table;
  if (!reader.next(table.header))
    throw FormatError(message("read_csv: ", quoted(path.string()), " is empty, expected a header"));
  std::vector<std::string> row;
  while (reader.next(row)) {
    if (row.size() != table.header.size())
      reader.fail(message(row.size(), " fields, expected ", table.header.size(), " as the header"));
    table.rows.push_back(row);
  }
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
