#include "vcell/io/sha256.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/atomic_file.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

std::string sum_of(std::string_view text, size_t part = 1000) {
  Sha256 sum;
  for (size_t i = 0; i < text.size(); i += part) sum.add(text.substr(i, part));
  return sum.text();
}

}  // namespace

TEST_CASE("sha256: published sums, whatever the parts", "[io]") {
  // NIST's examples for FIPS 180-4.
  CHECK(sum_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sum_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  for (const size_t part : {1, 7, 56, 63, 64, 65, 1000}) {
    INFO("parts of " << part);
    CHECK(sum_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", part) ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(sum_of(std::string(1'000'000, 'a'), part) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
}

TEST_CASE("sha256: of files", "[io]") {
  const TemporaryFolder folder;
  for (const size_t bytes : {0, 1, 65536, 65537, 200'000}) {
    const std::string text(bytes, 'x');
    write_text(folder.path() / "file", text);
    CHECK(sha256_of(folder.path() / "file") == sum_of(text));
  }
  check_error<IoError>([&] { sha256_of(folder.path() / "none"); }, {"sha256_of", "none"});
  check_error<IoError>([&] { sha256_of(folder.path()); }, {"sha256_of: cannot open"});
}
