// Every format that cells come in, and which one a file is.
#include <hdf5.h>

#include "cell_files.hpp"
#include "expected_anndata.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "vcell/io/cell_rows.hpp"
#include "vcell/io/describe_10x_h5.hpp"
#include "vcell/io/h5ad.hpp"
#include "write_10x_h5.hpp"

using namespace vcell;
using vcell_test::check_error;
using vcell_test::contains;
using vcell_test::edit;
using vcell_test::folder_from;
using vcell_test::gzipped;
using vcell_test::make_group;
using vcell_test::put;
using vcell_test::put_names;
using vcell_test::read_json;
using vcell_test::TemporaryFolder;
using vcell_test::write_10x_v2;
using vcell_test::write_10x_v3;
using vcell_test::write_file;
using vcell_test::write_mtx_folder;
using Texts = std::vector<std::string>;

namespace {

const Matrix small_x(CsrMatrix<int32_t>{2, 3, {0, 2, 3}, {0, 2, 1}, {5, 7, 2}},
                     {false, DType::i64, DType::i64});

/// All rows of a source, in blocks of one row.
CsrMatrix<float> rows_of(const CellRows& X) {
  CsrMatrix<float> out;
  out.columns = X.columns();
  for_each_row_block<float>(X, [&](size_t, const CsrView<float>& block) { out.append(block); },
                            {.rows = 1});
  return out;
}

template <class F>
void edit_new(const std::filesystem::path& path, F&& f) {
  const vcell_test::Handle file(
      vcell_test::must(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)));
  f(hid_t(file));
}

}  // namespace

TEST_CASE("read_10x_h5: Cell Ranger 3 and later", "[io]") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "f.h5";
  write_10x_v3(file);
  AnnData a = read_10x_h5(file);
  CHECK(a.obs.index == Texts{"a", "b"});
  CHECK(a.var.index == Texts{"g1", "g2", "g3"});
  CHECK(a.var.names() == Texts{"gene_ids", "feature_types", "genome"});
  CHECK(*a.X == small_x);
  a = read_10x_h5(file, {.genes = {.names = GeneNames::ids}, .X = false});
  CHECK(a.var.index == Texts{"id1", "id2", "id3"});
  CHECK(a.var.column("gene_symbols").text() == Texts{"g1", "g2", "g3"});
  CHECK_FALSE(a.X);

  write_10x_v3(file, {"Gene Expression", "CRISPR Guide Capture", "Gene Expression"},
               {"hg", "", "mm"});
  Texts remarks;
  a = read_10x_h5(file, {.warnings = &remarks});
  CHECK(a.var.index == Texts{"g1", "g3"});
  CHECK(to_dense<float>(*a.X).values == std::vector<float>{5, 7, 0, 0});
  REQUIRE(remarks.size() == 2);
  CHECK_THAT(remarks[0], contains("several genomes") && contains("'hg' (1), 'mm' (1)"));
  CHECK_THAT(remarks[1], contains("'CRISPR Guide Capture' (1)"));
  CHECK(read_10x_h5(file, {.genes = {.feature_types = {"all"}}}).genes() == 3);
  a = read_10x_h5(file, {.genes = {.genomes = {"mm"}}});
  CHECK(a.var.index == Texts{"g3"});
  check_error<ConfigError>([&] { read_10x_h5(file, {.genes = {.genomes = {"rn"}}}); },
                           {"no features of the genome 'rn'", "'mm' (1)"});
}

TEST_CASE("read_10x_h5: before Cell Ranger 3 a genome is chosen where there are several", "[io]") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "f.h5";
  write_10x_v2(file);
  AnnData a = read_10x_h5(file);
  CHECK(a.var.index == Texts{"g1", "g2", "g3"});
  CHECK(a.var.names() == Texts{"gene_ids"});
  CHECK(*a.X == small_x);
  write_10x_v2(file, {"hg19", "mm10"});
  edit(file, [](hid_t f) { put<int32_t>(f, "mm10/data", {1, 1, 1}); });
  check_error<ConfigError>([&] { read_10x_h5(file); },
                           {"read_10x_h5", "'hg19', 'mm10'", "GeneOptions::genomes"});
  check_error<ConfigError>([&] { read_10x_h5(file, {.genes = {.genomes = {"x"}}}); },
                           {"no genome 'x'", "'hg19', 'mm10'"});
  const auto told = describe_10x_h5(file);
  REQUIRE(told.size() == 2);
  CHECK(told[1].path == "/mm10");
  CHECK(told[1].shape == std::vector<size_t>{2, 3});
  CHECK(told[1].stored_values == 3);
  CHECK(told[1].chunks.empty());
  a = read_10x_h5(file, {.genes = {.genomes = {"mm10"}}});
  CHECK(to_dense<float>(*a.X).values == std::vector<float>{1, 0, 1, 0, 1, 0});
}

