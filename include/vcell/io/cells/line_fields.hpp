#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What separates the fields of a table: a tab, where its first line has one, else a comma.
inline char separator_of(std::string_view line) {
  return line.find('\t') != std::string_view::npos ? '\t' : ',';
}

/// Takes a field off the front of a line, with its separator. Quotes around a field, with doubled
/// ones inside, are taken away (RFC 4180).
/// @param more  whether another field follows
/// @return false if a quoted field does not end, or is followed by something else
template <class = void>
bool take_field(std::string_view& line, char separator, std::string& field, bool& more) {
  field.clear();
  if (line.empty() || line.front() != '"') {
    const size_t end = line.find(separator);
    more = end != std::string_view::npos;
    field.assign(line.substr(0, end));
    line.remove_prefix(more ? end + 1 : line.size());
    return true;
  }
  size_t i = 1;
  for (;; ++i) {
    if (i >= line.size()) return false;
    if (line[i] == '"' && (i + 1 == line.size() || line[i + 1] != '"')) break;
    if (line[i] == '"') ++i;
    field += line[i];
  }
  line.remove_prefix(i + 1);
  more = !line.empty();
  if (more && line.front() != separator) return false;
  line.remove_prefix(more ? 1 : 0);
  return true;
}

/// All fields of a line.
/// @return false as take_field
template <class = void>
bool split_line(std::string_view line, char separator, std::vector<std::string>& fields) {
  fields.clear();
  for (bool more = true; more;) {
    if (!take_field(line, separator, fields.emplace_back(), more)) return false;
  }
  return true;
}

}  // namespace detail
VCELL_END_NAMESPACE
