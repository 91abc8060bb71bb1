#include "vcell/io/read_mtx.hpp"

#include <random>

#include "cell_files.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::contains;
using vcell_test::gzipped;
using vcell_test::small_barcodes;
using vcell_test::small_features;
using vcell_test::small_mtx;
using vcell_test::TemporaryFolder;
using vcell_test::Threads;
using vcell_test::write_file;
using vcell_test::write_mtx_folder;
using Texts = std::vector<std::string>;

namespace {

/// Of write_mtx_folder, whatever way it was written.
void check_small(const AnnData& a) {
  CHECK(a.obs.index == Texts{"a", "b"});
  CHECK(a.var.index == Texts{"g1", "g2", "g3"});
  REQUIRE(a.X);
  CHECK(*a.X == Matrix(CsrMatrix<int32_t>{2, 3, {0, 2, 3}, {0, 2, 1}, {5, 7, 2}}));
}

void check_mtx_fails(const std::string& matrix, Texts texts,
                     const std::string& features = small_features,
                     const std::string& barcodes = small_barcodes) {
  const TemporaryFolder folder;
  texts.insert(texts.begin(), {"read_mtx", "matrix.mtx.gz"});
  check_error<FormatError>(
      [&] { read_mtx(write_mtx_folder(folder.path(), matrix, features, barcodes)); }, texts);
}

std::string with_entries(const std::string& kind, const std::string& entries) {
  return "%%MatrixMarket matrix coordinate " + kind + "\n3 2 " +
         std::to_string(std::count(entries.begin(), entries.end(), '\n')) + "\n" + entries;
}

}  // namespace

TEST_CASE("read_mtx: a folder of Cell Ranger, of either version, with a prefix, by its file",
          "[io]") {
  const TemporaryFolder folder;
  const auto three = write_mtx_folder(folder.path() / "three");
  AnnData a = read_mtx(three);
  check_small(a);
  CHECK(a.var.names() == Texts{"gene_ids", "feature_types"});
  CHECK(a.var.column("gene_ids").text() == Texts{"id1", "id2", "id3"});

  const auto two = folder.path() / "two";
  write_file(two / "s1_matrix.mtx", small_mtx);
  write_file(two / "s1_genes.tsv", "id1\tg1\r\nid2\tg2\r\nid3\tg3");
  write_file(two / "s1_barcodes.tsv", "a\r\nb");
  a = read_mtx(two);
  check_small(a);
  CHECK(a.var.names() == Texts{"gene_ids"});
  check_small(read_mtx(two / "s1_matrix.mtx"));

  a = read_mtx(two, {.genes = {.names = GeneNames::ids}, .X = false});
  CHECK(a.var.index == Texts{"id1", "id2", "id3"});
  CHECK(a.var.column("gene_symbols").text() == Texts{"g1", "g2", "g3"});
  CHECK_FALSE(a.X);

  write_file(two / "s2_matrix.mtx.gz", gzipped(small_mtx));
  check_error<FormatError>([&] { read_mtx(two); },
                           {"several files", "s1_matrix.mtx", "s2_matrix.mtx.gz"});
  check_error<FormatError>([&] { read_mtx(two / "s2_matrix.mtx.gz"); },
                           {"s2_features.tsv", "s2_genes.tsv", "'.gz'"});
  write_file(two / "s1_features.tsv", small_features);
  check_error<FormatError>([&] { read_mtx(two / "s1_matrix.mtx"); }, {"more than one table"});
  check_error<IoError>([&] { read_mtx(folder.path() / "none"); }, {"none", "does not exist"});
}

TEST_CASE("read_mtx: the tables decide which way round the matrix is", "[io]") {
  const TemporaryFolder folder;
  const std::string turned =
      "%%MatrixMarket matrix coordinate integer general\n2 3 3\n1 3 7\n2 2 2\n1 1 5\n";
  check_small(read_mtx(write_mtx_folder(folder.path(), turned)));
  // As many cells as genes: genes x cells.
  const auto square = read_mtx(write_mtx_folder(
      folder.path(), "%%MatrixMarket matrix coordinate integer general\n2 2 1\n2 1 4\n",
      "i1\tg1\ni2\tg2\n"));
  CHECK(*square.X == Matrix(CsrMatrix<int32_t>{2, 2, {0, 1, 1}, {1}, {4}}));
  check_mtx_fails(small_mtx, {"3 x 2", "4 genes and 2 cells", "titles"},
                  "id\tname\na\tb\nc\td\ne\tf\n");
  check_mtx_fails(small_mtx, {"3 x 2", "3 genes and 5 cells", "genes x cells or cells x genes"},
                  small_features, "1\n2\n3\n4\n5\n");
}

