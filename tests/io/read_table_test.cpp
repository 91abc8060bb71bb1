#include "vcell/io/read_table.hpp"

#include "cell_files.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/io/metadata.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::check_same_on_any_threads;
using vcell_test::contains;
using vcell_test::gzipped;
using vcell_test::TemporaryFolder;
using vcell_test::write_file;
using Texts = std::vector<std::string>;

namespace {

AnnData read_text_table(const std::string& text, const ReadTableOptions& options = {}) {
  const TemporaryFolder folder;
  write_file(folder.path() / "t", text);
  return read_table(folder.path() / "t", options);
}

void check_table_fails(const std::string& text, Texts texts, const ReadTableOptions& options = {}) {
  texts.insert(texts.begin(), "read_table");
  check_error<FormatError>([&] { read_text_table(text, options); }, texts);
}

}  // namespace

TEST_CASE("read_table: commas or tabs, LF or CRLF, gzip, quotes, R's first line", "[io]") {
  const Matrix expected(CsrMatrix<int32_t>{2, 3, {0, 2, 3}, {0, 2, 1}, {5, -7, 2}});
  for (const char* text :
       {",g1,g2,g3\na,5,0,-7\nb,0,2,0\n", "\xef\xbb\xbfx,g1,g2,g3\r\na,5,0,-7\r\nb,0,2,0",
        "cell\tg1\tg2\tg3\na\t5\t0\t-7\nb\t0\t2\t0\n\n\n", "g1\tg2\tg3\na\t5\t0\t-7\nb\t0\t2\t0\n",
        "\"\",\"g1\",\"g2\",\"g3\"\n\"a\",5,0,-7\n\"b\",\"0\",2,0\n"}) {
    INFO(text);
    for (const std::string& bytes : {std::string(text), gzipped(text)}) {
      const AnnData a = read_text_table(bytes);
      CHECK(a.obs.index == Texts{"a", "b"});
      CHECK(a.var.index == Texts{"g1", "g2", "g3"});
      CHECK(*a.X == expected);
    }
  }
  const AnnData turned =
      read_text_table("gene,a,b\ng1,5,0\ng2,0,2\ng3,-7,0\n", {.genes_in_rows = true});
  CHECK(turned.obs.index == Texts{"a", "b"});
  CHECK(turned.var.index == Texts{"g1", "g2", "g3"});
  CHECK(*turned.X == expected);
  CHECK(read_text_table("x,\"a,\"\"b\"\"\"\nc,1\n").var.index == Texts{"a,\"b\""});
}

TEST_CASE("read_table: numbers as they are, edge shapes, names that come again", "[io]") {
  CHECK(*read_text_table("x,g\na,0.25\nb,3\n").X ==
        Matrix(CsrMatrix<float>{2, 1, {0, 1, 2}, {0, 0}, {0.25f, 3}}));
  CHECK(*read_text_table("x,g\na,1e-3\nb,3000000000\n").X ==
        Matrix(CsrMatrix<float>{2, 1, {0, 1, 2}, {0, 0}, {1e-3f, 3e9f}}));
  AnnData a = read_text_table("x,g,h\n");
  CHECK((a.cells() == 0 && a.genes() == 2 && a.X->rows() == 0 && a.X->columns() == 2));
  a = read_text_table("x\na\nb\n");
  CHECK((a.cells() == 2 && a.genes() == 0 && a.X->columns() == 0));
  // Lines that are longer than a block of the file.
  std::string names, row;
  for (int i = 0; i < 20000; ++i) {
    names += (i ? ",gene_" : "gene_") + std::to_string(i);
    row += i % 2 ? ",0" : ",1";
  }
  for (const char* corner : {"", "x,"}) {
    a = read_text_table(corner + names + "\na" + row + "\nb" + row + "\n");
    CHECK((a.cells() == 2 && a.genes() == 20000 && a.var.index[0] == "gene_0"));
    CHECK(a.X->values().size() == 20000);
  }
  check_table_fails("x," + names + "\na" + row + "\n\nb" + row + "\n\n", {"line "});
  Texts remarks;
  a = read_text_table("x,g,g\na,1,2\n", {.warnings = &remarks});
  CHECK(a.var.index == Texts{"g", "g-1"});
  CHECK(remarks.size() == 1);
  check_table_fails("x,g,g\na,1,2\n", {"'g' more than once"},
                    {.duplicates = DuplicateNames::refuse});
}

TEST_CASE("read_table: the same for any number of threads", "[io]") {
  std::string text = "x";
  for (int g = 0; g < 40; ++g) text += ",g" + std::to_string(g);
  text += '\n';
  std::vector<double> expected;
  for (int c = 0; c < 30000; ++c) {
    text += "c" + std::to_string(c);
    for (int g = 0; g < 40; ++g) {
      expected.push_back((c * 7 + g * 13) % 5 ? 0 : (c + g) % 90);
      text += "," + std::to_string(int(expected.back()));
    }
    text += '\n';
  }
  check_same_on_any_threads([&] { return to_dense<double>(*read_text_table(text).X).values; });
  CHECK(to_dense<double>(*read_text_table(text).X).values == expected);
}

