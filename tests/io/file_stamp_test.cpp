#include "vcell/io/file_stamp.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/atomic_file.hpp"

using namespace vcell;
using namespace vcell_test;

TEST_CASE("file_stamp: size, time and checksums of both ends", "[io]") {
  const TemporaryFolder folder("stamp");
  const std::string file = folder / "file";
  write_text(file, "123456789");
  const auto stamp = file_stamp(file);
  CHECK(stamp.bytes == 9);
  CHECK(stamp.first == "cbf43926");  // the check value of crc32
  CHECK(stamp.last == stamp.first);
  CHECK(stamp.modified.size() == std::string("2026-01-01T00:00:00Z").size());
  CHECK_THAT(text_of(stamp), contains("9 bytes") && contains("cbf43926"));
  write_text(file, "");
  CHECK(file_stamp(file).bytes == 0);
  CHECK(file_stamp(file).first == "00000000");

  std::string large(3 << 20, 'x');
  write_text(file, large);
  const auto before = file_stamp(file);
  CHECK(before.first == before.last);
  large.front() = 'y';
  write_text(file, large);
  CHECK(file_stamp(file).first != before.first);
  CHECK(file_stamp(file).last == before.last);
  CHECK_FALSE(same_ends(file_stamp(file), before));
  large.front() = 'x';
  large[large.size() / 2] = 'y';
  write_text(file, large);
  CHECK(same_ends(file_stamp(file), before));  // all that two ends can tell
  large.back() = 'y';
  write_text(file, large);
  CHECK(file_stamp(file).last != before.last);
}

TEST_CASE("file_stamp: what is no file is said so", "[io]") {
  const TemporaryFolder folder("no_stamp");
  check_error<IoError>([&] { file_stamp(folder / "none"); }, {"file_stamp", "none"});
  check_error<IoError>([&] { file_stamp(folder.path()); }, {"file_stamp"});
}
