// A run that is only asked what it would be.
#include <filesystem>

#include "support/small_run.hpp"

using namespace vcell_test;
namespace fs = std::filesystem;

namespace {

size_t entries(const fs::path& folder) {
  return size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("program: a dry run says what a run would be, and writes nothing", "[program]") {
  const TemporaryFolder folder("dry");
  small_screen(folder);
  const auto flags = small_flags(folder);
  for (const std::string command : {"run", "train"}) {
    INFO(command);
    const size_t before = entries(folder.path());
    const auto dry = run_vcell(folder, command + flags + " --dry-run --out " + (folder / "run"));
    INFO(dry.err);
    CHECK(dry.code == 0);
    CHECK(entries(folder.path()) == before);
    CHECK_FALSE(fs::exists(folder / "run"));
    for (const std::string what : {"cells ", "split ", "genes ", "parameters ", "memory ", "step ",
                                   "20 steps and 2 validations"})
      CHECK_THAT(dry.out, contains(what));
    CHECK((dry.out.find("held out") != std::string::npos) == (command == "run"));
    CHECK_THAT(dry.err, !contains("is kept"));  // as the end of a training says
  }
  const auto whole = run_vcell(folder, "run" + flags + " --out " + (folder / "run"));
  REQUIRE(whole.code == 0);
  const auto dry = run_vcell(folder, "run" + flags + " --dry-run");  // where to is no matter
  CHECK(dry.code == 0);
  const auto at = dry.out.find("parameters ");
  const auto number = dry.out.substr(dry.out.find_first_of("123456789", at));
  CHECK_THAT(whole.err, contains(number.substr(0, number.find('\n')) + " parameters"));
}

TEST_CASE("program: a dry run of baselines trains nothing", "[program]") {
  const TemporaryFolder folder("dry_baselines");
  small_screen(folder);
  const auto dry =
      run_vcell(folder, "run" + small_flags(folder) + " --dry-run --methods context_mean");
  CHECK(dry.code == 0);
  CHECK_THAT(dry.out, contains("held out") && !contains("training"));
}

TEST_CASE("program: a dry run finds what a run would not begin with", "[program]") {
  const TemporaryFolder folder("dry_errors");
  small_screen(folder);
  const auto flags = small_flags(folder) + " --dry-run ";
  struct Case {
    std::string words, said;
  };
  fs::create_directories(folder / "other/file");
  for (const auto& [words, said] :
       {Case{"--methods nothing", "'nothing'"}, Case{"--control none", "'none'"},
        Case{"--heads 3 --head-dim 3 --hidden 0", "hidden"}, Case{"--resume", "--resume"},
        Case{"--out " + (folder / "other"), "holds no run"}}) {
    INFO(words);
    const auto dry = run_vcell(folder, "run" + flags + words);
    CHECK(dry.code == 2);
    CHECK(dry.out.empty());
    CHECK_THAT(dry.err, contains(said));
  }
}
