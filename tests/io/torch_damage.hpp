// Files of torch to damage, and reading what came of it. Tests change a few bytes; the fuzzer
// (tests/fuzz/torch_archive.cpp) looks for more.
#pragma once

#include <string>
#include <vector>

#include "io/pickle_bytes.hpp"
#include "io/torch_cases.hpp"
#include "vcell/io/torch_archive.hpp"
#include "vcell/io/write_torch_archive.hpp"

namespace vcell_test {

/// A pickle alone, a file of the zip form, and one of the older form.
/// @param path  a file that may be written
inline std::vector<std::string> torch_seeds(const std::filesystem::path& path) {
  vcell::write_torch_archive(path, some_arrays());
  vcell::ZipArchive zip(path);
  return {zip.read(*zip.find("archive/data.pkl")), vcell::read_text(path),
          legacy_file(whole_tensor("1", 2), "](" + text("1") + "e",
                      bytes_of(int64_t(2)) + floats({1, 2}))};
}

/// Calls f, which reads something.
/// @return false where it was refused as a reader refuses a file; other exceptions pass
template <class F>
bool is_read(F&& f) {
  try {
    f();
    return true;
  } catch (const vcell::FormatError&) {
    return false;
  } catch (const vcell::ShapeError&) {
    return false;
  }
}

/// Reads a pickle as it lies in an archive whose checksums are right.
inline bool is_pickle(const std::string& text) {
  return is_read([&] { vcell::detail::read_pickle<>(text, 0, "seed"); });
}

/// Reads a file of any form, and its arrays where it is a dict of them.
inline bool is_torch_file(const std::filesystem::path& path) {
  return is_read([&] {
    vcell::TorchArchive archive(path);
    if (archive.root().is(vcell::PickleKind::dict)) archive.arrays(archive.root());
  });
}

}  // namespace vcell_test
