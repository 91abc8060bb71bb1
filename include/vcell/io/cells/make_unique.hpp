#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE

/// Names that come again get "-1", "-2", ... in their order, numbers that would give a name that is
/// there being passed over: what anndata's var_names_make_unique does.
/// @return how many names changed
template <class = void>
size_t make_unique(std::vector<std::string>& names) {
  const std::unordered_set<std::string> all(names.begin(), names.end());
  if (all.size() == names.size()) return 0;
  std::unordered_set<std::string> given;         // those that were made here
  std::unordered_map<std::string, size_t> seen;  // how often, and what number was given last
  size_t changed = 0;
  for (std::string& name : names) {
    const auto [place, is_first] = seen.try_emplace(name, 0);
    if (is_first) continue;
    std::string next;
    do next = message(name, '-', ++place->second);
    while (all.count(next) || given.count(next));
    given.insert(next);
    name = std::move(next);
    ++changed;
  }
  return changed;
}

VCELL_END_NAMESPACE
