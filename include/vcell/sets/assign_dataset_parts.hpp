#pragma once

#include <span>
#include <string>
#include <vector>

#include "vcell/sets/open_screen.hpp"
#include "vcell/sets/split.hpp"

VCELL_BEGIN_NAMESPACE

/// The part of every cell of several files under a split that names their data sets: that of
/// assign_parts for each data set by itself, whose contexts are other ones than those of the same
/// names elsewhere. Files of one name are one data set.
/// @return  (cells)
/// @throws ConfigError as assign_parts, or naming a data set without control cells
template <class = void>
std::vector<Part> assign_dataset_parts(const OpenScreen& open, const SplitSpec& spec,
                                       const AssignOptions& options = {}) {
  const Screen& all = open.screen;
  std::vector<Part> out(all.cells(), Part::unused);
  std::vector<uint8_t> done(open.datasets.size(), 0);
  for (size_t i = 0; i < open.datasets.size(); ++i) {
    if (done[i]) continue;
    std::vector<size_t> rows;
    for (size_t j = i; j < open.datasets.size(); ++j) {
      if (open.datasets[j] != open.datasets[i]) continue;
      done[j] = 1;
      for (size_t row = open.first_cell[j]; row < open.first_cell[j + 1]; ++row)
        rows.push_back(row);
    }
    const auto labels = [&](const Factor& from) {
      std::vector<std::string> text;
      for (const size_t row : rows) text.push_back(from.names[size_t(from.codes[row])]);
      return factor(text);
    };
    Screen own;  // labels alone
    own.perturbation = labels(all.perturbation);
    own.context = labels(all.context);
    const std::string& control = all.perturbation.names[size_t(all.control)];
    own.control = own.perturbation.code(control);
    if (own.control < 0)
      throw ConfigError(message("assign_dataset_parts: the data set ", quoted(open.datasets[i]),
                                " has no control cells (", quoted(control), ")"));
    own.expression = {rows.size(), 0, std::vector<int64_t>(rows.size() + 1), {}, {}};
    const auto parts = assign_parts(own, spec, open.datasets[i], options);
    for (size_t k = 0; k < rows.size(); ++k) out[rows[k]] = parts[k];
  }
  return out;
}

VCELL_END_NAMESPACE