TEST_CASE("read_mtx: numbers of every kind, in any order, added up where a place comes again",
          "[io]") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& kind, const std::string& entries) {
    return *read_mtx(write_mtx_folder(folder.path(), with_entries(kind, entries))).X;
  };
  CHECK(read("integer general", "2 2 2\n3 1 6\n1 1 5\n3 1 1\n") ==
        Matrix(CsrMatrix<int32_t>{2, 3, {0, 2, 3}, {0, 2, 1}, {5, 7, 2}}));
  CHECK(read("integer general", "2\t2  2 \r\n 1 1 4000000000\n") ==
        Matrix(CsrMatrix<int64_t>{2, 3, {0, 1, 2}, {0, 1}, {4000000000, 2}}));
  CHECK(read("real general", "1 1 0.5\n3 2 -1e-3\n") ==
        Matrix(CsrMatrix<float>{2, 3, {0, 1, 2}, {0, 2}, {0.5f, -1e-3f}}));
  CHECK(read("pattern general", "1 1\n3 2\n") ==
        Matrix(CsrMatrix<int32_t>{2, 3, {0, 1, 2}, {0, 2}, {1, 1}}));
  CHECK(read("Real General", "") == Matrix(CsrMatrix<float>{2, 3, {0, 0, 0}, {}, {}}));
  // A sum beyond the type of its numbers.
  check_mtx_fails(with_entries("integer general", "1 1 2147483647\n1 1 1\n"), {"more than once"});
  // No cells, one cell, one gene.
  AnnData a = read_mtx(write_mtx_folder(
      folder.path(), "%%MatrixMarket matrix coordinate real general\n1 0 0\n", "i\tg\n", ""));
  CHECK((a.cells() == 0 && a.genes() == 1 && a.X->rows() == 0 && a.X->columns() == 1));
  a = read_mtx(write_mtx_folder(folder.path(),
                                "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 3",
                                "only\n", "cell\textra\n"));
  CHECK((a.obs.index == Texts{"cell"} && a.var.index == Texts{"only"}));
  CHECK(*a.X == Matrix(CsrMatrix<float>{1, 1, {0, 1}, {0}, {3}}));
}

TEST_CASE("read_mtx: the same for any number of threads, of more than one block", "[io]") {
  const TemporaryFolder folder;
  std::mt19937 random(7);
  constexpr size_t genes = 60, cells = 500, n = 40000;
  std::vector<double> expected(cells * genes);
  std::string entries, features, barcodes;
  for (size_t i = 0; i < n; ++i) {
    const size_t gene = random() % genes, cell = random() % cells, value = random() % 100;
    expected[cell * genes + gene] += double(value);
    // Zeros in front make lines long, and so pieces many.
    entries += std::to_string(gene + 1) + " " + std::to_string(cell + 1) + " " +
               std::string(200, '0') + std::to_string(value) + "\n";
  }
  for (size_t i = 0; i < genes; ++i) features += "g" + std::to_string(i) + "\n";
  for (size_t i = 0; i < cells; ++i) barcodes += "c" + std::to_string(i) + "\n";
  const std::string header = "%%MatrixMarket matrix coordinate integer general\n60 500 40000\n";
  write_mtx_folder(folder.path(), header + entries, features, barcodes);
  const Matrix one = [&] {
    const Threads threads(1);
    return *read_mtx(folder.path()).X;
  }();
  const Threads threads(3);
  CHECK(*read_mtx(folder.path()).X == one);
  CHECK(to_dense<double>(one).values == expected);
  // A line that is wrong is named, in whichever piece it is.
  entries.replace(entries.rfind("\n", entries.size() - 2) + 1, 1, "x");
  write_mtx_folder(folder.path(), header + entries, features, barcodes);
  check_error<FormatError>([&] { read_mtx(folder.path()); }, {"line 40002", "a row of 1 .. 60"});
}

TEST_CASE("read_mtx: names that come again, types of features", "[io]") {
  const TemporaryFolder folder;
  const auto path =
      write_mtx_folder(folder.path(), small_mtx,
                       "i1\tg\tGene Expression\ni2\tg\tAntibody Capture\ni3\tg\tGene Expression\n");
  Texts remarks;
  AnnData a = read_mtx(path, {.warnings = &remarks});
  CHECK(a.var.index == Texts{"g", "g-1"});
  CHECK(a.var.column("gene_ids").text() == Texts{"i1", "i3"});
  CHECK(*a.X == Matrix(CsrMatrix<int32_t>{2, 2, {0, 2, 2}, {0, 1}, {5, 7}}));
  REQUIRE(remarks.size() == 2);
  CHECK_THAT(remarks[0], contains("'Antibody Capture' (1), 'Gene Expression' (2)"));
  CHECK_THAT(remarks[1], contains("1 gene has the name of another"));
  a = read_mtx(path, {.genes = {.feature_types = {"all"}}});
  CHECK(a.var.index == Texts{"g", "g-1", "g-2"});
  a = read_mtx(path, {.genes = {.feature_types = {"Antibody Capture"}}});
  CHECK(*a.X == Matrix(CsrMatrix<int32_t>{2, 1, {0, 0, 1}, {0}, {2}}));
  check_error<ConfigError>([&] { read_mtx(path, {.genes = {.feature_types = {"Guide"}}}); },
                           {"no features of the type 'Guide'", "'Gene Expression' (2)"});
  check_error<ConfigError>([&] { read_mtx(path, {.genes = {.genomes = {"hg"}}}); },
                           {"names no genomes"});
  check_error<FormatError>(
      [&] { read_mtx(path, {.genes = {.duplicates = DuplicateNames::refuse}}); },
      {"gene 'g' more than once", "GeneOptions::duplicates"});
  std::vector<std::string> names = {"a", "a", "a-1", "a", "b", "b"};
  CHECK(make_unique(names) == 3);
  CHECK(names == Texts{"a", "a-2", "a-1", "a-3", "b", "b-1"});
}

