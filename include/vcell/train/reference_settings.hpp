#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "vcell/io/json.hpp"
#include "vcell/io/pickle.hpp"
#include "vcell/models/flat_settings.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

inline constexpr size_t most_settings = 100'000, most_setting_levels = 32;

template <class = void>
std::string below(const std::string& key, const std::string& name) {
  return key.empty() ? name : message(key, '.', name);
}

template <class = void>
void add_settings(FlatSettings& out, const std::string& key, const Json& value) {
  if (value.kind == Json::Kind::null) return;
  for (size_t i = 0; i < value.items.size(); ++i)
    add_settings(out, below(key, value.keys.empty() ? message(i) : value.keys[i]), value.items[i]);
  if (value.kind != Json::Kind::array && value.kind != Json::Kind::object) out[key] = value.text;
}

/// Stops at what nests or repeats itself without end, which a pickle may.
template <class = void>
void add_settings(FlatSettings& out, const std::string& key, const PickleValue& value, size_t level,
                  size_t& visited) {
  if (level > most_setting_levels || ++visited > most_settings)
    value.fail("holds more settings than there can be");
  switch (value.kind()) {
    case PickleKind::text:
      out[key] = value.text();
      return;
    case PickleKind::boolean:
      out[key] = value.truth() ? "true" : "false";
      return;
    case PickleKind::integer:
      out[key] = message(value.integer());
      return;
    case PickleKind::real:
      out[key] = message(value.number());
      return;
    case PickleKind::dict:
      for (size_t i = 0; i < value.size(); ++i)
        if (value.key(i).is(PickleKind::text))
          add_settings(out, below(key, value.key(i).text()), value.value(i), level + 1, visited);
      return;
    case PickleKind::list:
    case PickleKind::tuple:
      for (size_t i = 0; i < value.size(); ++i)
        add_settings(out, below(key, message(i)), value[i], level + 1, visited);
      return;
    default:
      return;  // None, and what is no setting: a class, a tensor
  }
}

}  // namespace detail

/// The settings of a JSON or YAML file with every nesting gone.
template <class = void>
FlatSettings flat_settings(const Json& settings) {
  FlatSettings out;
  detail::add_settings(out, "", settings);
  return out;
}

/// The same of a dict of a pickle. Values that are no settings (classes, tensors) are left out.
/// @throws FormatError if they nest more than 32 deep or are more than 100,000
template <class = void>
FlatSettings flat_settings(const PickleValue& settings) {
  FlatSettings out;
  size_t visited = 0;
  detail::add_settings(out, "", settings, 0, visited);
  return out;
}

/// Those below a key, without it: of "model.kwargs.dropout" below "model.kwargs" "dropout".
template <class = void>
FlatSettings settings_below(const FlatSettings& settings, const std::string& key) {
  FlatSettings out;
  for (const auto& [name, value] : settings)
    if (name.starts_with(key + '.')) out[name.substr(key.size() + 1)] = value;
  return out;
}

VCELL_END_NAMESPACE
