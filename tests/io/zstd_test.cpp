#include "vcell/io/zstd.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/io/atomic_file.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

std::string compressed(const std::string& file) {
  std::string out;
  compress_zstd(file, [&](std::string_view bytes) { out += bytes; });
  return out;
}

std::string decompressed(const std::string& file, uint64_t first, uint64_t size) {
  std::string out;
  decompress_zstd(file, first, size, [&](std::string_view bytes) { out += bytes; });
  return out;
}

/// Bytes that compress a little.
std::string some_bytes(size_t n) {
  Rng rng(3);
  std::string out(n, '\0');
  for (char& c : out) c = char('a' + rng.below(7));
  return out;
}

}  // namespace

TEST_CASE("zstd: what was compressed comes back", "[io]") {
  const vcell_test::TemporaryFolder folder("zstd");
  const size_t n = GENERATE(0, 1, 1000, 1 << 20, (5 << 20) + 17);
  const std::string content = some_bytes(n), file = folder / "a", packed = folder / "b";
  write_text(file, content);
  const std::string bytes = compressed(file);
  CHECK(bytes.starts_with("\x28\xb5\x2f\xfd"));
  CHECK(bytes == compressed(file));
  write_text(packed, "before" + bytes + "after");
  CHECK(decompressed(packed, 6, bytes.size()) == content);
}

TEST_CASE("zstd: bytes that are none of it, or not whole, are refused", "[io]") {
  const vcell_test::TemporaryFolder folder("zstd");
  const std::string file = folder / "a", packed = folder / "b";
  write_text(file, some_bytes(100000));
  std::string bytes = compressed(file);
  write_text(packed, bytes);
  check_error<FormatError>([&] { decompressed(packed, 0, bytes.size() / 2); }, {"not whole"});
  check_error<FormatError>([&] { decompressed(packed, 0, 0); }, {"not whole"});
  check_error<FormatError>([&] { decompressed(file, 0, 1000); }, {"does not hold what zstd wrote"});
  check_error<IoError>([&] { decompressed(packed, 0, bytes.size() + 1); }, {"cannot read"});
  check_error<IoError>([&] { compressed(folder / "none"); }, {"none"});
}

TEST_CASE("zstd: a watcher stops it", "[io]") {
  const vcell_test::TemporaryFolder folder("zstd");
  const std::string file = folder / "a";
  write_text(file, some_bytes(3 << 20));
  size_t calls = 0;
  CHECK_THROWS_AS(compress_zstd(
                      file, [](std::string_view) {}, 3,
                      [&](const ProgressUpdate& u) {
                        CHECK(u.total == 3);
                        return ++calls < 2;
                      }),
                  Stopped);
  CHECK(calls == 2);
}
