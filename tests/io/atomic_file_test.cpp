#include "vcell/io/atomic_file.hpp"

#include <sys/resource.h>

#include <csignal>

#include "support/errors.hpp"
#include "support/forked.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/safetensors.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

size_t files_in(const std::filesystem::path& folder) {
  return size_t(std::distance(std::filesystem::directory_iterator(folder), {}));
}

/// No file can grow beyond this many bytes while it lives: a full disk, as far as writing can tell.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit small = before_;
    small.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_ = {};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("atomic file: text comes back byte for byte", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  for (const std::string& text : {std::string(), std::string("a\0\r\n\xff", 5)}) {
    write_text(path, text);
    CHECK(read_text(path) == text);
  }
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("atomic file: a failure leaves the old file and nothing else", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  write_text(path, "old");
  const auto half = [](const std::filesystem::path& temporary) {
    CHECK(temporary.parent_path().filename().string().starts_with("vcell-test-"));
    std::ofstream(temporary) << "half";
    throw Stopped("half way");
  };
  CHECK_THROWS_AS(write_atomically(path, half), Stopped);
  CHECK(read_text(path) == "old");
  CHECK(files_in(folder.path()) == 1);
  check_error<WriteError>([&] { write_text(folder.path() / "no" / "a", "x"); },
                          {"no folder", "no'"});
  check_error<WriteError>([&] { write_text(folder.path(), "x"); }, {"is a folder"});
  check_error<IoError>([&] { read_text(folder.path()); }, {"cannot open"});
  check_error<IoError>([&] { read_text(folder.path() / "b"); }, {"cannot open"});
}

TEST_CASE("atomic file: a link keeps pointing to the file that is written", "[io]") {
  const vcell_test::TemporaryFolder folder;
  write_text(folder.path() / "real", "old");
  std::filesystem::create_symlink("real", folder.path() / "link");
  write_text(folder.path() / "link", "new");
  CHECK(std::filesystem::is_symlink(folder.path() / "link"));
  CHECK(read_text(folder.path() / "real") == "new");
}

TEST_CASE("atomic file: a full disk is an error, and the old file stays", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  write_text(path, "old");
  AnnData a;
  a.obs = DataFrame(std::vector<std::string>(1000, "cell"));
  a.var = DataFrame(std::vector<std::string>(100, "gene"));
  DenseMatrix<double> X{1000, 100, std::vector<double>(100000)};
  for (size_t i = 0; i < X.values.size(); ++i) X.values[i] = std::sin(double(i));  // hard to pack
  a.X = std::move(X);
  Safetensors s;
  s.tensors["x"] = Array::of<double>({100000}, a.X->values().values<double>());
  const auto check_whole = [&] {
    CHECK(read_text(path) == "old");
    CHECK(files_in(folder.path()) == 1);
  };
  for (rlim_t bytes : {0, 4096, 65536}) {
    const SmallDisk disk(bytes);
    for (const int gzip : {0, 1}) {
      check_error<WriteError>([&] { write_h5ad(path, a, {.gzip = gzip}); },
                              {"write_h5ad", path.string()});
      check_whole();
    }
    check_error<WriteError>([&] { write_safetensors(path, s); },
                            {"write_safetensors", path.string()});
    check_whole();
    check_error<WriteError>([&] { write_text(path, std::string(100000, 'x')); }, {"write_text"});
    check_whole();
  }
  REQUIRE_NOTHROW(write_h5ad(path, a));
  CHECK(read_h5ad(path) == a);
}

TEST_CASE("atomic file: two writers at once, and what a killed one left", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  const auto leftover = folder.path() / "a.0123456789abcdef.partial";
  const std::string kept[] = {"a.partial", "a.0123456789abcdex.partial",
                              "b.0123456789abcdef.partial", "a.0123456789abcdef.partial.gz"};
  for (const std::string& name : kept) std::ofstream(folder.path() / name) << "mine";
  std::ofstream(leftover) << "half";
  write_atomically(path, [&](const std::filesystem::path& outer) {
#if defined(F_OFD_SETLK)
    CHECK_FALSE(std::filesystem::exists(leftover));
#endif
    std::ofstream(outer) << "outer";
    write_atomically(path, [&](const std::filesystem::path& inner) {
      CHECK(inner != outer);
      CHECK(std::filesystem::exists(outer));  // its writer lives
      std::ofstream(inner) << "inner";
    });
    CHECK(read_text(path) == "inner");
  });
  CHECK(read_text(path) == "outer");
  for (const std::string& name : kept) CHECK(read_text(folder.path() / name) == "mine");
}

TEST_CASE("atomic file: of a child that was killed nothing stays after the next write", "[io]") {
#if !defined(F_OFD_SETLK)
  VCELL_SKIP("the system has no locks that belong to an open file");
#else
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  const auto child = vcell_test::fork_child();
  if (child == 0)
    write_atomically(path, [](const std::filesystem::path& temporary) {
      std::ofstream(temporary) << "half";
      std::_Exit(9);
    });
  CHECK(vcell_test::status_of(child) == 9);
  CHECK(files_in(folder.path()) == 1);
  write_text(path, "whole");
  CHECK(files_in(folder.path()) == 1);
  CHECK(read_text(path) == "whole");
#endif
}
