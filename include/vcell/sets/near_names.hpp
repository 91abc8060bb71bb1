#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

// Characters to insert, delete or replace to make one of the other; capitals count as small.
template <class = void>
size_t edit_distance(std::string_view a, std::string_view b) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; };
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (small(a[i]) != small(b[j]));
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace detail

/// The names that a mistyped one may have meant, nearest first: at most a third of its characters
/// (but one at least) differ, capitals count as small.
/// @param most  how many are returned
template <class = void>
std::vector<std::string> near_names(std::string_view name, const std::vector<std::string>& names,
                                    size_t most = 3) {
  const size_t limit = std::max<size_t>(1, name.size() / 3);
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& other : names) {
    if (other.size() > name.size() + limit || name.size() > other.size() + limit) continue;
    const size_t distance = detail::edit_distance(name, other);
    if (distance <= limit) near.emplace_back(distance, other);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > most) near.resize(most);
  std::vector<std::string> out;
  for (auto& entry : near) out.push_back(std::move(entry.second));
  return out;
}

/// What a message says about names that are not there: those that may have been meant, then those
/// there are: "did you mean 'STAT1'? There are 'ATF2', 'STAT1', ... (24 in all)".
template <class = void>
std::string names_there(const std::vector<std::string>& wanted,
                        const std::vector<std::string>& names) {
  std::vector<std::string> near;
  for (size_t i = 0; i < std::min<size_t>(wanted.size(), 8); ++i)
    for (std::string& name : near_names(wanted[i], names, 2))
      if (std::find(near.begin(), near.end(), name) == near.end()) near.push_back(std::move(name));
  return near.empty() ? message("there are ", list_of(names, 40))
                      : message("did you mean ", list_of(near), "? There are ", list_of(names, 40));
}

VCELL_INSTANTIATE(data, std::string names_there<void>(const std::vector<std::string>&,
                                                      const std::vector<std::string>&));

VCELL_END_NAMESPACE
