#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/cells/mtx_files.hpp"
#include "vcell/io/cells/text_blocks.hpp"
#include "vcell/io/read_10x_h5.hpp"

VCELL_BEGIN_NAMESPACE

/// What cells x genes may come in.
enum class CellFormat {
  h5ad,       ///< AnnData
  tenx_h5,    ///< Cell Ranger's .h5
  mtx,        ///< MatrixMarket triplets with tables of genes and cells
  csv_table,  ///< a dense table, CSV or TSV
};

/// For people: "AnnData (h5ad)".
inline std::string_view name_of(CellFormat format) {
  constexpr std::string_view names[] = {"AnnData (h5ad)", "10x h5", "mtx", "table (CSV or TSV)"};
  return names[size_t(format)];
}

namespace detail {

inline constexpr std::string_view cell_formats =
    "expected an AnnData file (h5ad), a 10x .h5, a MatrixMarket matrix with its tables (or their "
    "folder), or a table of numbers (CSV or TSV)";

template <class = void>
bool is_hdf5(const std::filesystem::path& path) {
  const hdf5::LibraryUse use;
  return H5Fis_hdf5(path.string().c_str()) > 0;
}

template <class = void>
CellFormat format_of_hdf5(const std::filesystem::path& path) {
  const hdf5::LibraryUse use;
  hdf5::Reading reading;
  reading.function = "cell_format";
  const hdf5::Object root = hdf5::open_file(path, reading);
  if (root.has("obs") || root.has("var") || root.has("X") || !encoding_of(root).type.empty())
    return CellFormat::h5ad;
  if (!groups_of_10x(root).empty()) return CellFormat::tenx_h5;
  if (root.has("row_attrs") && root.has("col_attrs"))
    root.fail("is a loom file; write it as h5ad with Python's scanpy: scanpy.read_loom(old)",
              ".write_h5ad(new)");
  root.fail("is HDF5 with ", list_of(root.names()), "; ", cell_formats);
}

/// What a file of another kind is, by its first bytes; nothing if they tell nothing.
inline std::string_view known_foreign(std::string_view bytes) {
  if (bytes.starts_with("PK\3\4")) return "a zip archive; unpack it";
  if (bytes.starts_with("PAR1")) return "a Parquet file";
  if (bytes.starts_with("RDX") || bytes.starts_with("X\n\0") || bytes.starts_with("A\n"))
    return "a file of R's (RDS); write it as h5ad or mtx in R";
  if (bytes.starts_with("{") || bytes.starts_with("[")) return "JSON, or the like";
  if (bytes.starts_with("<")) return "a page or a document in a markup";
  if (bytes.starts_with("BZh")) return "packed by bzip2; unpack it";
  if (bytes.starts_with("\x28\xb5\x2f\xfd")) return "packed by zstd; unpack it";
  if (bytes.starts_with("\xfd"
                        "7zXZ"))
    return "packed by xz; unpack it";
  if (bytes.starts_with("\x93NUMPY")) return "an array of numpy's, which names no cells and genes";
  if (bytes.substr(0, 512).size() == 512 && bytes.substr(257).starts_with("ustar"))
    return "a tar archive; unpack it";
  return {};
}

}  // namespace detail

/// What a file or folder with cells holds, by its content and never by its name: HDF5 by its
/// members, MatrixMarket by its first line (packed by gzip or not), tables by being lines of text
/// with tabs or commas; a folder holds the matrix of triplets that is in it.
/// @throws IoError if there is nothing or it cannot be read; FormatError saying what it is instead
template <class = void>
CellFormat cell_format(const std::filesystem::path& path) {
  const auto where = message("cell_format: ", quoted(path.string()));
  if (!std::filesystem::exists(path)) throw IoError(message(where, " does not exist"));
  if (std::filesystem::is_directory(path)) {
    for (const char* member : {".zgroup", ".zattrs", "zarr.json"})
      if (std::filesystem::exists(path / member))
        throw FormatError(message(where, " is a zarr store; write it as h5ad with write_h5ad of ",
                                  "Python's anndata"));
    for (const char* inner : {"filtered_feature_bc_matrix", "filtered_gene_bc_matrices"})
      if (std::filesystem::exists(path / inner))
        throw FormatError(message(where, " is a folder of Cell Ranger's; name its ", quoted(inner),
                                  " or the .h5 beside it"));
    detail::find_mtx_files("cell_format", path);
    return CellFormat::mtx;
  }
  if (!std::filesystem::is_regular_file(path))
    throw FormatError(message(where, " is a device or a pipe, ", detail::cell_formats));
  if (detail::is_hdf5(path)) return detail::format_of_hdf5(path);
  detail::TextBlocks text("cell_format", path, size_t(1) << 16);
  std::string block;
  if (!text.next(block)) text.fail("is empty, ", detail::cell_formats);
  if (const auto known = detail::known_foreign(block); !known.empty())
    text.fail("is ", known, "; ", detail::cell_formats);
  if (block.starts_with("%%MatrixMarket")) return CellFormat::mtx;
  const std::string_view first = std::string_view(block).substr(0, block.find('\n'));
  if (block.find('\0') != std::string::npos)
    text.fail("is neither HDF5 nor text, ", detail::cell_formats);
  if (first.find_first_of(",\t") == std::string_view::npos)
    text.fail("begins with ", quoted(first.substr(0, 80)), ", ", detail::cell_formats);
  return CellFormat::csv_table;
}

VCELL_INSTANTIATE(files, CellFormat cell_format<void>(const std::filesystem::path&));

VCELL_END_NAMESPACE
