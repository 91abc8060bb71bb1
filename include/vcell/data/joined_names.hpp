#pragma once

#include <span>
#include <string>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/core/name_places.hpp"

VCELL_BEGIN_NAMESPACE

/// Which names of several tables a join has.
enum class Join {
  inner,  ///< those that all tables have, in the order of the first
  outer,  ///< all, in the order in which they come first
};

struct JoinedNames {
  std::vector<std::string> names;
  std::vector<std::vector<int32_t>> places;  ///< of each table's names among those; -1: not there
};

/// Brings the names of several tables (genes of files, say) together.
/// @param what    what the tables are called in messages, one for each: "file 'a.h5ad'"
/// @throws ConfigError if a table has a name twice
template <class = void>
JoinedNames join_names(std::span<const std::vector<std::string>> tables, Join join,
                       std::span<const std::string> what) {
  JoinedNames out;
  std::vector<NamePlaces> found;
  for (size_t t = 0; t < tables.size(); ++t) {
    found.emplace_back(tables[t]);
    for (const std::string& name : tables[t])
      if (found[t].repeats(name))
        throw ConfigError(message("join_names: ", what[t], " has ", quoted(name),
                                  " more than once, so it cannot ",
                                  "be told which is meant; make its names unique first"));
  }
  for (size_t t = 0; t < tables.size(); ++t) {
    if (t > 0 && join == Join::inner) break;
    for (const std::string& name : tables[t]) {
      bool in_all = true, before = false;
      for (size_t other = 0; other < tables.size(); ++other) {
        const bool there = other == t || found[other].contains(name);
        in_all = in_all && there;
        before = before || (there && other < t);
        if (join == Join::outer && other >= t) break;
        if (join == Join::inner && !in_all) break;
      }
      if (join == Join::inner ? in_all : !before) out.names.push_back(name);
    }
  }
  const NamePlaces joined(out.names);
  for (const auto& names : tables) {
    auto& places = out.places.emplace_back();
    for (const std::string& name : names) {
      const auto place = joined.find(name);
      places.push_back(place ? int32_t(*place) : -1);
    }
  }
  return out;
}

VCELL_END_NAMESPACE
