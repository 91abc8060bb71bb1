#pragma once

#include <filesystem>
#include <fstream>
#include <string_view>

#include "vcell/core/instantiate.hpp"
#include "vcell/pipeline/write_submission.hpp"

VCELL_BEGIN_NAMESPACE

/// Writes the cells of a container of the Virtual Cell Challenge, an h5ad file, in bounded memory.
/// @throws FormatError if it is no tar archive with one pred.h5ad.zst; IoError, WriteError; Stopped
template <class = void>
void unpack_submission(const std::filesystem::path& container, const std::filesystem::path& h5ad,
                       const Progress& progress = {}) {
  std::vector<std::string> names;
  std::vector<TarMember> cells;
  for (const TarMember& member : read_tar(container)) {
    names.push_back(member.name);
    if (member.name == submission_member) cells.push_back(member);
  }
  if (cells.size() != 1 || cells[0].size == 0)
    throw FormatError(message("unpack_submission: ", quoted(container.string()), " holds ",
                              list_of(names), ", expected one ", quoted(submission_member),
                              " that is not empty"));
  std::ofstream out(h5ad, std::ios::binary | std::ios::trunc);
  const auto check = [&] {
    if (!out)
      throw WriteError(message("unpack_submission: cannot write ", quoted(h5ad.string()),
                               "; is the disk full?"));
  };
  decompress_zstd(
      container, cells[0].offset, cells[0].size,
      [&](std::string_view bytes) {
        out.write(bytes.data(), std::streamsize(bytes.size()));
        check();  // a small container may hold more than any disk
      },
      progress);
  out.close();
  check();
}

VCELL_INSTANTIATE(folders,
                  void unpack_submission<void>(const std::filesystem::path&,
                                               const std::filesystem::path&, const Progress&));

VCELL_END_NAMESPACE
