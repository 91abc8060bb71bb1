#include "vcell/io/write_10x_h5.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/data/selected_rows.hpp"
#include "vcell/io/describe_10x_h5.hpp"
#include "vcell/io/read_cells.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// What a 10x file holds of any cells, as it is read.
AnnData counts_for_10x(size_t cells) {
  AnnData a;
  CsrMatrix<int32_t> m;
  m.columns = 5;
  for (size_t i = 0; i < cells; ++i) {
    a.obs.index.push_back(message("cell-", i));
    for (int32_t g = 0; g < 5; ++g) {
      if ((i * 7 + size_t(g)) % 3 == 0) continue;
      m.indices.push_back(g);
      m.values.push_back(int32_t(i % 50) + g + (i == 1 ? 2147483640 : 1));
    }
    m.end_row();
  }
  a.X = Matrix(m, {false, DType::i64, DType::i64});
  a.var = DataFrame({"A", "B", "B-1", "γ", ""});
  a.var.set("gene_ids", std::vector<std::string>{"E1", "E2", "E3", "E4", "E5"});
  a.var.set("feature_types", std::vector<std::string>(5, "Gene Expression"));
  a.var.set("genome", std::vector<std::string>{"hg", "hg", "hg", "hg", ""});
  a.var.set("pattern", std::vector<std::string>{"x", "", "y", "z", "z"});
  return a;
}

}  // namespace

TEST_CASE("write_10x_h5: reads back the same, for any threads, blocks and packing", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "any.name";
  for (const size_t cells : {0, 1, 4001}) {
    const AnnData a = counts_for_10x(cells);
    std::string bytes;
    for (const size_t threads : {1, 4}) {
      const Threads set(threads);
      SelectedRows some{*a.X};  // whose blocks are others
      write_10x_h5(path, a.obs, a.var, some, {.chunk_bytes = 4096});
      if (bytes.empty()) bytes = read_text(path);
      CHECK((read_text(path) == bytes));
    }
    write_10x_h5(path, a.obs, a.var, *a.X, {.chunk_bytes = 4096});
    CHECK((read_text(path) == bytes));
    CHECK(cell_format(path) == CellFormat::tenx_h5);
    CHECK(read_cells(path) == a);
    write_10x_h5(path, a.obs, a.var, Matrix(to_dense<double>(*a.X)), {.gzip = 0});
    CHECK(read_cells(path) == a);
  }
}

TEST_CASE("write_10x_h5: counts alone, and columns of text", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  DataFrame var({"id1", "id2"});
  var.set("gene_symbols", std::vector<std::string>{"A", "B"});
  var.set("length", std::vector<double>{1, 2});
  const DataFrame obs({"a", "b"});
  write_10x_h5(path, obs, var, Matrix(DenseMatrix<float>{2, 2, {1, 0, 0, 2}}));
  const AnnData back = read_cells(path, {{}, {.genes = {.names = GeneNames::ids}}});
  CHECK(back.var.index == var.index);
  CHECK(back.var.column("gene_symbols").text() == std::vector<std::string>{"A", "B"});
  CHECK_FALSE(back.var.has("length"));
  const std::string before = read_text(path);
  for (const double bad : {0.5, -1.0, 2147483648.0, double(NAN), double(INFINITY)})
    check_error<ConfigError>(
        [&] {
          write_10x_h5(path, obs, var, Matrix(DenseMatrix<double>{2, 2, {1, 0, 0, bad}}));
        },
        {"write_10x_h5", "cell 'b'", "gene 'id2'", "counts"});
  check_error<ConfigError>(
      [&] {
        write_10x_h5(path, obs, var, Matrix(DenseMatrix<int64_t>{2, 2, {1, -3, 0, 0}}));
      },
      {"-3", "cell 'a'"});
  check_error<ShapeError>(
      [&] {
        write_10x_h5(path, obs, var, Matrix(DenseMatrix<float>{1, 2, {1, 2}}));
      },
      {"write_10x_h5", "rows of X"});
  check_error<ConfigError>(
      [&] {
        write_10x_h5(path, DataFrame({"a", std::string("b\0c", 3)}), var,
                     Matrix(DenseMatrix<float>{2, 2, {1, 0, 0, 2}}));
      },
      {"/matrix/barcodes", "zero byte"});
  CHECK((read_text(path) == before));  // the old file stays
}

TEST_CASE("describe_10x_h5: how a matrix is stored", "[io]") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.h5";
  const AnnData a = counts_for_10x(4001);
  write_10x_h5(path, a.obs, a.var, *a.X, {.chunk_bytes = 4096});
  const auto told = describe_10x_h5(path);
  REQUIRE(told.size() == 1);
  CHECK(told[0].path == "/matrix");
  CHECK(told[0].encoding == "csr_matrix");
  CHECK(told[0].shape == std::vector<size_t>{4001, 5});
  CHECK(told[0].dtype == "int32");
  CHECK(told[0].chunks == std::vector<size_t>{1024});
  CHECK(told[0].filters == std::vector<std::string>{"shuffle", "gzip"});
  CHECK(told[0].stored_values == a.X->values().size());
  CHECK(told[0].stored_bytes > 1000);
  write_text(path, "x,g\na,1\n");
  check_error<FormatError>([&] { describe_10x_h5(path); }, {"describe_10x_h5", path.string()});
}
