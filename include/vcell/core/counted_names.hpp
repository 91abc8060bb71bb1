#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/message.hpp"
#include "vcell/core/name_places.hpp"

VCELL_BEGIN_NAMESPACE

/// "3 cells: 'a', 'b', 'c'": how many names there are, and the first of them.
/// @param what  one of those that have the names
template <class = void>
std::string counted_names(const std::vector<std::string>& names, std::string_view what) {
  return message(names.size(), ' ', what, names.size() == 1 ? ": " : "s: ", list_of(names));
}

/// The names of a that are none of b, in their order.
template <class = void>
std::vector<std::string> names_without(std::span<const std::string> a,
                                       std::span<const std::string> b) {
  const NamePlaces places(b);
  std::vector<std::string> out;
  for (const std::string& name : a)
    if (!places.contains(name)) out.push_back(name);
  return out;
}

/// What is there more than once, a name for each time after the first.
template <class = void>
std::vector<std::string> repeated_names(std::span<const std::string> names) {
  const NamePlaces places(names);
  std::vector<std::string> out;
  for (size_t i = 0; i < names.size(); ++i)
    if (*places.find(names[i]) != i) out.push_back(names[i]);
  return out;
}

VCELL_END_NAMESPACE
