#include "vcell/io/event_file.hpp"

#include <sys/stat.h>

#include "support/errors.hpp"
#include "support/events.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/atomic_file.hpp"

using namespace vcell;
using namespace vcell_test;
namespace fs = std::filesystem;

TEST_CASE("crc32c: published sums", "[io]") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xE3069283u);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAu);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43u);
  std::string rising;
  for (int i = 0; i < 32; ++i) rising += char(i);
  CHECK(crc32c(rising) == 0x46DD794Eu);
}

TEST_CASE("event_file: what was added is there, each record with its sums", "[io]") {
  const TemporaryFolder folder;
  const fs::path runs = folder.path() / "a/b";
  const auto second = std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1);
  EventFile file(runs);
  CHECK(file.path() == runs / "events.out.tfevents.0000000001.vcell");
  file.add(1, "train/loss", 0.25);
  file.add(300, "validation/loss", -1e30);
  file.add(uint64_t(1) << 40, std::string(200, 'x'), 1.0 / 3);
  const auto events = read_events(file.path());  // while it is open
  REQUIRE(events.size() == 4);
  CHECK(events[0].version == "brain.Event:2");
  CHECK(events[0].step == 0);
  CHECK(events[1] == Event{1, "", "train/loss", 0.25f});
  CHECK(events[2] == Event{300, "", "validation/loss", -1e30f});
  CHECK(events[3] == Event{uint64_t(1) << 40, "", std::string(200, 'x'), 1.0f / 3});
  for (const Event& event : events) {
    CHECK(event.time >= double(second));
    CHECK(event.time < double(second) + 600);
  }
  std::string damaged = read_text(file.path());
  damaged[damaged.size() - 10] ^= 1;
  write_text(folder.path() / "damaged", damaged);
  REQUIRE_THROWS_WITH(read_events(folder.path() / "damaged"), contains("sum of the content"));
}

TEST_CASE("event_file: every one is the next of its folder, and starts a session", "[io]") {
  const TemporaryFolder folder;
  { EventFile(folder.path()).add(1, "a", 1); }
  const std::string first = read_text(folder.path() / "events.out.tfevents.0000000001.vcell");
  EventFile next(folder.path(), 7);
  next.add(8, "a", 2);
  CHECK(next.path() == folder.path() / "events.out.tfevents.0000000002.vcell");
  CHECK(read_text(folder.path() / "events.out.tfevents.0000000001.vcell") == first);
  const auto events = read_events(next.path());
  REQUIRE(events.size() == 3);
  CHECK(events[1].starts_session);
  CHECK(events[1].step == 8);
  CHECK(events[2] == Event{8, "", "a", 2});
}

TEST_CASE("event_file: errors name folder or file", "[io]") {
  const TemporaryFolder folder;
  write_text(folder.path() / "file", "x");
  check_error<WriteError>([&] { EventFile(folder.path() / "file"); },
                          {"EventFile", "cannot make the folder", "file"});
  const fs::path next = folder.path() / "events.out.tfevents.0000000001.vcell";
  fs::create_symlink(folder.path() / "absent/events", next);  // nothing can be made there
  check_error<WriteError>([&] { EventFile events(folder.path()); },
                          {"EventFile: cannot write", next.string(), "has the disk room"});
}
