#pragma once

#include <algorithm>
#include <filesystem>

#include "vcell/io/cell_rows.hpp"
#include "vcell/io/h5ad.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What X of a file takes in memory as float, or as double where it is stored in 64 bits; 0 of a
/// format that is in memory in any case.
/// @param dense  whether it becomes a dense matrix there
template <class = void>
double bytes_of_x(const std::filesystem::path& file, const CellInput& input = {},
                  bool dense = false) {
  const CellFormat format = cell_format(file);
  if (format == CellFormat::tenx_h5) {
    const H5adRows X(file, {}, [&](const hdf5::Object& root) {
      return rows_of_10x(open_10x(root, input.genes));
    });
    const double value = size_of(X.dtype()) == 8 ? 8 : 4;
    return std::max(double(X.indptr().back()) * (value + 4),
                    dense ? double(X.rows()) * double(X.columns()) * value : 0.0);
  }
  if (format != CellFormat::h5ad) return 0;
  for (const H5adElement& element : describe_h5ad(file)) {
    if (element.path != "/X") continue;
    const double value = element.dtype.ends_with("64") ? 8 : 4;
    double n = value;
    for (const size_t extent : element.shape) n *= double(extent);
    if (element.encoding == "csr_matrix" || element.encoding == "csc_matrix")
      n = std::max(double(element.stored_values) * (value + 4), dense ? n : 0.0);
    return n;
  }
  return 0;
}

}  // namespace detail
VCELL_END_NAMESPACE
