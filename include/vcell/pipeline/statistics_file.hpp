#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/report/statistics_folder.hpp"
#include "vcell/sets/dataset_name.hpp"
#include "vcell/sets/screen_statistics.hpp"
#include "vcell/sets/split.hpp"
#include "vcell/sets/split_column.hpp"
#include "vcell/sets/split_toml.hpp"

VCELL_BEGIN_NAMESPACE

struct StatisticsFileOptions {
  ScreenStatisticsOptions statistics = {};  ///< its parts are not read
  StatisticsFolderOptions folder = {};      ///< without a name the file's is taken
  CellInput input = {};                     ///< what the file does not say itself
  std::string split = {};                   ///< TOML of a split that is shown too; empty: none
  size_t budget = 0;                        ///< bytes, as H5adReadOptions
  Callbacks callbacks = {};
};

/// Writes the statistics of a file as a folder (write_statistics), of X read in blocks of rows.
/// @throws IoError, FormatError, ConfigError as open_cells, read_split, screen_statistics;
///         WriteError
template <class = void>
ScreenStatistics write_statistics_of(const std::filesystem::path& file,
                                     const std::filesystem::path& to,
                                     const StatisticsFileOptions& options = {}) {
  const Callbacks& callbacks = options.callbacks;
  std::vector<std::string> remarks;
  const auto open = open_cells(file, {.h5ad = {.layers = false,
                                               .obsm = false,
                                               .varm = false,
                                               .obsp = false,
                                               .varp = false,
                                               .raw = false,
                                               .budget = options.budget,
                                               .warnings = &remarks,
                                               .progress = callbacks.progress},
                                      .input = options.input});
  for (const std::string& remark : remarks) note(callbacks, remark);
  note(callbacks, file.string(), ": ", open.cells.cells(), " cells x ", open.cells.genes(),
       " genes");
  auto of = options.statistics;
  std::vector<Part> parts;
  if (!options.split.empty()) {
    remarks.clear();
    const auto split = read_split(options.split, &remarks);
    for (const std::string& remark : remarks) note(callbacks, remark);
    parts = parts_of_cells(open.cells, make_labels(open.cells, of.labels), split,
                           dataset_name(split, file.string()));
  }
  of.parts = parts;
  ScreenStatistics out = screen_statistics(open.cells, open.X, of, callbacks);
  auto folder = options.folder;
  if (folder.file.empty()) folder.file = file.filename().string();
  write_statistics(to, out, folder);
  return out;
}

VCELL_INSTANTIATE(folders,
                  ScreenStatistics write_statistics_of<void>(const std::filesystem::path&,
                                                             const std::filesystem::path&,
                                                             const StatisticsFileOptions&));

VCELL_END_NAMESPACE
