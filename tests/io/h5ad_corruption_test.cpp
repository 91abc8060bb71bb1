// Files with bytes changed, zeroed, or cut off: each is read, or refused with one of vcell's
// errors.
#include <cstdio>

#include "small_anndata.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/io/h5ad.hpp"

// HDF5 asks for as much memory as a damaged header says, and copes when it gets none.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
// What it held of a damaged file when it gave up, it does not release.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5\n"; }

using namespace vcell;

namespace {

/// One to eight places, each up to 64 bytes long: other bytes, zeros, or single bits turned over;
/// one file in ten is cut short as well.
std::string damaged(std::string bytes, uint64_t seed) {
  Rng rng(seed, 7);
  for (uint64_t edits = 1 + rng.below(8); edits > 0; --edits) {
    const uint64_t begin = rng.below(bytes.size()), kind = rng.below(3);
    const uint64_t end = std::min<uint64_t>(bytes.size(), begin + 1 + rng.below(64));
    for (uint64_t i = begin; i < end; ++i)
      bytes[i] = kind == 0   ? char(rng.below(256))
                 : kind == 1 ? '\0'
                             : char(bytes[i] ^ (1 << rng.below(8)));
  }
  if (rng.below(10) == 0) bytes.resize(rng.below(bytes.size()));
  return bytes;
}

struct Outcome {
  size_t read = 0, refused = 0;
};

/// @param file  a sound file of at most a few hundred kilobytes
Outcome read_damaged(const std::filesystem::path& file, uint64_t variants) {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "damaged.h5ad";
  const std::string sound = read_text(file);
  Outcome out;
  for (uint64_t seed = 0; seed < variants; ++seed) {
    INFO(file << " seed " << seed);
    write_text(path, damaged(sound, seed));
    try {
      read_h5ad(path);
      ++out.read;
    } catch (const Error& e) {
      ++out.refused;
      CHECK(std::string(e.what()).find(path.string()) != std::string::npos);
    }
  }
  REQUIRE(H5Fget_obj_count(hid_t(H5F_OBJ_ALL), H5F_OBJ_ALL) == 0);
  return out;
}

void check_all(const std::vector<std::filesystem::path>& files, uint64_t variants) {
  Outcome all;
  for (const auto& file : files) {
    const Outcome one = read_damaged(file, variants);
    all.read += one.read;
    all.refused += one.refused;
  }
  std::printf("%zu damaged files: %zu read, %zu refused\n", all.read + all.refused, all.read,
              all.refused);
  CHECK(all.refused > all.read);
}

}  // namespace

TEST_CASE("h5ad corruption: files of vcell", "[io]") {
  const vcell_test::TemporaryFolder folder;
  write_h5ad(folder.path() / "plain.h5ad", vcell_test::small_anndata(), {0, {}});
  write_h5ad(folder.path() / "gzip.h5ad", vcell_test::small_anndata(), {1, {}});
  check_all({folder.path() / "plain.h5ad", folder.path() / "gzip.h5ad"}, 60);
}

TEST_CASE("h5ad corruption: files of anndata", "[io][golden]") {
  const auto folder = vcell_test::golden_folder("formats");
  if (!folder) VCELL_SKIP("golden folder formats is absent");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(*folder))
    if (entry.path().extension() == ".h5ad") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  REQUIRE_FALSE(files.empty());
  check_all(files, 40);
}

TEST_CASE("h5ad corruption: files of others", "[io][golden]") {
  const auto folder = vcell_test::folder_from("VCELL_FILES");
  if (!folder) VCELL_SKIP("VCELL_FILES names no folder");
  check_all({*folder / "anndata-0.11.4.h5ad", *folder / "bpcells-anndata-0.10.9.h5ad"}, 60);
}
