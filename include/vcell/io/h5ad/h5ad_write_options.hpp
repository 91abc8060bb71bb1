#pragma once

#include <cstddef>
#include <optional>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/core/progress.hpp"
#include "vcell/data/dtype.hpp"

VCELL_BEGIN_NAMESPACE

struct H5adWriteOptions {
  /// Compression of numbers: 0 none, 1 fast .. 9 small. All levels are read by any HDF5.
  int gzip = 1;
  /// Numbers are cut into chunks of at most so many bytes before compression, 1 KiB .. 1 GiB, which
  /// are compressed, and read, apart. Writing takes twelve of them, and 50 MB at least. What is not
  /// compressed, and whose size is known before it is written, lies in one piece instead.
  size_t chunk_bytes = size_t(1) << 18;
  /// What sparse matrices have their indices in, int32 or int64; offsets too, where it holds them.
  /// None: as each matrix says, which is as it was read.
  std::optional<DType> index_type = {};
  /// Sparse rows that come in blocks lie in one piece too, uncompressed: they are read once more,
  /// to count them.
  bool contiguous = false;
  /// Called before each part, with its name as the note; see progress.hpp.
  Progress progress = {};
};

/// @throws ConfigError naming the first option that is out of its range
template <class = void>
void check_write_options(const H5adWriteOptions& options) {
  if (options.gzip < 0 || options.gzip > 9)
    throw ConfigError(message("write_h5ad: gzip is ", options.gzip, ", expected 0 .. 9"));
  if (options.chunk_bytes < 1024 || options.chunk_bytes > size_t(1) << 30)
    throw ConfigError(message("write_h5ad: chunk_bytes is ", options.chunk_bytes,
                              ", expected 1024 .. 1073741824"));
  if (const auto type = options.index_type; type && type != DType::i32 && type != DType::i64)
    throw ConfigError(
        message("write_h5ad: index_type is ", name_of(*type), ", expected int32 or int64"));
  if (options.contiguous && options.gzip > 0)
    throw ConfigError(message("write_h5ad: gzip is ", options.gzip, " and contiguous is true, ",
                              "expected gzip 0 then: what lies in one piece is not compressed"));
}

VCELL_END_NAMESPACE
