#include "vcell/io/atomic_folder.hpp"

#include <unistd.h>

#include <fstream>

#include "support/catch.hpp"

using namespace vcell;
namespace fs = std::filesystem;

namespace {

const fs::path root = fs::temp_directory_path() / message("vcell_atomic_folder_test_", getpid());
const fs::path target = root / "folder";

void put(const fs::path& folder, const std::string& text) {
  fs::create_directories(folder);
  std::ofstream(folder / "file") << text;
}
std::string content() {
  std::string text;
  std::ifstream(target / "file") >> text;
  return text;
}
size_t entries() { return size_t(std::distance(fs::directory_iterator(root), {})); }

}  // namespace

TEST_CASE("atomic_folder: a new folder replaces the old one whole", "[io]") {
  fs::remove_all(root);
  write_folder(target, [](const fs::path& folder) { put(folder, "one"); });
  REQUIRE(content() == "one");
  write_folder(target / "", [](const fs::path& folder) {
    REQUIRE(content() == "one");  // still there
    put(folder, "two");
  });
  REQUIRE(content() == "two");
  REQUIRE(entries() == 1);
}

TEST_CASE("atomic_folder: a failure leaves the old one", "[io]") {
  fs::remove_all(root);
  const auto fail = [](const fs::path& folder) {
    put(folder, "half");
    throw std::runtime_error("no");
  };
  REQUIRE_THROWS_WITH(write_folder(target, fail), "no");
  REQUIRE(entries() == 0);
  write_folder(target, [](const fs::path& folder) { put(folder, "one"); });
  REQUIRE_THROWS_WITH(write_folder(target, fail), "no");
  REQUIRE(content() == "one");
  REQUIRE(entries() == 1);
}

TEST_CASE("atomic_folder: what a killed writer left is settled", "[io]") {
  const fs::path fresh = root / "folder.vcell-new", old = root / "folder.vcell-old";
  fs::remove_all(root);
  REQUIRE_FALSE(settle_folder(target));
  put(fresh, "half");  // killed while the first one was written
  REQUIRE_FALSE(settle_folder(target));
  REQUIRE(entries() == 0);

  put(target, "one");
  put(fresh, "half");  // while the second one was written
  REQUIRE(settle_folder(target));
  REQUIRE(content() == "one");
  REQUIRE(entries() == 1);

  fs::rename(target, old);
  put(fresh, "two");  // between the two renames
  REQUIRE(settle_folder(target));
  REQUIRE(content() == "two");
  REQUIRE(entries() == 1);

  put(old, "one");  // before the old one was removed
  REQUIRE(settle_folder(target));
  REQUIRE(content() == "two");
  REQUIRE(entries() == 1);
}

TEST_CASE("atomic_folder: readers find the whole one and change nothing", "[io]") {
  const fs::path fresh = root / "folder.vcell-new", old = root / "folder.vcell-old";
  fs::remove_all(root);
  REQUIRE(whole_folder(target).empty());
  put(fresh, "half");
  REQUIRE(whole_folder(target).empty());
  put(target, "one");
  REQUIRE(whole_folder(target) == target);
  fs::rename(target, old);  // between the two renames
  REQUIRE(whole_folder(target) == fresh);
  REQUIRE(entries() == 2);
  fs::remove_all(fresh);
  REQUIRE(whole_folder(target) == old);
  REQUIRE(entries() == 1);
}

TEST_CASE("atomic_folder: copies that people keep beside it stay", "[io]") {
  fs::remove_all(root);
  for (const char* name : {"folder.old", "folder.new", "folder.bak"}) put(root / name, "kept");
  for (const char* text : {"one", "two"})
    write_folder(target, [&](const fs::path& folder) { put(folder, text); });
  REQUIRE(settle_folder(target));
  REQUIRE(content() == "two");
  REQUIRE(entries() == 4);
}

TEST_CASE("atomic_folder: errors", "[io]") {
  fs::remove_all(root);
  fs::create_directories(root);
  std::ofstream(root / "file") << "no folder";
  const auto nothing = [](const fs::path&) {};
  REQUIRE_THROWS_AS(write_folder(root / "file" / "below", nothing), WriteError);
  REQUIRE_THROWS_AS(write_folder(root / "file", nothing), WriteError);
  fs::remove_all(root);
}
