#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/name_places.hpp"
#include "vcell/data/dataframe.hpp"

VCELL_BEGIN_NAMESPACE

struct MatchGenesOptions {
  /// Column of var that names the genes as the table does; empty: the names of var or the one of
  /// its columns of text by which most genes are found.
  std::string column = "";
  /// Fewer matched genes than this share of the data's are an error.
  double least_share = 0.5;
};

/// Where the genes of data are in a table.
struct GeneMatch {
  std::vector<int32_t> rows;           ///< (genes) of the table; -1: not there
  size_t matched = 0;                  ///< genes that are there
  std::string column;                  ///< of var that named them; empty: its names
  std::vector<std::string> unmatched;  ///< names of those that are not there
  std::vector<std::string> repeated;   ///< names of those whose row an earlier gene has

  /// For people: how many genes were found, and which were not.
  template <class = void>
  std::string report() const {
    std::string text = message(matched, " of ", rows.size(), " genes have a vector, by ",
                               column.empty() ? "their names" : message("var ", quoted(column)));
    if (!unmatched.empty()) text += message("; without one are ", list_of(unmatched));
    if (!repeated.empty())
      text += message("; left out, since another gene has the same vector: ", list_of(repeated));
    return text;
  }
};

namespace detail {

/// An Ensembl id without its version, ENSG00000141510.16 without .16; other names as they are.
inline std::string_view without_version(std::string_view name) {
  const size_t dot = name.rfind('.');
  const bool versioned = name.starts_with("ENS") && dot != name.npos && dot + 1 < name.size() &&
                         std::all_of(name.begin() + std::ptrdiff_t(dot) + 1, name.end(),
                                     [](char c) { return c >= '0' && c <= '9'; });
  return versioned ? name.substr(0, dot) : name;
}

}  // namespace detail

/// Finds genes in a table of vectors, by symbol or Ensembl id: whole names first, else ids without
/// their versions on both sides. Of genes with one vector the first has it.
/// @param var    of the data
/// @param table  names of the table's rows
/// @throws ConfigError if there is no such column, or fewer genes are found than
///         options.least_share of var's
template <class = void>
GeneMatch match_genes(const DataFrame& var, const std::vector<std::string>& table,
                      const MatchGenesOptions& options = {}) {
  std::vector<std::string> ids;
  for (const std::string& name : table) ids.emplace_back(detail::without_version(name));
  const NamePlaces whole(table), unversioned(ids);
  const auto row_of = [&](const std::string& name) {
    auto found = whole.find(name);
    if (!found) found = unversioned.find(detail::without_version(name));
    return found ? int32_t(*found) : int32_t(-1);
  };
  const auto rows_of = [&](const std::vector<std::string>& names) {
    std::vector<int32_t> rows;
    for (const std::string& name : names) rows.push_back(name.empty() ? -1 : row_of(name));
    return rows;
  };
  const auto found_in = [](const std::vector<int32_t>& rows) {
    return size_t(std::ranges::count_if(rows, [](int32_t r) { return r >= 0; }));
  };
  GeneMatch out;
  std::vector<std::string> names = var.index;
  if (options.column.empty()) {
    out.rows = rows_of(names);
    for (const std::string& column : var.names()) {
      const Column& values = var.column(column);
      if (!(values.is_categorical() ? values.categorical().categories : values.values()).is_text())
        continue;
      auto text = values.text();
      auto rows = rows_of(text);
      if (found_in(rows) <= found_in(out.rows)) continue;
      out.rows = std::move(rows);
      out.column = column;
      names = std::move(text);
    }
  } else {
    names = var.column(options.column).text();
    out.rows = rows_of(names);
    out.column = options.column;
  }
  std::vector<bool> taken(table.size());
  for (size_t g = 0; g < names.size(); ++g) {
    int32_t& row = out.rows[g];
    if (row < 0) {
      out.unmatched.push_back(names[g]);
    } else if (taken[size_t(row)]) {
      out.repeated.push_back(names[g]);
      row = -1;
    } else {
      taken[size_t(row)] = true;
      ++out.matched;
    }
  }
  if (out.matched == 0 || double(out.matched) < options.least_share * double(names.size()))
    throw ConfigError(message("match_genes: ", out.report(), "; the table has ", list_of(table),
                              "; expected a share of at least ", options.least_share,
                              ": name the column of var that has the table's names ",
                              "(MatchGenesOptions::column), or accept fewer ",
                              "(MatchGenesOptions::least_share)"));
  return out;
}

VCELL_END_NAMESPACE
