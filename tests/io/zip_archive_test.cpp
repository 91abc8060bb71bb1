#include "vcell/io/zip_archive.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/npz.hpp"
#include "vcell/io/write_zip.hpp"

using namespace vcell;
using namespace std::string_literals;
using vcell_test::check_error;

namespace {

/// A number put into a text.
template <class N>
void put(std::string& file, size_t at, N number) {
  std::memcpy(file.data() + at, &number, sizeof number);
}

/// An archive of one deflated record that says to be of this many bytes.
std::string deflated_file(const std::string& name, const std::string& content, uint32_t size) {
  std::string packed(content.size() + 1000, '\0');
  z_stream stream = {};
  REQUIRE(::deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = uInt(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = uInt(packed.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  using detail::zip_numbers;
  const std::string facts = zip_numbers(uint16_t(20), uint16_t(0), uint16_t(8), uint16_t(0),
                                        uint16_t(0x21), detail::zip_checksum(content),
                                        uint32_t(packed.size()), size, uint16_t(name.size()));
  const std::string local = "PK\3\4" + facts + zip_numbers(uint16_t(0)) + name + packed;
  const std::string entry =
      "PK\1\2" + zip_numbers(uint16_t(20)) + facts +
      zip_numbers(uint16_t(0), uint16_t(0), uint16_t(0), uint16_t(0), uint32_t(0), uint32_t(0)) +
      name;
  return local + entry + "PK\5\6" +
         zip_numbers(uint16_t(0), uint16_t(0), uint16_t(1), uint16_t(1), uint32_t(entry.size()),
                     uint32_t(local.size()), uint16_t(0));
}

}  // namespace

TEST_CASE("zip_archive: records come back the same, aligned", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.zip";
  const std::string big(100'000, 'x');
  write_zip(path, std::vector<ZipContent>{{"z", big}, {"empty", ""}, {"folder/ü", "\0\1"s}}, 64);
  ZipArchive zip(path);
  REQUIRE(zip.records().size() == 3);
  CHECK(zip.records()[0].name == "z");
  CHECK(zip.read(*zip.find("z")) == big);
  CHECK(zip.read(*zip.find("empty")).empty());
  CHECK(zip.read(*zip.find("folder/ü")) == "\0\1"s);
  CHECK(zip.find("none") == nullptr);
  write_zip(path, {});
  CHECK(ZipArchive(path).records().empty());
  check_error<IoError>([&] { ZipArchive{folder.path() / "none"}; }, {"'", "none"});
  const std::vector<ZipContent> long_name = {{std::string(1001, 'n'), ""}};
  check_error<FormatError>([&] { write_zip(path, long_name); }, {"1001 bytes"});
}

TEST_CASE("zip_archive: deflated records, and claims of them that cannot be", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.zip";
  const std::string content(300'000, 'q');
  const auto read = [&](uint32_t size) {
    write_text(path, deflated_file("r", content, size));
    ZipArchive zip(path);
    return zip.read(*zip.find("r"));
  };
  CHECK(read(300'000) == content);
  for (const uint32_t size : {0u, 299'999u, 300'001u})
    check_error<FormatError>([&] { read(size); }, {"a.zip", "'r'", "does not unpack"});
  check_error<FormatError>([&] { read(UINT32_MAX - 1); }, {"'r'", "cannot be"});
}

TEST_CASE("zip_archive: sizes of 64 bits", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.zip";
  // As a writer of large files does it for a small one: everything is in the wide fields.
  using detail::zip_numbers;
  const std::string facts = zip_numbers(uint16_t(45), uint16_t(0), uint16_t(0), uint16_t(0),
                                        uint16_t(0), detail::zip_checksum("abc"));
  const std::string none = zip_numbers(UINT32_MAX, UINT32_MAX);
  const auto file = [&](uint64_t size, uint64_t header, bool with_sizes = true) {
    const std::string local =
        "PK\3\4" + facts + none + zip_numbers(uint16_t(1), uint16_t(0)) + "rabc";
    const std::string extra = with_sizes
                                  ? zip_numbers(uint16_t(1), uint16_t(24), size, size, header)
                                  : zip_numbers(uint16_t(1), uint16_t(8), size);
    const std::string entry = "PK\1\2" + zip_numbers(uint16_t(45)) + facts + none +
                              zip_numbers(uint16_t(1), uint16_t(extra.size()), uint16_t(0),
                                          uint16_t(0), uint16_t(0), uint32_t(0), UINT32_MAX) +
                              'r' + extra;
    const std::string end =
        "PK\6\6" + zip_numbers(uint64_t(44), uint16_t(45), uint16_t(45), uint32_t(0), uint32_t(0),
                               uint64_t(1), uint64_t(1), uint64_t(entry.size()),
                               uint64_t(local.size()));
    const std::string locator =
        "PK\6\7" + zip_numbers(uint32_t(0), uint64_t(local.size() + entry.size()), uint32_t(1));
    return local + entry + end + locator + "PK\5\6" +
           zip_numbers(uint16_t(0), uint16_t(0), uint16_t(UINT16_MAX), uint16_t(UINT16_MAX),
                       UINT32_MAX, UINT32_MAX, uint16_t(0));
  };
  write_text(path, file(3, 0));
  ZipArchive zip(path);
  CHECK(zip.read(*zip.find("r")) == "abc");
  const auto fails_with = [&](const std::string& bytes, const std::string& what) {
    write_text(path, bytes);
    check_error<FormatError>(
        [&] {
          ZipArchive damaged(path);
          for (const ZipRecord& r : damaged.records()) damaged.read(r);
        },
        {"a.zip", what});
  };
  fails_with(file(3, 0, false), "does not say how large");
  fails_with(file(uint64_t(1) << 62, 0), "outside the file");
  fails_with(file(3, uint64_t(1) << 62), "outside the file");
  fails_with(file(3, 1), "no header");
}

TEST_CASE("zip_archive: damaged archives are refused", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.zip";
  write_zip(path, std::vector<ZipContent>{{"one", "11111"}, {"two", "22222"}});
  const std::string whole = read_text(path);
  const size_t first = whole.find("PK\1\2"), second = whole.find("PK\1\2", first + 1),
               end = whole.find("PK\5\6");
  const auto fails_with = [&](const std::string& what, const auto& change) {
    std::string file = whole;
    change(file);
    write_text(path, file);
    check_error<FormatError>(
        [&] {
          ZipArchive zip(path);
          for (const ZipRecord& r : zip.records()) zip.read(r);
        },
        {"a.zip", what});
  };
  fails_with("cut off", [&](std::string& f) { f.resize(end + 10); });
  fails_with("cut off", [&](std::string& f) { f = "PK\3\4"; });
  fails_with("checksum", [&](std::string& f) { f[f.find("11111")] = '2'; });
  fails_with("comes twice", [&](std::string& f) { f.replace(second + 46, 3, "one"); });
  fails_with("overlaps", [&](std::string& f) { put(f, second + 42, uint32_t(0)); });
  fails_with("outside the file", [&](std::string& f) { put(f, second + 42, uint32_t(1 << 30)); });
  fails_with("cannot be", [&](std::string& f) { put(f, first + 24, uint32_t(6)); });
  fails_with("encrypted", [&](std::string& f) { put(f, first + 8, uint16_t(1)); });
  fails_with("method 12", [&](std::string& f) { put(f, first + 10, uint16_t(12)); });
  fails_with("goes wrong at entry 1", [&](std::string& f) { f[second] = 'x'; });
  fails_with("cut off at entry 1", [&](std::string& f) { put(f, second + 28, uint16_t(9999)); });
  fails_with("cannot be", [&](std::string& f) { put(f, end + 10, uint16_t(3)); });
  fails_with("several", [&](std::string& f) { put(f, end + 4, uint16_t(1)); });
  fails_with("outside the file", [&](std::string& f) { put(f, end + 16, uint32_t(1 << 30)); });
  fails_with("no header", [&](std::string& f) { f[0] = 'x'; });
}

TEST_CASE("npz: arrays and texts, stored and deflated", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.npz";
  const auto npy = [](const std::string& header, const std::string& data) {
    return "\x93NUMPY\1\0"s + detail::zip_numbers(uint16_t(header.size())) + header + data;
  };
  const std::string floats = detail::zip_numbers(1.f, 2.f, 3.f, 4.f);
  const std::string square = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n",
                    columns = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }\n",
                    names = "{'descr': '<U1', 'fortran_order': False, 'shape': (2,), }\n";
  const auto a = npy(square, floats), b = npy(columns, floats), c = npy(names, "A\0\0\0B\0\0\0"s);
  write_zip(path, std::vector<ZipContent>{{"a.npy", a}, {"b.npy", b}, {"c.npy", c}});
  const auto read = read_npz(path);
  CHECK(read.at("a").numbers == Array::of<float>({2, 2}, std::vector<float>{1, 2, 3, 4}));
  CHECK(read.at("b").numbers == Array::of<float>({2, 2}, std::vector<float>{1, 3, 2, 4}));
  CHECK(read.at("c").texts == std::vector<std::string>{"A", "B"});
  write_text(path, deflated_file("a.npy", a, uint32_t(a.size())));
  CHECK(read_npz(path).at("a").numbers == read.at("a").numbers);
  const auto fails_with = [&](const std::string& name, const std::string& bytes,
                              const std::string& what) {
    write_zip(path, std::vector<ZipContent>{{name, bytes}});
    check_error<FormatError>([&] { read_npz(path); }, {"a.npz", what});
  };
  fails_with("a.txt", a, "does not end in .npy");
  fails_with("a.npy", "hello", "does not begin");
  fails_with("a.npy", a.substr(0, a.size() - 1), "does not fit its bytes");
  fails_with("a.npy", a.substr(0, 30), "cut off");
  fails_with("a.npy", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", ""), "dtype");
  fails_with("a.npy", npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", ""),
             "dtype");
  fails_with("a.npy", npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }", ""),
             "structured");
  fails_with("a.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", ""),
             "cannot be");
  fails_with("a.npy", npy("{'descr': '<f4'}", ""), "incomplete");
}