TEST_CASE("read_mtx: damage is found and named", "[io][damage]") {
  check_mtx_fails("", {"is empty"});
  check_mtx_fails("%%MatrixMarket matrix array real general\n3 2\n", {"line 1", "coordinate"});
  check_mtx_fails("%%MatrixMarket matrix coordinate real symmetric\n3 2 0\n", {"'general'"});
  check_mtx_fails("%%MatrixMarket matrix coordinate complex general\n3 2 0\n", {"'pattern'"});
  check_mtx_fails("3 2 1\n1 1 1\n", {"%%MatrixMarket"});
  check_mtx_fails("%%MatrixMarket matrix coordinate real general\n% 3 2 0\n", {"ends before"});
  check_mtx_fails("%%MatrixMarket matrix coordinate real general\n3 2\n",
                  {"line 2", "number of entries"});
  check_mtx_fails("%%MatrixMarket matrix coordinate real general\n3 2 -1\n", {"line 2"});
  for (const char* line :
       {"0 1 5\n", "4 1 5\n", "1 0 5\n", "1 3 5\n", "1 1 x\n", "1 1\n", "1 1 5 5\n", "1 1 5.5\n",
        "-1 1 1\n", "1 1 99999999999999999999\n", "1,1,1\n"})
    check_mtx_fails(with_entries("integer general", std::string("2 1 1\n") + line),
                    {"line 4", "a row of 1 .. 3, a column of 1 .. 2"});
  check_mtx_fails(with_entries("real general", "1 1 1e999\n"), {"line 3", "and a number"});
  check_mtx_fails("%%MatrixMarket matrix coordinate integer general\n3 2 3\n1 1 1\n",
                  {"ends after 1 of the 3 entries"});
  check_mtx_fails("%%MatrixMarket matrix coordinate integer general\n3 2 1\n1 1 1\n1 2 1\n",
                  {"more entries than the 1"});
  // More than the file can hold, and more than is granted.
  check_mtx_fails(
      "%%MatrixMarket matrix coordinate integer general\n3 2 1152921504606846976\n1 1 1\n",
      {"says to have 1152921504606846976 entries", "cannot hold"});
  check_mtx_fails(
      "%%MatrixMarket matrix coordinate integer general\n2000000000 2000000000 1\n1 1 1\n",
      {"2000000000 x 2000000000", "3 genes and 2 cells"});
  const TemporaryFolder folder;
  const auto path = write_mtx_folder(folder.path());
  check_error<FormatError>([&] { read_mtx(path, {.budget = 100}); },
                           {"read_mtx", "100 are granted", "H5adReadOptions::budget"});
  for (const char* table : {"features.tsv.gz", "barcodes.tsv.gz"}) {
    write_mtx_folder(path);
    write_file(path / table, gzipped("a\n\nb\n"));
    check_error<FormatError>([&] { read_mtx(path); }, {table, "line 3", "an empty line"});
    write_file(path / table, gzipped("a\n\xff\n"));
    check_error<FormatError>([&] { read_mtx(path); }, {table, "line 2", "UTF-8"});
  }
  write_mtx_folder(path);
  write_file(path / "features.tsv.gz", gzipped("a\tb\nc\n"));
  check_error<FormatError>([&] { read_mtx(path); }, {"line 2", "1 fields, expected 2"});
}

TEST_CASE("read_mtx: gzip that is cut short, damaged, of several members", "[io][damage]") {
  const TemporaryFolder folder;
  const auto path = write_mtx_folder(folder.path());
  const std::string whole = gzipped(small_mtx);
  for (const size_t size : {size_t(2), size_t(15), whole.size() / 2, whole.size() - 1}) {
    write_file(path / "matrix.mtx.gz", whole.substr(0, size));
    check_error<FormatError>([&] { read_mtx(path); }, {"matrix.mtx.gz", "cut short"});
  }
  std::string damaged = whole;
  damaged[whole.size() - 6] ^= 1;  // its checksum
  write_file(path / "matrix.mtx.gz", damaged);
  check_error<FormatError>([&] { read_mtx(path); }, {"matrix.mtx.gz", "damaged"});
  write_file(path / "matrix.mtx.gz", whole + "more");
  check_error<FormatError>([&] { read_mtx(path); }, {"matrix.mtx.gz", "damaged"});
  write_file(path / "matrix.mtx.gz", gzipped(small_mtx.substr(0, 60)) +
                                         gzipped(small_mtx.substr(60)) + std::string(5, '\0'));
  check_small(read_mtx(path));
  write_file(path / "matrix.mtx.gz", small_mtx);  // which its content tells
  check_small(read_mtx(path));
}
