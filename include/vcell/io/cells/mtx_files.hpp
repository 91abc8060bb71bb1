#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// A matrix of triplets with the tables of its genes and cells.
struct MtxFiles {
  std::filesystem::path matrix, features, barcodes;
};

/// The name without ".gz".
inline std::string_view without_gz(std::string_view name) {
  return name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name;
}

/// What stands before "matrix.mtx" in a name, or nothing where it is not called so.
inline std::string_view prefix_of_mtx(std::string_view name) {
  const std::string_view plain = without_gz(name), usual = "matrix.mtx";
  return plain.ends_with(usual) ? plain.substr(0, plain.size() - usual.size()) : "";
}

/// The files of a folder that are called "...matrix.mtx" or "...matrix.mtx.gz", sorted.
template <class = void>
std::vector<std::string> mtx_files_in(const std::filesystem::path& folder) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (without_gz(name).ends_with("matrix.mtx")) out.push_back(name);
  }
  if (error)
    throw IoError(
        message("cannot list the folder ", quoted(folder.string()), ": ", error.message()));
  std::sort(out.begin(), out.end());
  return out;
}

/// The file of one of these names, packed by gzip or not.
/// @throws FormatError if there is none, naming the names; also if several are there
template <class = void>
std::filesystem::path beside(const char* function, const std::filesystem::path& matrix,
                             const std::vector<std::string>& names) {
  const auto folder = matrix.parent_path();
  std::vector<std::string> found;
  for (const std::string& name : names)
    for (const char* end : {"", ".gz"})
      if (std::filesystem::exists(folder / (name + end))) found.push_back(name + end);
  if (found.size() == 1) return folder / found[0];
  throw FormatError(message(function, ": beside ", quoted(matrix.string()),
                            found.empty()
                                ? " there is none of "
                                : " there is more than one table, where one is expected: ",
                            list_of(found.empty() ? names : found),
                            found.empty() ? " (nor with '.gz'), which name its genes and cells"
                                          : "; leave the one that belongs to it"));
}

/// The files that belong to a matrix, or to a folder with one.
/// @throws FormatError if one of them is missing or there are several
template <class = void>
MtxFiles find_mtx_files(const char* function, const std::filesystem::path& path) {
  MtxFiles out;
  out.matrix = path;
  if (std::filesystem::is_directory(path)) {
    const auto found = mtx_files_in(path);
    if (found.size() != 1)
      throw FormatError(message(function, ": folder ", quoted(path.string()), " has ",
                                found.empty() ? "no file" : "several files",
                                " called '...matrix.mtx' or '...matrix.mtx.gz'",
                                found.empty() ? "" : ": ", found.empty() ? "" : list_of(found),
                                found.empty() ? "; name the folder that has it"
                                              : "; name one of them instead of the folder"));
    out.matrix = path / found[0];
  }
  const std::string name = out.matrix.filename().string();
  const std::string prefix(prefix_of_mtx(name));
  out.features = beside(function, out.matrix, {prefix + "features.tsv", prefix + "genes.tsv"});
  out.barcodes = beside(function, out.matrix, {prefix + "barcodes.tsv"});
  return out;
}

}  // namespace detail
VCELL_END_NAMESPACE
