#include "vcell/io/sandbox.hpp"

#include <atomic>
#include <fstream>

#include "edit_hdf5.hpp"
#include "small_anndata.hpp"
#include "support/errors.hpp"
#include "support/forked.hpp"
#include "support/sanitized.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"

using namespace vcell;
using vcell_test::check_error;

#if defined(VCELL_TEST_NO_FORK)
TEST_CASE("sandbox: what becomes of work in it", "[io]") {
  VCELL_SKIP("ThreadSanitizer starts no threads in a child");
}
#else

namespace {

std::string number_of_elements(const std::filesystem::path& path) {
  return message(describe_h5ad(path).size());
}

}  // namespace

TEST_CASE("sandbox: a result and an error come out as they are", "[io]") {
  CHECK(in_sandbox("a", [] { return std::string(); }) == "");
  const std::string long_text(1'000'000, 'x');
  CHECK(in_sandbox("a", [&] { return long_text; }) == long_text);
  const auto fails = [](auto error) {
    return [error] { in_sandbox("a", [&]() -> std::string { throw error; }); };
  };
  check_error<FormatError>(fails(FormatError("broken")), {"broken"});
  check_error<IoError>(fails(IoError("absent")), {"absent"});
  check_error<Error>(fails(std::runtime_error("other")), {"other"});
  int here = 1;
  in_sandbox("a", [&] {
    here = 2;
    return std::string();
  });
  CHECK(here == 1);
}

TEST_CASE("sandbox: what crashes, or takes too much, ends alone", "[io]") {
  const auto fails = [](auto work, const std::vector<std::string>& texts,
                        const SandboxLimits& limits = {}) {
    check_error<FormatError>(
        [&] {
          in_sandbox(
              "inspect: file 'a'",
              [&] {
                work();
                return std::string("done");
              },
              limits);
        },
        texts);
  };
  fails([] { ::raise(SIGKILL); }, {"inspect: file 'a'", "ended by signal 9", "damaged"});
  fails([] { ::_exit(3); }, {"ended with status 3"});
  fails(
      [] {
        ::signal(SIGBUS, SIG_DFL);
        ::raise(SIGBUS);
      },
      {"crashed with signal"});
  const SandboxLimits brief{2.0 * (1 << 30), 1}, little{64.0 * (1 << 20), 60};
  std::atomic<bool> done = false;
  fails(
      [&] {
        while (!done) {
        }
      },
      {"more than 1 s"}, brief);
#if defined(VCELL_TEST_SANITIZED)  // its allocation of memory ends the child by itself
  static_cast<void>(little);
#else
  fails([] { std::string(size_t(1) << 30, 'x').swap(*new std::string); },
        {"more than the 67108864 bytes"}, little);
#endif
}

TEST_CASE("sandbox: files from strangers", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.h5ad";
  write_h5ad(path, vcell_test::small_anndata());
  const auto read = [&] { return in_sandbox("read", [&] { return number_of_elements(path); }); };
  CHECK(read() == number_of_elements(path));
  const std::string sound = read_text(path);
  for (const size_t n : {sound.size() / 2, size_t(100), size_t(0)}) {
    write_text(path, sound.substr(0, n));
    check_error<Error>(read, {"describe_h5ad", path.string()});
  }
}

#endif