TEST_CASE("read_table: what is no number is named by line and column", "[io][damage]") {
  check_table_fails("", {"is empty"});
  check_table_fails("x,g,h\na,1,2\nb,1,two\n",
                    {"line 3", "column 'h'", "'two'", "expected a number"});
  check_table_fails("x,g,h\na,1,\n", {"line 2", "column 'h'", "''"});
  check_table_fails("x,g,h\na,0.5,NA\n", {"line 2", "column 'h'", "'NA'"});
  check_table_fails("x,g,h\na,0.5,nan\n", {"column 'h'"});
  check_table_fails("x,g\na,1e60\n", {"column 'g'"});
  check_table_fails("x,g\na, 1\n", {"column 'g'", "' 1'"});
  check_table_fails("x,g,h\na,1,2\nb,1\n", {"line 3", "1 numbers, expected 2"});
  check_table_fails("x,g,h\na,1,2,3,4\n", {"line 2", "4 numbers, expected 2"});
  check_table_fails("x,g\na,1\n\nb,2\n", {"line 3", "0 numbers, expected 1"});
  check_table_fails("x,g\n\"a,1\n", {"line 2", "no end"});
  check_table_fails("x,\"g\na,1\n", {"line 1", "no end"});
  check_table_fails("x,g\n\xff,1\n", {"line 2", "UTF-8"});
  check_table_fails("x,g\na,1\nb,2\n", {"1 are granted"}, {.budget = 1});
  check_error<IoError>([] { read_table("/nowhere/t.csv"); }, {"read_table", "/nowhere/t.csv"});
  check_error<FormatError>([] { read_table("/tmp"); }, {"is no file"});
}

TEST_CASE("read_metadata: columns of every kind", "[io]") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.csv";
  write_file(file,
             gzipped("cell,n,gap,x,ok,label,id\na,1,1,0.5,TRUE,NA,c\nb,-2,NA,nan,False,\"x,y\",d\n"
                     "c,3,,1e9,,,e\n"));
  DataFrame t = read_metadata(file);
  CHECK(t.index == Texts{"a", "b", "c"});
  CHECK(t.index_name == "cell");
  CHECK(t.names() == Texts{"n", "gap", "x", "ok", "label", "id"});
  CHECK(t.column("n") == Column(Labels(std::vector<int64_t>{1, -2, 3})));
  CHECK(t.column("gap") == Column(Labels(std::vector<int64_t>{1, 0, 0}), {0, 1, 1}));
  CHECK(t.column("x").values().numbers().dtype() == DType::f64);
  CHECK(t.column("x").is_missing() == std::vector<uint8_t>{0, 1, 0});
  CHECK(t.column("ok") == Column(Labels(Numbers::truths({1, 0, 0})), {0, 0, 1}));
  CHECK(t.column("label") == Column(Labels(Texts{"NA", "x,y", ""}), {0, 0, 1}));
  t = read_metadata(file, "id");
  CHECK(t.index == Texts{"c", "d", "e"});
  CHECK(t.has("cell"));
  check_error<ConfigError>([&] { read_metadata(file, "none"); },
                           {"no column 'none'", "'label'", "MetadataOptions::key"});
  const auto fails = [&](const char* text, const Texts& texts) {
    write_file(file, text);
    check_error<FormatError>([&] { read_metadata(file); }, texts);
  };
  fails("", {"is empty"});
  fails("c,n\na,1\na,2\n", {"the cell 'a' more than once"});
  fails("c,n,n\na,1,2\n", {"column 'n' twice"});
  fails("c,n,\na,1,2\n", {"column 3 has no name"});
  fails("c,n\na,1\nb,1,2\n", {"line 3", "3 fields, expected 2"});
  fails("c,n\n\na,1\n", {"line 3", "empty line"});
}

TEST_CASE("join_metadata: by the cells' names; what is missing is counted and named", "[io]") {
  const TemporaryFolder folder;
  MetadataOptions options{folder / "m.tsv"};
  write_file(options.file, "cell\tdrug\tdose\nb\ty\t2\na\tx\t1\n");
  DataFrame obs({"a", "b"});
  CHECK(join_metadata(obs, options, "data") == std::vector<uint8_t>{1, 1});
  CHECK(obs.column("drug").text() == Texts{"x", "y"});
  CHECK(obs.column("dose") == Column(Labels(std::vector<int64_t>{1, 2})));
  check_error<FormatError>([&] { join_metadata(obs, options, "data"); },
                           {"join_metadata", "'drug' already"});

  obs = DataFrame({"a", "z", "b", "y"});
  write_file(options.file, "cell\tdose\na\t1\nb\t2\nc\t3\n");
  check_error<FormatError>(
      [&] { join_metadata(obs, options, "data"); },
      {"2 of 4 cells have no row in the table: 'z', 'y'", "1 of 3 rows of the table have no cell",
       "'c'", "MetadataOptions::drop_unmatched"});
  options.drop_unmatched = true;
  Texts remarks;
  CHECK(join_metadata(obs, options, "data", 0, &remarks) == std::vector<uint8_t>{1, 0, 1, 0});
  CHECK(obs.column("dose").is_missing() == std::vector<uint8_t>{0, 1, 0, 1});
  REQUIRE(remarks.size() == 1);
  CHECK_THAT(remarks[0], contains("2 of 4 cells"));
  obs = DataFrame({"z", "y"});
  check_error<FormatError>([&] { join_metadata(obs, options, "data"); }, {"MetadataOptions::key"});
  obs = DataFrame({"a", "a"});
  check_error<FormatError>([&] { join_metadata(obs, options, "data"); },
                           {"cell 'a' more than once"});
}
