#include "vcell/io/tar.hpp"

#include <fstream>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/atomic_file.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

std::string content_of(const std::string& archive, const TarMember& member) {
  return read_text(archive).substr(size_t(member.offset), size_t(member.size));
}

}  // namespace

TEST_CASE("tar: what is written is read again, in order and byte by byte", "[io]") {
  const vcell_test::TemporaryFolder folder("tar");
  const std::string file = folder / "a.tar";
  const std::string large(1300, 'x');
  {
    TarWriter tar(file);
    tar.add("meta.json", "{}");
    tar.begin("b/large");
    tar.append(large.substr(0, 700));
    tar.append(large.substr(700));
    tar.end();
    tar.add("empty", "");
    tar.add("whole", std::string(512, 'y'));
    tar.finish();
  }
  const auto members = read_tar(file);
  REQUIRE(members.size() == 4);
  CHECK(members[0].name == "meta.json");
  CHECK(content_of(file, members[0]) == "{}");
  CHECK(members[1].name == "b/large");
  CHECK(content_of(file, members[1]) == large);
  CHECK(members[2].size == 0);
  CHECK(content_of(file, members[3]) == std::string(512, 'y'));
  CHECK(read_text(file).size() % 10240 == 0);
}

TEST_CASE("tar: headers are those of ustar, of nobody and without time", "[io]") {
  const std::string header = detail::tar_header("meta.json", 221);
  REQUIRE(header.size() == 512);
  CHECK(header.substr(0, 10) == std::string("meta.json\0", 10));
  CHECK(header.substr(100, 8) == std::string("0000644\0", 8));
  CHECK(header.substr(124, 12) == std::string("00000000335\0", 12));
  CHECK(header.substr(136, 12) == std::string("00000000000\0", 12));
  CHECK(header.substr(148, 8) == std::string("007567\0 ", 8));  // as Python's tarfile has it
  CHECK(header.substr(257, 8) == std::string("ustar\00000", 8));
}

TEST_CASE("tar: a size of 8 GiB and more takes base 256", "[io]") {
  CHECK(detail::tar_number((uint64_t(1) << 33) - 1, 12) == std::string("77777777777\0", 12));
  CHECK(detail::tar_number(uint64_t(1) << 33, 12) ==
        std::string("\x80\0\0\0\0\0\0\x02\0\0\0\0", 12));
}

TEST_CASE("tar: files of 8 GiB and more are found, whichever way their size is written", "[io]") {
  const vcell_test::TemporaryFolder folder("tar");
  const std::string file = folder / "a.tar", name(120, 'n');
  const uint64_t size = (uint64_t(1) << 33) + 5;
  const auto padded = [](std::string text) {
    text.resize((text.size() + 511) / 512 * 512, '\0');
    return text;
  };
  const auto of_kind = [](std::string header, char kind) {
    header[156] = kind;
    header.replace(148, 8, "        ");
    uint32_t sum = 0;
    for (const char c : header) sum += uint8_t(c);
    header.replace(148, 8, detail::tar_number(sum, 7) + ' ');
    return header;
  };
  const std::string records = "19 size=8589934597\n" + message("130 path=", name, "\n"),
                    global = "14 comment=ab\n";
  const std::string base_256 = detail::tar_header("large", size),
                    pax = of_kind(detail::tar_header("g", global.size()), 'g') + padded(global) +
                          of_kind(detail::tar_header("x", records.size()), 'x') + padded(records) +
                          detail::tar_header("short", 0);
  for (const std::string& head : {base_256, pax}) {
    write_text(file, head);
    // What is not written takes no room on the disk.
    const uint64_t end = head.size() + (size + 511) / 512 * 512;
    std::filesystem::resize_file(file, end);
    std::ofstream(file, std::ios::binary | std::ios::app)
        << detail::tar_header("after", 0) << std::string(1024, '\0');
    const auto members = read_tar(file);
    REQUIRE(members.size() == 2);
    CHECK(members[0].name == (head == pax ? name : "large"));
    CHECK(members[0].size == size);
    CHECK(members[0].offset == head.size());
    CHECK(members[1].name == "after");
    CHECK(members[1].size == 0);
  }
}

TEST_CASE("tar: hostile headers are refused", "[io]") {
  const vcell_test::TemporaryFolder folder("tar");
  const std::string file = folder / "a.tar";
  for (const std::string text :
       {"", "1", "x", "5 a=b\n", "7 a=b\n", "99999999999999999999999 a=b\n",
        "18446744073709551615 a\n", "6 ab\n\n", "0 a=b\n", "12 size=abc\n", "12 size=-12\n",
        "32 size=99999999999999999999999\n"}) {
    INFO(text);
    CHECK(detail::pax_records(text).has_value() == text.empty());
  }
  CHECK(detail::pax_records("6 a=b\n")->size == std::nullopt);
  // A size of more than 64 bits would be a small one when the rest is left out.
  std::string header = detail::tar_header("a", uint64_t(1) << 33);
  header[127] = 1;
  uint32_t sum = 0;
  header.replace(148, 8, "        ");
  for (const char c : header) sum += uint8_t(c);
  header.replace(148, 8, detail::tar_number(sum, 7) + ' ');
  write_text(file, header + std::string(1024, '\0'));
  check_error<FormatError>([&] { read_tar(file); }, {"64 bits"});
  const std::string large = detail::tar_header("a", ~uint64_t(0));
  write_text(file, large + std::string(1024, '\0'));
  check_error<FormatError>([&] { read_tar(file); }, {"beyond the end"});
}

TEST_CASE("tar: what is no archive, or not a whole one, is refused", "[io]") {
  const vcell_test::TemporaryFolder folder("tar");
  const std::string file = folder / "a.tar";
  check_error<IoError>([&] { read_tar(folder / "none"); }, {"read_tar", "none"});
  write_text(file, "");
  check_error<FormatError>([&] { read_tar(file); }, {"byte 0", "header of 512 bytes"});
  {
    TarWriter tar(file);
    tar.add("a", std::string(600, 'a'));
    tar.finish();
  }
  const std::string whole = read_text(file);
  write_text(file, whole.substr(0, 1000));
  check_error<FormatError>([&] { read_tar(file); }, {"beyond the end"});
  write_text(file, whole.substr(0, 1536));
  check_error<FormatError>([&] { read_tar(file); }, {"byte 1536"});
  std::string changed = whole;
  changed[1] = 'b';
  write_text(file, changed);
  check_error<FormatError>([&] { read_tar(file); }, {"sum of the header"});
  changed = whole;
  changed[125] = 'x';
  write_text(file, changed);
  check_error<FormatError>([&] { read_tar(file); }, {"read_tar", "a.tar"});
  TarWriter tar(folder / "b.tar");
  check_error<FormatError>([&] { tar.begin(std::string(101, 'n')); }, {"101 bytes", "1 .. 100"});
}
