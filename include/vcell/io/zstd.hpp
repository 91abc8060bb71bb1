#pragma once

#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/progress.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Reads bytes first .. first + size - 1 of a file in blocks of at most 1 MiB; tells the watcher of
/// mebibytes.
template <class F>
void read_in_blocks(const std::filesystem::path& path, const char* function, uint64_t first,
                    uint64_t size, const Progress& progress, std::string_view stage, F&& block) {
  constexpr uint64_t most = uint64_t(1) << 20;
  std::ifstream in(path, std::ios::binary);
  if (!in || std::filesystem::is_directory(path))
    throw IoError(message(function, ": cannot open ", quoted(path.string()),
                          "; is it there, and may you read it?"));
  in.seekg(std::streamoff(first));
  std::vector<char> bytes(size_t(std::min(size, most)));
  for (uint64_t done = 0; done < size;) {
    report(progress, {stage, size_t(done >> 20), size_t(size >> 20), {}});
    const auto n = size_t(std::min(most, size - done));
    if (!in.read(bytes.data(), std::streamsize(n)))
      throw IoError(message(function, ": cannot read ", quoted(path.string()),
                            "; was it changed meanwhile?"));
    block(std::string_view(bytes.data(), n));
    done += n;
  }
}

}  // namespace detail

/// Compresses a file as one frame of zstd (RFC 8878), in bounded memory; the same file gives the
/// same bytes.
/// @param write     is given them piece by piece
/// @param progress  told of mebibytes read, and may stop
/// @throws IoError if the file cannot be read; Stopped
template <class = void>
void compress_zstd(const std::filesystem::path& path,
                   const std::function<void(std::string_view)>& write, int level = 3,
                   const Progress& progress = {}) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(),
                                                                     ZSTD_freeCCtx);
  if (!context) throw std::bad_alloc();
  const auto check = [&](size_t result) {
    if (ZSTD_isError(result))
      throw Error(
          message("compress_zstd: ", quoted(path.string()), ": ", ZSTD_getErrorName(result)));
    return result;
  };
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error)
    throw IoError(
        message("compress_zstd: cannot open ", quoted(path.string()), ": ", error.message()));
  check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level));
  check(ZSTD_CCtx_setPledgedSrcSize(context.get(), size));
  std::vector<char> out(ZSTD_CStreamOutSize());
  const auto take = [&](std::string_view bytes, ZSTD_EndDirective end) {
    ZSTD_inBuffer from{bytes.data(), bytes.size(), 0};
    for (bool more = true; more;) {
      ZSTD_outBuffer to{out.data(), out.size(), 0};
      const size_t left = check(ZSTD_compressStream2(context.get(), &to, &from, end));
      write({out.data(), to.pos});
      more = end == ZSTD_e_end ? left > 0 : from.pos < from.size;
    }
  };
  detail::read_in_blocks(path, "compress_zstd", 0, size, progress, "compress",
                         [&](std::string_view bytes) { take(bytes, ZSTD_e_continue); });
  take({}, ZSTD_e_end);
}

/// Undoes compress_zstd for part of a file, in bounded memory.
/// @param first, size  the bytes of the frame in the file
/// @param write        is given the content piece by piece
/// @param progress     told of mebibytes read, and may stop
/// @throws FormatError if that is no frame of zstd, or not a whole one; IoError; Stopped
template <class = void>
void decompress_zstd(const std::filesystem::path& path, uint64_t first, uint64_t size,
                     const std::function<void(std::string_view)>& write,
                     const Progress& progress = {}) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(),
                                                                     ZSTD_freeDCtx);
  if (!context) throw std::bad_alloc();
  std::vector<char> out(ZSTD_DStreamOutSize());
  size_t left = 1;  // 0: a frame has ended
  detail::read_in_blocks(
      path, "decompress_zstd", first, size, progress, "decompress", [&](std::string_view bytes) {
        ZSTD_inBuffer from{bytes.data(), bytes.size(), 0};
        for (bool full = true; from.pos < from.size || full;) {
          ZSTD_outBuffer to{out.data(), out.size(), 0};
          left = ZSTD_decompressStream(context.get(), &to, &from);
          if (ZSTD_isError(left))
            throw FormatError(message("decompress_zstd: ", quoted(path.string()),
                                      " does not hold what zstd wrote: ", ZSTD_getErrorName(left)));
          write({out.data(), to.pos});
          full = to.pos == to.size && left > 0;  // more may wait
        }
      });
  if (left)
    throw FormatError(message("decompress_zstd: ", quoted(path.string()),
                              " ends within what zstd wrote; the file is not whole"));
}

VCELL_INSTANTIATE(files, void compress_zstd<void>(const std::filesystem::path&,
                                                  const std::function<void(std::string_view)>&, int,
                                                  const Progress&));
VCELL_INSTANTIATE(files,
                  void decompress_zstd<void>(const std::filesystem::path&, uint64_t, uint64_t,
                                             const std::function<void(std::string_view)>&,
                                             const Progress&));

VCELL_END_NAMESPACE
