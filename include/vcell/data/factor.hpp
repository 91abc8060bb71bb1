#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/data/dataframe.hpp"

VCELL_BEGIN_NAMESPACE

/// Which of a few names each cell has.
struct Factor {
  std::vector<std::string> names;  ///< sorted by code point, each with at least one cell
  std::vector<int32_t> codes;      ///< place in names, one per cell; -1 = missing

  size_t size() const { return codes.size(); }

  /// The place of a name, or -1 if no cell has it.
  template <class = void>
  int32_t code(std::string_view name) const {
    const auto found = std::lower_bound(names.begin(), names.end(), name);
    return found != names.end() && *found == name ? int32_t(found - names.begin()) : -1;
  }

  friend bool operator==(const Factor&, const Factor&) = default;
};

/// Names the cells by their text; cells where `missing` is set have none.
/// @param missing  empty, or one flag per cell
/// @throws ShapeError if there are flags for another number of cells
template <class = void>
Factor factor(std::span<const std::string> text, std::span<const uint8_t> missing = {}) {
  if (!missing.empty()) check_size_match("factor", "flags", missing.size(), "cells", text.size());
  Factor out;
  for (size_t i = 0; i < text.size(); ++i)
    if (missing.empty() || !missing[i]) out.names.push_back(text[i]);
  std::sort(out.names.begin(), out.names.end());
  out.names.erase(std::unique(out.names.begin(), out.names.end()), out.names.end());
  out.codes.resize(text.size());
  for (size_t i = 0; i < text.size(); ++i)
    out.codes[i] = missing.empty() || !missing[i] ? out.code(text[i]) : -1;
  return out;
}

/// Names the cells by one column. Numbers are named by their text; categories that no cell has are
/// left out.
template <class = void>
Factor factor(const Column& column) {
  return factor(column.text(), column.is_missing());
}

/// Names the cells by several columns, joined by '|' in the order of the keys. A cell that misses
/// one of them is missing. Without keys every cell has the one name `constant`.
/// @throws ConfigError if there is no such column, or a name that is to be joined holds
///         a '|' itself
template <class = void>
Factor joined_factor(const DataFrame& obs, const std::vector<std::string>& keys,
                     std::string_view constant = "all") {
  std::vector<std::string> joined(obs.rows(), keys.empty() ? std::string(constant) : std::string());
  std::vector<uint8_t> missing(obs.rows(), 0);
  for (const std::string& key : keys) {
    const Column& column = obs.column(key);
    const auto text = column.text();
    const auto column_missing = column.is_missing();
    for (size_t i = 0; i < joined.size(); ++i) {
      if (keys.size() > 1 && text[i].find('|') != std::string::npos)
        throw ConfigError(message("joined_factor: ", quoted(text[i]), " in the column ",
                                  quoted(key), " holds a '|', which is what joins the columns ",
                                  list_of(keys), "; two names could become one: rename it"));
      if (&key != &keys.front()) joined[i] += '|';
      joined[i] += text[i];
      missing[i] |= column_missing[i];
    }
  }
  return factor(joined, missing);
}

VCELL_END_NAMESPACE
