// The reader of torch's files on whatever libFuzzer comes up with: it reads or refuses, in bounded
// time and memory, and does nothing else.
//
//   vcell_fuzz_torch_archive CORPUS [-max_total_time=60]   CORPUS begins with the tests' own files
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>

#include "io/torch_damage.hpp"

namespace fs = std::filesystem;

/// Puts the files that the search begins with into the folders that were named.
extern "C" int LLVMFuzzerInitialize(int* count, char*** words) {
  for (int i = 1; i < *count; ++i) {
    const fs::path folder = (*words)[i];
    if (!fs::is_directory(folder)) continue;
    const auto seeds = vcell_test::torch_seeds(folder / "seed");
    fs::remove(folder / "seed");
    for (size_t s = 0; s < seeds.size(); ++s)
      vcell::write_text(folder / vcell::message("seed_", s), seeds[s]);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  vcell_test::is_pickle(bytes);
  static const int file = ::memfd_create("fuzzed", 0);  // in memory, and with a path
  static const std::string path = vcell::message("/proc/self/fd/", file);
  if (file < 0 || ::ftruncate(file, 0) != 0 || ::pwrite(file, data, size, 0) != ssize_t(size))
    std::abort();
  vcell_test::is_torch_file(path);
  return 0;
}