TEST_CASE("read_10x_h5: damage is found and named", "[io][damage]") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "f.h5";
  const auto fails = [&](auto change, Texts texts) {
    write_10x_v3(file);
    edit(file, change);
    texts.insert(texts.begin(), {"read_10x_h5", "f.h5"});
    check_error<FormatError>([&] { read_10x_h5(file); }, texts);
  };
  fails([](hid_t f) { vcell_test::remove(f, "matrix/indptr"); }, {"no 10x file"});
  fails([](hid_t f) { vcell_test::remove(f, "matrix/features/id"); }, {"/matrix/features", "'id'"});
  fails([](hid_t f) { put<int32_t>(f, "matrix/shape", {3}); }, {"/matrix/shape", "expected two"});
  fails(
      [](hid_t f) {
        put<int32_t>(f, "matrix/shape", {-3, 2});
      },
      {"'/matrix/shape'", "is (-3, 2), expected genes and cells"});
  fails(
      [](hid_t f) {
        put<int64_t>(f, "matrix/shape", {3, int64_t(1) << 60});
      },
      {"/matrix/barcodes", "expected 1152921504606846976"});
  fails([](hid_t f) { put<int32_t>(f, "matrix/shape", {2, 3}); }, {"expected 3, as 'shape' says"});
  fails(
      [](hid_t f) {
        put<int64_t>(f, "matrix/indices", {0, 3, 1});
      },
      {"/matrix/indices", "holds 3"});
  fails(
      [](hid_t f) {
        put<int64_t>(f, "matrix/indptr", {0, 3, 2});
      },
      {"/matrix/indptr", "decreases"});
  fails([](hid_t f) { put_names(f, "matrix/barcodes", {"a"}); }, {"/matrix/barcodes", "(1)"});
  fails(
      [](hid_t f) {
        put<int32_t>(f, "matrix/barcodes", {1, 2});
      },
      {"/matrix/barcodes", "expected text"});
}

TEST_CASE("read_cells: the content tells the format, not the name", "[io]") {
  const TemporaryFolder folder;
  const auto at = [&](const char* name) { return folder.path() / name; };
  write_10x_v3(at("ten.csv"));
  CHECK(cell_format(at("ten.csv")) == CellFormat::tenx_h5);
  write_10x_v2(at("two"));
  CHECK(cell_format(at("two")) == CellFormat::tenx_h5);
  const AnnData ten = read_cells(at("ten.csv"));
  write_h5ad(at("cells.mtx"), ten);
  CHECK(cell_format(at("cells.mtx")) == CellFormat::h5ad);
  CHECK(read_cells(at("cells.mtx")).X == ten.X);
  write_mtx_folder(at("folder"));
  CHECK(cell_format(at("folder")) == CellFormat::mtx);
  CHECK(cell_format(at("folder") / "matrix.mtx.gz") == CellFormat::mtx);
  CHECK(read_cells(at("folder")).obs == ten.obs);
  write_file(at("t.h5ad"), gzipped("x\tg1\tg2\tg3\na\t5\t0\t7\nb\t0\t2\t0\n"));
  CHECK(cell_format(at("t.h5ad")) == CellFormat::csv_table);
  CHECK(to_dense<float>(*read_cells(at("t.h5ad")).X) == to_dense<float>(*ten.X));

  const auto foreign = [&](const std::string& bytes, const Texts& texts) {
    write_file(at("foreign"), bytes);
    check_error<FormatError>([&] { cell_format(at("foreign")); }, texts);
  };
  foreign("", {"is empty", "expected an AnnData file"});
  foreign("PK\3\4.......\n", {"a zip archive"});
  foreign("{\"a\": [1, 2]}\n", {"JSON"});
  foreign("PAR1\n", {"Parquet"});
  foreign(gzipped("X\n1234"), {"RDS"});
  foreign("one word a line\n", {"begins with 'one word a line'"});
  foreign(std::string("a,b\0,c\n", 7), {"neither HDF5 nor text"});
  edit_new(at("other.h5"), [](hid_t f) { put<int32_t>(f, "numbers", {1}); });
  check_error<FormatError>([&] { read_cells(at("other.h5")); },
                           {"HDF5 with 'numbers'", "expected an AnnData file"});
  edit_new(at("loom.h5"), [](hid_t f) {
    make_group(f, "row_attrs");
    make_group(f, "col_attrs");
  });
  check_error<FormatError>([&] { read_cells(at("loom.h5")); }, {"a loom file", "read_loom"});
  check_error<IoError>([&] { read_cells(at("none")); }, {"none", "does not exist"});
  std::filesystem::create_directories(at("outs") / "filtered_feature_bc_matrix");
  check_error<FormatError>([&] { read_cells(at("outs")); }, {"'filtered_feature_bc_matrix'"});
  write_file(at("z") / ".zgroup", "{}");
  check_error<FormatError>([&] { read_cells(at("z")); }, {"a zarr store"});
  check_error<FormatError>([&] { read_cells(folder.path()); }, {"no file called '...matrix.mtx'"});
  // Choices that a format does not have.
  ReadCellsOptions ids;
  ids.input.genes.names = GeneNames::ids;
  check_error<ConfigError>([&] { read_cells(at("cells.mtx"), ids); }, {"GeneOptions::names"});
  CHECK(read_cells(at("folder"), ids).var.index == Texts{"id1", "id2", "id3"});
  check_error<ConfigError>([&] { read_cells(at("folder"), {.input = {.genes_in_rows = true}}); },
                           {"CellInput::genes_in_rows", "mtx"});
}

