#include "vcell/io/csv.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::contains;
using vcell_test::TemporaryFolder;
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

TEST_CASE("csv: fields may lie anywhere in the blocks of a file", "[io]") {
  const TemporaryFolder folder;
  // Rows of many lengths around the block of 1 MiB; quotes, commas and line ends at its edge too.
  for (const size_t shift : {0, 1, 2, 3, 4, 5, 6, 7}) {
    CsvTable table{{"a", "b"}, {}};
    table.rows.push_back({std::string((1 << 20) - 12 + shift, 'x'), "1"});
    for (int i = 0; i < 50; ++i) table.rows.push_back({"q\"uo,te\nd", std::string(size_t(i), 'y')});
    table.rows.push_back({std::string(3 << 20, 'z'), "\r\n"});
    write_csv(folder / "table.csv", table);
    REQUIRE(read_csv(folder / "table.csv") == table);
  }
  // Empty lines are rows between others, and nothing at the end, wherever a block ends.
  std::string text =
      "a\n" + std::string((1 << 20) - 5, 'x') + "\n\n\ny" + std::string(1 << 20, '\n');
  write_text(folder / "table.csv", text);
  const auto table = read_csv(folder / "table.csv");
  REQUIRE(table.rows.size() == 4);
  REQUIRE(table.rows[1] == std::vector<std::string>{""});
  REQUIRE(table.rows[3] == std::vector<std::string>{"y"});
}

TEST_CASE("csv: rows are given one by one, and an error says in which line", "[io]") {
  const TemporaryFolder folder;
  write_text(folder / "table.csv", "a,b\n1,2\n\n3,4\n");
  size_t rows = 0;
  const auto read = [&] {
    read_csv_rows(
        folder / "table.csv", [](const auto& header) { REQUIRE(header.size() == 2); },
        [&](const auto& row) { rows += row.size() == 2; });
  };
  REQUIRE_THROWS_WITH(read(), contains("line 3") && contains("1 fields, expected 2"));
  REQUIRE(rows == 1);
  REQUIRE_THROWS_AS(read_csv(folder / "none.csv"), IoError);
  REQUIRE_THROWS_AS(read_csv(folder.path()), IoError);
}
