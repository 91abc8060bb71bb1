#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "vcell/models/flat_settings.hpp"
#include "vcell/sets/near_names.hpp"
#include "vcell/train/experiment.hpp"
#include "vcell/train/reference_table.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A word as YAML reads it: without the quotes around it, and null as nothing.
template <class = void>
std::string plain_value(std::string value) {
  if (value.size() > 1 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0])
    return value.substr(1, value.size() - 2);
  return value == "null" || value == "None" || value == "~" ? "" : value;
}

/// What a map, "theirs:ours theirs:ours", makes of a value; one without a colon stays as it is.
/// Nothing if the value is not there, whose names are then in `known`.
template <class = void>
std::optional<std::string> find_mapped(const std::string& value, std::string_view map,
                                       std::vector<std::string>& known) {
  for (size_t begin = 0; begin < map.size();) {
    const size_t end = std::min(map.find(' ', begin), map.size());
    const std::string_view word = map.substr(begin, end - begin);
    const size_t colon = std::min(word.find(':'), word.size());
    known.emplace_back(word.substr(0, colon));
    if (known.back() == value)
      return std::string(colon < word.size() ? word.substr(colon + 1) : word);
    begin = end + 1;
  }
  return std::nullopt;
}

/// @throws ConfigError naming the setting and what it may be
template <class = void>
std::string mapped_value(const std::string& source, const std::string& name,
                         const std::string& value, std::string_view map) {
  std::vector<std::string> known;
  if (auto found = find_mapped(value, map, known)) return *found;
  throw ConfigError(message(source, ": ", quoted(name), " is ", quoted(value),
                            ", which vcell has no counterpart for; expected ", list_of(known)));
}

/// What else a setting may have been meant to be; empty if nothing is near.
template <class = void>
std::string or_near(const std::string& name, const std::vector<std::string>& known) {
  const auto near = near_names(name, known);
  return near.empty() ? std::string() : message("; did you mean ", list_of(near), "?");
}

/// A truth value as vcell spells it; others as they are.
inline std::string truth_value(const std::string& value) {
  return value == "True" ? "true" : value == "False" ? "false" : value;
}

/// Whether a row of the table is of this name.
inline bool fits(const ReferenceSetting& row, std::string_view name) {
  return row.name == name ||
         (row.name.back() == '*' && name.starts_with(row.name.substr(0, row.name.size() - 1)));
}

/// The first row of a name; null if there is none.
template <class = void>
const ReferenceSetting* row_of(std::span<const ReferenceSetting> table, std::string_view name) {
  const auto row = std::find_if(table.begin(), table.end(),
                                [&](const ReferenceSetting& r) { return fits(r, name); });
  return row == table.end() ? nullptr : &*row;
}

/// Sets a field from the setting of a row, which is there.
template <class Field>
void read_field(FlatReader& r, const std::string& key, const ReferenceSetting& row, Field& field) {
  if constexpr (std::is_same_v<Field, bool>) {
    field = r.truth(key, field);
  } else if constexpr (std::is_enum_v<Field>) {
    const std::string value = truth_value(r.text(key, ""));
    std::vector<std::string> known;
    const auto ours = find_mapped(value, row.values, known);
    if (!ours) r.fail(key, value, list_of(known));
    field = choice_of<Field>(*ours).value();
  } else if constexpr (std::is_floating_point_v<Field>) {
    field = r.number(key, field);
  } else if constexpr (std::is_arithmetic_v<Field>) {
    field = Field(r.whole(key));
  } else if constexpr (std::is_same_v<Field, std::string>) {
    field = r.text(key, field);
  } else if constexpr (std::is_same_v<Field, std::vector<std::string>>) {
    field = {r.text(key, "")};
  } else if constexpr (std::is_same_v<Field, std::optional<typename Field::value_type>>) {
    read_field(r, key, row, field.emplace());
  } else {
    r.fail(key, r.text(key, ""), "no such setting");  // no row is a list of numbers
  }
}

/// Sets what a row says of an experiment, whose kind of model has it.
template <class = void>
void read_row(FlatReader& r, const std::string& key, const ReferenceSetting& row, Experiment& e) {
  visit_experiment(e, [&](std::string_view section, std::string_view name, auto& field, auto) {
    if (row.ours.size() == section.size() + 1 + name.size() && row.ours.starts_with(section) &&
        row.ours[section.size()] == '.' && row.ours.ends_with(name))
      read_field(r, key, row, field);
  });
}

}  // namespace detail
VCELL_END_NAMESPACE
