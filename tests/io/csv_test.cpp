#include "vcell/io/csv.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using vcell_test::check_error;
using Row = std::vector<std::string>;

TEST_CASE("csv: fields of any text come back the same", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.csv";
  const CsvTable tables[] = {
      {{"a", "b,c", "d\"e"}, {{"1", "", "x\ny"}, {"\"\"", "\r\n", " é "}, {",", "'", "\r"}}},
      {{"only"}, {{""}, {"x"}, {""}}},
      {{"a", "b"}, {}}};
  for (const CsvTable& table : tables) {
    write_csv(path, table);
    CHECK(read_csv(path) == table);
  }
}

TEST_CASE("csv: reads what others write", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.csv";
  const auto read = [&](const std::string& text) {
    write_text(path, text);
    return read_csv(path);
  };
  const CsvTable expected{{"a", "b"}, {{"1", "2"}, {"3", ""}}};
  CHECK(read("a,b\n1,2\n3,\n") == expected);
  CHECK(read("a,b\r\n1,2\r\n3,\r\n") == expected);
  CHECK(read("a,b\n1,2\n3,") == expected);
  CHECK(read("\"a\",\"b\"\n\"1\",\"2\"\n3,\"\"") == expected);
  CHECK(read("\xef\xbb\xbf"
             "a,b\n1,2\n3,\n") == expected);      // as spreadsheets begin UTF-8
  CHECK(read("a,b\n1,2\n3,\n\n\n") == expected);  // empty lines at the end
  CHECK(expected.column("b") == 1);
  check_error<FormatError>([&] { expected.column("c"); }, {"'c'", "'a', 'b'"});
}

TEST_CASE("csv: errors name the file and the line", "[io]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "a.csv";
  const auto fails = [&](const std::string& text, const std::vector<std::string>& texts) {
    write_text(path, text);
    check_error<FormatError>([&] { read_csv(path); }, {path.string()});
    check_error<FormatError>([&] { read_csv(path); }, texts);
  };
  fails("", {"empty"});
  fails("a,b\n1,2\n3\n", {"line 3", "1 fields, expected 2"});
  fails("a,b\n\n1,2\n", {"line 2", "1 fields, expected 2"});
  fails("a,b\n\"x\ny\",1\n3,4,5\n", {"line 4", "3 fields"});
  fails("a,b\n1,\"2\n", {"line 2", "no end"});
  fails("a,b\n1,\"2\"x\n", {"line 2", "after a quoted field"});
  check_error<IoError>([&] { read_csv(folder.path() / "no.csv"); }, {"cannot open"});
  check_error<ShapeError>(
      [&] {
        write_csv(path, {{"a", "b"}, {{"1"}}});
      },
      {"1 fields, expected 2"});
}
