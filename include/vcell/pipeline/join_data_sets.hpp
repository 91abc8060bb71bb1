#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "vcell/pipeline/concat_files.hpp"

VCELL_BEGIN_NAMESPACE

/// The cells of several files as one screen (open_joined): with the genes that all have, cells
/// named after their file's number, too, and an obs column that says of which data set each is.
/// @param files   one or more
/// @param names   what each is called there; files of one name are one data set
/// @param column  of obs: [data] dataset_column
/// @throws ConfigError as open_joined
template <class = void>
JoinedCells join_data_sets(const std::vector<std::string>& files, std::vector<std::string> names,
                           const std::string& column, const ReadCellsOptions& reading,
                           const Callbacks& callbacks = {}) {
  std::vector<std::string> distinct;
  for (const std::string& name : names)
    if (std::find(distinct.begin(), distinct.end(), name) == distinct.end())
      distinct.push_back(name);
  ConcatFilesOptions joined;
  joined.label = column;
  joined.label_setting = "[data] dataset_column";
  joined.keys = std::move(names);
  joined.unique_names = true;
  joined.read = reading;
  joined.callbacks = callbacks;
  JoinedCells all = open_joined({files.begin(), files.end()}, joined);
  note(callbacks, "together: ", all.cells.cells(), " cells x ", all.cells.genes(),
       " genes that all files have; obs ", quoted(column),
       " says which data set a cell is of: ", list_of(distinct));
  return all;
}

VCELL_END_NAMESPACE
