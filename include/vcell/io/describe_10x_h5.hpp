#pragma once

#include <filesystem>
#include <vector>

#include "vcell/io/h5ad/describe_h5ad.hpp"
#include "vcell/io/read_10x_h5.hpp"

VCELL_BEGIN_NAMESPACE

/// Lists the matrices of a 10x .h5 file (see read_10x_h5), one for each genome before Cell Ranger
/// 3, without reading their values: cells x features by rows, under the path in the file.
/// @throws IoError if the file cannot be opened, or is changed meanwhile
/// @throws FormatError if it is no 10x file, or damaged
template <class = void>
std::vector<H5adElement> describe_10x_h5(const std::filesystem::path& path) {
  const hdf5::LibraryUse use;
  hdf5::Reading reading;
  reading.function = "describe_10x_h5";
  const hdf5::Object root = hdf5::open_file(path, reading);
  const auto groups = detail::groups_of_10x(root);
  if (groups.empty()) detail::fail_as_no_10x(root);
  std::vector<H5adElement> out;
  for (const std::string& name : groups) {
    const SparseGroup rows = detail::rows_of_10x(root.open(name));
    H5adElement& element = out.emplace_back();
    element.path = rows.group.path;
    element.encoding = "csr_matrix";
    detail::describe_sparse(rows.group, element);
    element.shape.assign(rows.shape.begin(), rows.shape.end());
  }
  hdf5::check_unchanged(root);
  return out;
}

VCELL_INSTANTIATE(files,
                  std::vector<H5adElement> describe_10x_h5<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
