#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/data/anndata.hpp"
#include "vcell/data/transposed.hpp"
#include "vcell/io/cells/features.hpp"
#include "vcell/io/cells/line_fields.hpp"
#include "vcell/io/cells/memory_grant.hpp"
#include "vcell/io/cells/mtx_entries.hpp"
#include "vcell/io/utf8.hpp"

VCELL_BEGIN_NAMESPACE

struct ReadTableOptions {
  /// Rows are genes and columns cells; else rows are cells.
  bool genes_in_rows = false;
  /// Of genes' names that come more than once. A remark says how many were changed.
  DuplicateNames duplicates = DuplicateNames::make_unique;
  /// As in ReadMtxOptions.
  size_t budget = 0;
  /// Takes one line for what was renamed; nullptr drops them.
  std::vector<std::string>* warnings = nullptr;
  Progress progress = {};
};

namespace detail {

/// Some rows of a dense table: names, and the values that are not 0.
template <class T>
struct TablePiece {
  std::vector<std::string> names;
  CsrMatrix<T> rows;
  const char* wrong = nullptr;  ///< the line that does not fit, where reading ended
  std::string what;             ///< is wrong with it; empty: T does not hold one of its numbers
};

/// A number of a table as T.
/// @return whether T holds it
template <class T>
bool parse_cell(std::string_view field, T& value) {
  if constexpr (std::is_integral_v<T>) {
    return parse_whole(field, value);
  } else {
    const auto number = parse_number(field);
    value = number ? T(*number) : T(0);
    return number && !std::isnan(*number) && (!std::isinf(value) || std::isinf(*number));
  }
}

/// @param columns  the names of the header, one for each number of a line
template <class T>
TablePiece<T> parse_table(std::string_view lines, char separator,
                          const std::vector<std::string>& columns) {
  TablePiece<T> out;
  out.rows.columns = columns.size();
  std::string name, quoted_field;
  while (!lines.empty()) {
    const char* const place = lines.data();
    std::string_view line = take_line(lines);
    const auto fail = [&](const auto&... parts) {
      out.wrong = place;
      out.what = message(parts...);
      return std::move(out);
    };
    bool more = true;
    if (!take_field(line, separator, name, more))
      return fail("a quoted field has no end, or something follows it");
    if (!is_utf8(name)) return fail("its name is no text in UTF-8");
    size_t i = 0;
    for (; more; ++i) {
      std::string_view field;
      if (!line.empty() && line.front() == '"') {
        if (!take_field(line, separator, quoted_field, more))
          return fail("a quoted field has no end, or something follows it");
        field = quoted_field;
      } else {
        const size_t end = line.find(separator);
        more = end != std::string_view::npos;
        field = line.substr(0, end);
        line.remove_prefix(more ? end + 1 : line.size());
      }
      if (i >= columns.size()) continue;  // which are counted
      if (field == "0") continue;
      T value;
      if (!parse_cell(field, value)) {
        float any;
        if (std::is_integral_v<T> && parse_cell(field, any)) return fail();
        return fail("column ", quoted(columns[i]), " holds ", quoted(field.substr(0, 80)),
                    ", expected a number");
      }
      if (value == T(0)) continue;
      out.rows.indices.push_back(int32_t(i));
      out.rows.values.push_back(value);
    }
    if (i != columns.size())
      return fail("has ", i, " numbers, expected ", columns.size(), ", one for each name in the ",
                  "first line");
    out.names.push_back(name);
    out.rows.end_row();
  }
  return out;
}

/// The fields of the first line.
template <class = void>
std::vector<std::string> table_header(const TextBlocks& text, const std::string& block,
                                      std::string_view& lines, char separator) {
  std::vector<std::string> fields;
  const std::string_view first = take_line(lines);
  if (!is_utf8(first)) text.fail_at(block, block.data(), "is no text in UTF-8");
  if (!split_line(first, separator, fields))
    text.fail_at(block, block.data(), "a quoted field has no end, or something follows it");
  if (fields.size() > size_t(std::numeric_limits<int32_t>::max()))
    text.fail("has ", fields.size(), " columns, which are too many");
  return fields;
}

/// Leaves of the fields of the first line the names of the columns: all but the first one, or, as R
/// writes it, all where the line below has one field more.
/// @param row  that line
template <class = void>
void keep_names(std::vector<std::string>& fields, std::string_view row, char separator) {
  std::vector<std::string> below;
  const bool as_r = split_line(row, separator, below) && below.size() == fields.size() + 1;
  if (!as_r) fields.erase(fields.begin());
}

/// A dense table, as T.
/// @return nothing if T does not hold one of its numbers
template <class T>
std::optional<std::pair<CsrMatrix<T>, std::array<std::vector<std::string>, 2>>> read_dense_table(
    const std::filesystem::path& path, const ReadTableOptions& options) {
  TextBlocks text("read_table", path);
  MemoryGrant memory("read_table", options.budget, double(text.file_bytes()));
  const auto file = message("file ", quoted(path.string()));
  std::string block;
  if (!text.next(block)) text.fail("is empty, expected a first line with names");
  std::string_view lines = block;
  const char separator = separator_of(lines.substr(0, lines.find('\n')));
  auto columns = table_header(text, block, lines, separator);
  memory.take(64.0 * double(columns.size()), file);
  CsrMatrix<T> all;
  std::vector<std::string> names;
  size_t empty = 0;
  bool has_rows = false;
  do {
    // Empty lines may only be the last ones.
    const size_t empty_before = empty;
    std::string_view used = lines;
    while (used.ends_with("\n\n") || used == "\n" || used.ends_with("\n\r\n") || used == "\r\n") {
      used.remove_suffix(used.ends_with("\r\n") ? 2 : 1);
      ++empty;
    }
    if (!used.empty() && empty_before) text.fail_at(block, used.data(), "follows an empty line");
    if (!used.empty() && !has_rows) {
      has_rows = true;
      std::string_view rest = used;
      keep_names(columns, take_line(rest), separator);
      all.columns = columns.size();
    }
    const auto pieces = pieces_of(used, size_t(1) << 18);
    std::vector<TablePiece<T>> found(pieces.size());
    parallel_for(pieces.size(), 1, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) found[i] = parse_table<T>(pieces[i], separator, columns);
    });
    for (TablePiece<T>& piece : found) {
      if (piece.wrong && piece.what.empty()) return std::nullopt;
      if (piece.wrong) text.fail_at(block, piece.wrong, piece.what);
      memory.take(double(piece.rows.values.size()) * double(sizeof(T) + sizeof(int32_t)) *
                          (options.genes_in_rows ? 2.0 : 1.0) +
                      72.0 * double(piece.names.size()),
                  file);
      all.append(piece.rows.view());
      names.insert(names.end(), std::make_move_iterator(piece.names.begin()),
                   std::make_move_iterator(piece.names.end()));
    }
    report(options.progress,
           {"read", size_t(text.done_bytes() >> 20), size_t(text.file_bytes() >> 20), "rows"});
    if (!text.next(block)) break;
    lines = block;
  } while (true);
  if (!has_rows) {
    columns.erase(columns.begin());
    all.columns = columns.size();
  }
  return std::pair{std::move(all), std::array{std::move(names), std::move(columns)}};
}

}  // namespace detail