TEST_CASE("open_cells: rows of any format in blocks, with metadata", "[io]") {
  const TemporaryFolder folder;
  const auto at = [&](const char* name) { return folder.path() / name; };
  write_10x_v3(at("ten.h5"), {"Gene Expression", "Antibody Capture", "Gene Expression"});
  write_10x_v3(at("all.h5"));
  write_mtx_folder(at("mtx"));
  write_file(at("table"), "x,g1,g2,g3\na,5,0,7\nb,0,2,0\n");
  write_h5ad(at("cells.h5ad"), read_cells(at("mtx")));
  write_file(at("m.csv"), "cell,drug\na,x\nb,y\n");
  write_file(at("half.csv"), "cell,drug\nb,y\n");
  for (const char* name : {"ten.h5", "all.h5", "mtx", "table", "cells.h5ad"}) {
    INFO(name);
    for (const char* metadata : {"", "m.csv", "half.csv"}) {
      INFO(metadata);
      ReadCellsOptions options;
      if (*metadata) options.input.metadata = {at(metadata).string(), "", true};
      AnnData whole = read_cells(at(name), options);
      const OpenCells open = open_cells(at(name), options);
      CHECK_FALSE(open.cells.X);
      CHECK(open.cells.obs == whole.obs);
      CHECK(open.cells.var == whole.var);
      CHECK(open.cells.obs.has("drug") == bool(*metadata));
      CHECK(open.X.rows() == whole.cells());
      CHECK(whole.cells() == (*metadata == 'h' ? 1 : 2));
      CHECK(open.X.dtype() == DType::i32);
      CHECK(open.X.is_sparse());
      const bool in_memory = std::string(name) == "mtx" || std::string(name) == "table";
      CHECK((open.X.whole() != nullptr) == in_memory);
      CHECK(rows_of(open.X) == whole.X->take_csr<float>());
    }
  }
}

TEST_CASE("read_cells: what Cell Ranger wrote, as scanpy reads it", "[io][golden]") {
  const auto folder = folder_from("VCELL_FILES");
  if (!folder) VCELL_SKIP("VCELL_FILES names no folder");
  for (const char* name : {"10x-v3.h5", "10x-v3-mtx"}) {
    INFO(name);
    const vcell_test::Json expected = read_json(*folder / (std::string(name) + ".json"));
    Texts remarks;
    ReadCellsOptions options;
    options.h5ad.warnings = &remarks;
    AnnData a = read_cells(*folder / name, options);
    CHECK(remarks.empty());
    vcell_test::check_anndata(a, expected);
    CHECK(rows_of(open_cells(*folder / name).X) == a.X->take_csr<float>());
  }
}
