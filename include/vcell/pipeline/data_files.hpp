#pragma once

#include <charconv>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "vcell/core/callbacks.hpp"
#include "vcell/io/cells/mtx_files.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/file_stamp.hpp"
#include "vcell/train/experiment.hpp"

VCELL_BEGIN_NAMESPACE

/// A file that a run reads, and what tells it from another one.
struct DataFile {
  std::string setting;  ///< that names it
  std::string path;
  FileStamp stamp;
};

/// The files with data that an experiment names. Those that are not there are left out: reading
/// them says so better.
template <class = void>
std::vector<DataFile> data_files(const Experiment& e) {
  std::vector<DataFile> out;
  for (const auto& [setting, path] :
       {std::pair("[data] path", &e.data), std::pair("[data] metadata", &e.input.metadata.file),
        std::pair("[data] gene_list", &e.gene_list),
        std::pair("[data] perturbation_features", &e.perturbation_features),
        std::pair("[genes] gene_table", &e.embedding.gene_table),
        std::pair("[genes] isoforms", &e.embedding.isoforms)})
    if (!path->empty() && std::filesystem::is_regular_file(*path))
      out.push_back({setting, *path, file_stamp(*path)});
  if (std::filesystem::is_directory(e.data)) {
    const auto files = detail::find_mtx_files("data_files", e.data);
    for (const auto& [setting, path] : {std::pair("[data] path matrix", &files.matrix),
                                        std::pair("[data] path features", &files.features),
                                        std::pair("[data] path barcodes", &files.barcodes)})
      out.push_back({setting, path->string(), file_stamp(*path)});
  }
  for (size_t i = 0; i < e.more_files.size(); ++i)
    if (std::filesystem::is_regular_file(e.more_files[i]))
      out.push_back(
          {message("[data] more_files ", i + 1), e.more_files[i], file_stamp(e.more_files[i])});
  return out;
}

/// Writes them as a table, `data.csv` of a run.
/// @throws WriteError
template <class = void>
void write_data_files(const std::filesystem::path& csv, const std::vector<DataFile>& files) {
  CsvTable table{{"setting", "path", "bytes", "modified", "crc32_first_mib", "crc32_last_mib"}, {}};
  for (const auto& [setting, path, s] : files)
    table.rows.push_back({setting, path, std::to_string(s.bytes), s.modified, s.first, s.last});
  write_csv(csv, table);
}

/// Reads such a table; one that is not there is of a run that kept none, and empty.
/// @throws IoError, FormatError
template <class = void>
std::vector<DataFile> read_data_files(const std::filesystem::path& csv) {
  std::vector<DataFile> out;
  if (!std::filesystem::exists(csv)) return out;
  const CsvTable table = read_csv(csv);
  const auto value = [&](const std::vector<std::string>& row, const char* column) {
    return row[table.column(column)];
  };
  for (const auto& row : table.rows) {
    const std::string bytes = value(row, "bytes");
    FileStamp stamp{0, value(row, "modified"), value(row, "crc32_first_mib"),
                    value(row, "crc32_last_mib")};
    const char* end = bytes.data() + bytes.size();
    if (std::from_chars(bytes.data(), end, stamp.bytes).ptr != end || bytes.empty())
      throw FormatError(message("read_data_files: ", quoted(csv.string()), ": bytes is ",
                                quoted(bytes), ", expected a whole number"));
    out.push_back({value(row, "setting"), value(row, "path"), std::move(stamp)});
  }
  return out;
}

/// Sees to it that a run goes on with the data that it began with. A file that was written since,
/// of the same size and with the same ends, is taken for the same, and a note says so.
/// @param csv  that write_data_files wrote when the run began
/// @throws ConfigError naming what there was and what there is
template <class = void>
void check_data_files(const std::filesystem::path& csv, const Experiment& e,
                      const Callbacks& callbacks = {}) {
  const auto now = data_files(e);
  for (const DataFile& then : read_data_files(csv))
    for (const DataFile& file : now) {
      if (file.setting != then.setting || file.stamp == then.stamp) continue;
      if (!same_ends(file.stamp, then.stamp))
        throw ConfigError(message("the data have changed since this run began: ", file.setting, " ",
                                  quoted(file.path), " has ", text_of(file.stamp), "; it had ",
                                  text_of(then.stamp), "; put that file back, or start a new run"));
      note(callbacks, file.path, " was written ", file.stamp.modified, ", and ",
           then.stamp.modified, " when this run began; its size, its first and its last MiB are ",
           "the same, so it is taken for the same");
    }
}

VCELL_END_NAMESPACE
