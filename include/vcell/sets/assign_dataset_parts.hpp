#pragma once

#include <string>
#include <vector>

#include "vcell/sets/open_screen.hpp"
#include "vcell/sets/parts_by_dataset.hpp"

VCELL_BEGIN_NAMESPACE

/// The part of every cell of several files under a split that names their data sets
/// (parts_by_dataset). Files of one name are one data set.
/// @return  (cells)
/// @throws ConfigError as assign_parts, or naming a data set without control cells
template <class = void>
std::vector<Part> assign_dataset_parts(const OpenScreen& open, const SplitSpec& spec,
                                       const AssignOptions& options = {}) {
  std::vector<std::string> dataset;
  for (size_t i = 0; i < open.datasets.size(); ++i)
    dataset.insert(dataset.end(), open.first_cell[i + 1] - open.first_cell[i], open.datasets[i]);
  return parts_by_dataset(open.screen, factor(dataset), spec, options);
}

VCELL_END_NAMESPACE
