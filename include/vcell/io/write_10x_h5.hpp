#pragma once

#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/data/narrowed.hpp"
#include "vcell/data/row_source.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/cells/features.hpp"
#include "vcell/io/h5ad/h5ad_write_options.hpp"
#include "vcell/io/hdf5/output_entries.hpp"
#include "vcell/io/hdf5/output_file.hpp"
#include "vcell/io/number_text.hpp"

VCELL_BEGIN_NAMESPACE

struct Write10xOptions {
  int gzip = 1;                          ///< as in H5adWriteOptions
  size_t chunk_bytes = size_t(1) << 18;  ///< as in H5adWriteOptions
  Progress progress = {};
};

namespace detail {

/// Texts of the width of the longest, as Cell Ranger has them.
template <class = void>
void write_names(const hdf5::OutputGroup& group, const std::string& name,
                 const std::vector<std::string>& texts) {
  size_t width = 1;
  bool ascii = true;
  for (const std::string& text : texts) {
    if (text.find('\0') != text.npos || !is_utf8(text))
      throw ConfigError(message("write_10x_h5: ", quoted(group.path_of(name)), ": the name ",
                                quoted(text.c_str()), " holds a zero byte or is no UTF-8"));
    width = std::max(width, text.size());
    ascii = ascii && std::all_of(text.begin(), text.end(), [](char c) { return c > 0; });
  }
  std::string bytes(texts.size() * width, '\0');
  for (size_t i = 0; i < texts.size(); ++i)
    std::memcpy(bytes.data() + i * width, texts[i].data(), texts[i].size());
  const hdf5::Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, width);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  if (!ascii) H5Tset_cset(type, H5T_CSET_UTF8);
  const hdf5::Handle space(hdf5::detail::space_of({texts.size()}));
  const hdf5::Handle out = group.dataset(name, type, space, {});
  if (!texts.empty())
    group.check(H5Dwrite(out, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), name);
}

template <class = void>
void write_features(const hdf5::OutputGroup& matrix, const DataFrame& var) {
  const hdf5::OutputGroup group = matrix.group("features");
  const Features f = features_of(var);
  write_names(group, "id", f.ids);
  write_names(group, "name", f.symbols);
  write_names(group, "feature_type", f.types);
  // Readers of these files want it, and take an empty one for unknown.
  write_names(group, "genome",
              f.genomes.empty() ? std::vector<std::string>(var.rows()) : f.genomes);
  std::vector<std::string> keys{"genome"};
  for (const auto& [name, texts] : f.others) {
    if (!is_10x_column(name)) continue;
    write_names(group, name, texts);
    keys.push_back(name);
  }
  write_names(group, "_all_tag_keys", keys);
}

/// The counts of a block, which have to be counts.
template <class T>
CsrView<int32_t> counts_of(const CsrView<T>& block, size_t first, const DataFrame& obs,
                           const DataFrame& var, std::vector<int32_t>& room) {
  const auto is_count = [](T x) {
    if constexpr (std::is_floating_point_v<T>) {
      return x >= 0 && x <= T(std::numeric_limits<int32_t>::max()) && x == std::trunc(x) &&
             int64_t(x) <= std::numeric_limits<int32_t>::max();
    } else {
      return x >= T(0) && uint64_t(x) <= uint64_t(std::numeric_limits<int32_t>::max());
    }
  };
  room.resize(block.values.size());
  for (size_t row = 0, at = 0; row < block.rows; ++row) {
    const auto values = block.row_values(row);
    for (size_t k = 0; k < values.size(); ++k, ++at) {
      if (!is_count(values[k])) [[unlikely]]
        throw ConfigError(message(
            "write_10x_h5: X holds ", values[k], " in cell ", quoted(obs.index[first + row]),
            ", gene ", quoted(var.index[size_t(block.row_indices(row)[k])]), ", and a 10x file ",
            "holds counts: whole numbers from 0 to 2147483647; write the counts, or h5ad"));
      room[at] = int32_t(values[k]);
    }
  }
  return {block.rows, block.columns, block.indptr, block.indices, room};
}

}  // namespace detail

/// Writes counts as Cell Ranger 3 and later do
/// (https://www.10xgenomics.com/support/software/cell-ranger): /matrix with genes x cells by
/// columns, which are the rows of X, barcodes, and features with id, name, feature_type, genome and
/// further columns of text of var. X is read once in blocks of rows. Genes have the ids of var's
/// column 'gene_ids', else their names. obs but its names is not written.
/// @throws ShapeError if X is not (cells, genes); ConfigError naming cell and gene of what is no
///         count; WriteError if it cannot be written, and an old file of that name stays
template <class S>
requires RowSource<S, float>
void write_10x_h5(const std::filesystem::path& path, const DataFrame& obs, const DataFrame& var,
                  const S& X, const Write10xOptions& options = {}) {
  check_size_match("write_10x_h5", "rows of X", X.rows(), "cells", obs.rows());
  check_size_match("write_10x_h5", "columns of X", X.columns(), "genes", var.rows());
  check_write_options({.gzip = options.gzip, .chunk_bytes = options.chunk_bytes});
  const auto write = [&](const hdf5::OutputGroup& root) {
    root.attribute(root.id, "filetype", "matrix");
    const int64_t version = 2;
    root.attribute(root.id, "version", H5T_NATIVE_INT64, {}, &version);
    const hdf5::OutputGroup matrix = root.group("matrix");
    detail::write_names(matrix, "barcodes", obs.index);
    hdf5::OutputEntries<int32_t> entries(matrix, DType::i32, DType::i64, {});
    visit_wide(X.dtype(), [&]<class T>() {
      std::vector<int32_t> room;
      for_each_row_block<T>(X, [&](size_t first, const CsrView<T>& block) {
        report(options.progress, {"write", first + block.rows, X.rows(), {}});
        entries.append(detail::counts_of(block, first, obs, var, room));
      });
    });
    entries.finish();
    const auto& indptr = entries.indptr();
    hdf5::put_numbers(matrix, "indptr", DType::i64, {indptr.size()}, indptr.data());
    const auto shape = std::vector<int32_t>{int32_t(X.columns()), int32_t(X.rows())};
    hdf5::put_numbers(matrix, "shape", DType::i32, {2}, shape.data());
    detail::write_features(matrix, var);
  };
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    hdf5::write_file(
        temporary,
        {.function = "write_10x_h5", .file = path.string(), .chunk_bytes = options.chunk_bytes},
        options.gzip, write);
  });
}

VCELL_END_NAMESPACE