/// Reads a dense table of numbers: CSV or TSV (a tab in the first line tells), gzip or not, with
/// the names of the cells in the first column and those of the genes in the first line, or the
/// other way round. The first line has a field above the names, or none as R's write.table leaves
/// it.
///
/// X is cells x genes, sparse by rows without the zeros: int32 where all numbers are whole and fit,
/// else float32. obs and var have names alone.
///
/// @throws IoError if the file cannot be read; FormatError naming line and column of what is no
///         number, or a line with more or fewer fields than the first
template <class = void>
AnnData read_table(const std::filesystem::path& path, const ReadTableOptions& options = {}) {
  AnnData out;
  const auto read = [&]<class T>() {
    auto found = detail::read_dense_table<T>(path, options);
    if (!found) return false;
    CsrMatrix<T>& m = found->first;
    out.X = options.genes_in_rows ? transposed(m.view()) : std::move(m);
    auto& [rows, columns] = found->second;
    out.obs = DataFrame(std::move(options.genes_in_rows ? columns : rows));
    out.var = DataFrame(std::move(options.genes_in_rows ? rows : columns));
    return true;
  };
  if (!read.template operator()<int32_t>()) read.template operator()<float>();
  detail::unique_genes(out.var.index, options.duplicates,
                       message("read_table: file ", quoted(path.string())), options.warnings);
  return out;
}

VCELL_INSTANTIATE(files,
                  AnnData read_table<void>(const std::filesystem::path&, const ReadTableOptions&));

VCELL_END_NAMESPACE
