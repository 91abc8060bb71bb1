#pragma once

#include <charconv>
#include <filesystem>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/data/dataframe.hpp"
#include "vcell/data/narrowed.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/cells/text_output.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE

struct WriteTableOptions {
  char separator = ',';  ///< a comma, or a tab
  int gzip = 0;          ///< compression: 1 fast .. 12 small; 0: plain text
  Progress progress = {};
};

namespace detail {

/// A field of a table, in quotes where it needs them (RFC 4180).
/// @throws ConfigError if readers of lines could not read it
template <class = void>
void add_field(std::string& out, const std::string& text, char separator) {
  if (text.find_first_of("\r\n") != text.npos)
    throw ConfigError(message("write_table: ", quoted(text), " has a line break, which a table ",
                              "that is read by lines cannot hold"));
  if (text.find_first_of(std::string{separator, '"'}) == text.npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  out += '"';
}

/// The first line: a comma separates where no field has a tab, which tells readers.
template <class = void>
std::string header_line(const std::string& first, const std::vector<std::string>& names,
                        char separator) {
  std::string out;
  add_field(out, first, separator);
  for (const std::string& name : names) {
    out += separator;
    add_field(out, name, separator);
  }
  if (separator == ',' && out.find('\t') != out.npos)
    throw ConfigError(
        "write_table: a name in the first line has a tab, which would tell readers "
        "of CSV that tabs separate; write TSV");
  if (names.empty() && separator == '\t')
    throw ConfigError(
        "write_table: there is one column, without a tab to tell that this is TSV; "
        "write CSV");
  return out + '\n';
}

template <class T>
void add_number(std::string& out, T x) {
  char number[32];
  if constexpr (std::is_floating_point_v<T>)
    out += message(x);
  else
    out.append(number, std::to_chars(number, number + sizeof number, x).ptr);
}

template <class F>
void write_table_file(const std::filesystem::path& path, const WriteTableOptions& options,
                      F&& write) {
  if (options.separator != ',' && options.separator != '\t')
    throw ConfigError("write_table: WriteTableOptions::separator is neither a comma nor a tab");
  if (options.gzip < 0 || options.gzip > 12)
    throw ConfigError(message("write_table: gzip is ", options.gzip, ", expected 0 .. 12"));
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    TextOutput out(temporary, options.gzip,
                   message("write_table: cannot write ", quoted(path.string())));
    write(out);
    out.finish();
  });
}

}  // namespace detail

/// Writes cells x genes as a dense table, CSV or TSV: names of genes in the first line, of cells in
/// the first column, numbers as the shortest texts that read back the same. X is read in blocks of
/// rows. read_table reads it as int32 or float32; see write_metadata for obs.
/// @throws ShapeError if X is not (cells, genes); ConfigError for names that such a table cannot
///         hold, without genes, and for numbers that are not finite; WriteError if it cannot be
///         written, and an old file of that name stays
template <class S>
requires RowSource<S, float>
void write_table(const std::filesystem::path& path, const DataFrame& obs, const DataFrame& var,
                 const S& X, const WriteTableOptions& options = {}) {
  check_size_match("write_table", "rows of X", X.rows(), "cells", obs.rows());
  check_size_match("write_table", "columns of X", X.columns(), "genes", var.rows());
  check_positive("write_table", "genes", var.rows());
  constexpr size_t round = size_t(1) << 22;  // numbers that are text at a time
  detail::write_table_file(path, options, [&](detail::TextOutput& out) {
    out.write(detail::header_line("", var.index, options.separator));
    visit_wide(X.dtype(), [&]<class T>() {
      const auto line = [&](size_t cell, std::span<const int32_t> indices,
                            std::span<const T> values) {
        std::string text;
        detail::add_field(text, obs.index[cell], options.separator);
        for (size_t gene = 0, k = 0; gene < var.rows(); ++gene) {
          text += options.separator;
          if (k == indices.size() || size_t(indices[k]) != gene) {
            text += '0';
            continue;
          }
          if constexpr (std::is_floating_point_v<T>)
            if (!std::isfinite(values[k]))
              throw ConfigError(message("write_table: X holds ", number_text(values[k]),
                                        " in cell ", quoted(obs.index[cell]), ", gene ",
                                        quoted(var.index[gene]), ", expected finite numbers"));
          detail::add_number(text, values[k++]);
        }
        text += '\n';
        return text;
      };
      for_each_row_block<T>(X,
                            [&](size_t first, const CsrView<T>& block) {
                              report(options.progress, {"write", first + block.rows, X.rows(), {}});
                              std::vector<std::string> lines(block.rows);
                              parallel_for(block.rows, 1, [&](size_t begin, size_t end) {
                                for (size_t row = begin; row < end; ++row)
                                  lines[row] = line(first + row, block.row_indices(row),
                                                    block.row_values(row));
                              });
                              for (const std::string& text : lines) out.write(text);
                            },
                            {.rows = std::max<size_t>(1, round / var.rows())});
    });
  });
}

/// Writes a table of cells, names in the first column, which read_metadata reads: numbers as the
/// shortest texts that read back the same, truth values as True and False, missing values as empty
/// fields.
/// @throws ConfigError for texts that such a table cannot hold; WriteError as write_table
template <class = void>
void write_metadata(const std::filesystem::path& path, const DataFrame& obs,
                    const WriteTableOptions& options = {}) {
  detail::write_table_file(path, options, [&](detail::TextOutput& out) {
    out.write(detail::header_line(obs.index_name, obs.names(), options.separator));
    std::vector<std::vector<std::string>> columns;
    for (const std::string& name : obs.names()) columns.push_back(obs.column(name).text());
    for (size_t cell = 0; cell < obs.rows(); ++cell) {
      // An empty name alone would be an empty line.
      std::string text = columns.empty() && obs.index[cell].empty() ? "\"\"" : "";
      detail::add_field(text, obs.index[cell], options.separator);
      for (const auto& column : columns) {
        text += options.separator;
        detail::add_field(text, column[cell], options.separator);
      }
      out.write(text += '\n');
    }
  });
}

VCELL_END_NAMESPACE
