#pragma once

#include <filesystem>
#include <string>

#include "vcell/eval/result_files.hpp"
#include "vcell/io/csv.hpp"

VCELL_BEGIN_NAMESPACE

/// Removes the tables that an earlier write_results left in a folder: those of one context,
/// those of every context that its contexts.csv names, and scores.json. Other files stay, whatever
/// their names end in.
/// @throws WriteError if a table cannot be removed; FormatError if contexts.csv is there and is
/// none
///         of write_results
template <class = void>
void remove_results(const std::filesystem::path& folder) {
  const auto list = folder / "contexts.csv";
  std::vector<std::string> names = detail::names_with("");
  if (std::filesystem::exists(list)) {
    const CsvTable contexts = read_csv(list);
    if (contexts.header != std::vector<std::string>{"context", "prefix"})
      throw FormatError(message("remove_results: ", quoted(list.string()), " has the columns ",
                                list_of(contexts.header), ", expected 'context', 'prefix'; remove ",
                                "it by hand if it is not needed"));
    for (const auto& row : contexts.rows)
      for (std::string& name : detail::names_with(row[1]))
        if (name.find('/') == std::string::npos) names.push_back(std::move(name));
  }
  names.insert(names.end(), detail::shared_tables.begin(), detail::shared_tables.end());
  names.push_back("scores.json");
  for (const std::string& name : names) {
    std::error_code error;
    std::filesystem::remove(folder / name, error);
    if (error)
      throw WriteError(message("remove_results: cannot remove ", quoted((folder / name).string()),
                               ": ", error.message()));
  }
}

VCELL_END_NAMESPACE
