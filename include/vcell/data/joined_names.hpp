#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
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

/// The same names of each table, in the order given.
/// @param names  those of the join
/// @param what   what the tables are called in messages, one for each: "file 'a.h5ad'"
/// @throws ConfigError if one of the names is in a table twice
template <class = void>
JoinedNames place_names(std::span<const std::vector<std::string>> tables,
                        std::vector<std::string> names, std::span<const std::string> what) {
  JoinedNames out{std::move(names), {}};
  const NamePlaces joined(out.names);
  for (size_t t = 0; t < tables.size(); ++t) {
    const NamePlaces found(tables[t]);
    auto& places = out.places.emplace_back();
    for (const std::string& name : tables[t]) {
      const auto place = joined.find(name);
      if (place && found.repeats(name))
        throw ConfigError(message("join_names: ", what[t], " has ", quoted(name),
                                  " more than once, so it cannot ",
                                  "be told which is meant; make its names unique first"));
      places.push_back(place ? int32_t(*place) : -1);
    }
  }
  return out;
}

/// Brings the names of several tables (genes of files, say) together.
/// @throws ConfigError as place_names
template <class = void>
JoinedNames join_names(std::span<const std::vector<std::string>> tables, Join join,
                       std::span<const std::string> what) {
  std::vector<std::string> names;
  std::vector<NamePlaces> found(tables.begin(), tables.end());
  for (size_t t = 0; t < tables.size(); ++t) {
    if (t > 0 && join == Join::inner) break;
    for (const std::string& name : tables[t]) {
      const auto has = [&](const NamePlaces& places) { return places.contains(name); };
      const auto end = found.begin() + std::ptrdiff_t(t);
      if (join == Join::inner ? std::all_of(found.begin(), found.end(), has)
                              : std::none_of(found.begin(), end, has))
        names.push_back(name);
    }
  }
  return place_names(tables, std::move(names), what);
}

VCELL_END_NAMESPACE
