// Files with cells as h5ad, X stored as is asked for.
#include "vcell/pipeline/convert_file.hpp"

#include "../io/cell_files.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

AnnData cells() {
  AnnData a;
  a.obs = DataFrame({"c0", "c1", "c2"});
  a.obs.set("n", std::vector<int32_t>{1, 2, 3});
  a.var = DataFrame({"g0", "g1"});
  a.X = Matrix(CsrMatrix<float>{3, 2, {0, 2, 2, 3}, {0, 1, 1}, {1.5f, 2, 3}});
  a.layers["counts"] = Matrix(CsrMatrix<int32_t>{3, 2, {0, 1, 1, 2}, {1, 0}, {7, 8}});
  a.layers["other"] = *a.X;
  a.obsm["X_pca"] = Matrix(DenseMatrix<float>{3, 1, {1, 2, 3}});
  a.varm["PCs"] = Matrix(DenseMatrix<float>{2, 1, {1, 2}});
  a.raw = Raw{Matrix(CsrMatrix<float>{3, 3, {0, 1, 2, 3}, {2, 1, 0}, {4, 5, 6}}),
              DataFrame({"r0", "r1", "r2"}),
              {}};
  a.uns["log1p"] = Dict{{"base", Value()}};
  a.uns["kept"] = 1.0;
  return a;
}

struct File {
  TemporaryFolder folder;
  std::filesystem::path from = folder.path() / "from", to = folder.path() / "to";
  std::string remarks;
  explicit File(const AnnData& a = cells()) { write_h5ad(from, a); }
  AnnData convert(ConvertFileOptions options) {
    options.callbacks.note = [this](const std::string& line) { remarks += line + "\n"; };
    convert_file(from, to, options);
    return read_h5ad(to);
  }
};

}  // namespace

TEST_CASE("convert_file: X sparse by rows or columns, or dense, all else kept", "[pipeline]") {
  AnnData by_columns = cells(), dense = cells();
  by_columns.X->layout.by_columns = true;
  dense.X = Matrix(to_dense<float>(*cells().X));
  for (const AnnData& from : {cells(), by_columns, dense}) {
    File file(from);
    CHECK(file.convert({}) == from);
    CHECK(file.convert({.x = MatrixKind::csr}) == cells());
    CHECK(file.convert({.x = MatrixKind::csc}) == by_columns);
    CHECK(file.convert({.x = MatrixKind::dense, .write = {.gzip = 0}}) == dense);
  }
  const AnnData wide = File().convert({.write = {.index_type = DType::i64}});
  CHECK(wide.X->layout == SparseLayout{false, DType::i64, DType::i64});
}

TEST_CASE("convert_file: a layer or raw becomes X", "[pipeline]") {
  File file;
  AnnData expected = cells();
  expected.X = expected.layers["counts"];
  expected.layers.erase("counts");
  expected.uns.erase("log1p");
  CHECK(file.convert({.element = "layers/counts"}) == expected);
  CHECK(file.remarks.find("uns['log1p']") != std::string::npos);

  const AnnData raw = file.convert({.element = "raw/X"});
  CHECK(*raw.X == *cells().raw->X);
  CHECK(raw.var.index == cells().raw->var.index);
  CHECK(raw.obs == cells().obs);
  CHECK(raw.obsm == cells().obsm);
  CHECK((raw.layers.empty() && raw.varm.empty() && !raw.raw));
  for (const char* said : {"layers['other']", "varm['PCs']"})
    CHECK(file.remarks.find(said) != std::string::npos);
}

TEST_CASE("convert_file: other formats, and what is refused", "[pipeline]") {
  File file;
  const auto folder = write_mtx_folder(file.folder.path() / "mtx");
  CHECK(convert_file(folder, file.to, {.x = MatrixKind::csc}) == std::pair<size_t, size_t>(2, 3));
  const AnnData a = read_h5ad(file.to);
  CHECK(a.X->layout.by_columns);
  CHECK(to_dense<float>(*a.X).values == std::vector<float>{5, 0, 7, 0, 2, 0});
  CHECK(a.var.index == std::vector<std::string>{"g1", "g2", "g3"});
  // And back, with what is lost said.
  const auto mtx = file.folder.path() / "back";
  std::string remarks;
  convert_file(file.from, mtx,
               {.to = ConvertTo::mtx,
                .callbacks = {.note = [&](const std::string& line) { remarks += line; }}});
  const AnnData back = read_cells(mtx);
  CHECK(back.obs.index == cells().obs.index);
  CHECK(to_dense<float>(*back.X) == to_dense<float>(*cells().X));
  for (const char* said : {"obs['n']", "obsm['X_pca']", "raw", "uns['log1p']"})
    CHECK(remarks.find(said) != std::string::npos);
  check_error<ConfigError>(
      [&] { convert_file(file.from, mtx, {.to = ConvertTo::mtx, .x = MatrixKind::csc}); }, {"x"});
  check_error<ConfigError>([&] { convert_file(folder, file.to, {.element = "raw/X"}); },
                           {"mtx", "'raw/X'", "element"});
  check_error<ConfigError>([&] { file.convert({.element = "obsm/X_pca"}); }, {"'obsm/X_pca'"});
  check_error<FormatError>([&] { file.convert({.element = "layers/none"}); }, {"none"});
}

TEST_CASE("convert_file: 10x and tables read back as they were", "[pipeline]") {
  AnnData counts = cells();
  counts.X = Matrix(CsrMatrix<int32_t>{3, 2, {0, 2, 2, 3}, {0, 1, 1}, {1, 2, 3}});
  File file(counts);
  const auto convert = [&](ConvertTo to, const char* name) {
    file.remarks.clear();
    ConvertFileOptions options{.to = to};
    options.callbacks.note = [&](const std::string& line) { file.remarks += line; };
    convert_file(file.from, file.folder.path() / name, options);
    return file.folder.path() / name;
  };
  const AnnData tenx = read_cells(convert(ConvertTo::tenx_h5, "a.h5"));
  Matrix expected = *counts.X;
  expected.layout = {false, DType::i64, DType::i64};
  CHECK(*tenx.X == expected);
  CHECK(tenx.obs.index == counts.obs.index);
  CHECK(tenx.var.index == counts.var.index);
  CHECK(file.remarks.find("10x cannot hold") != std::string::npos);
  CHECK(file.remarks.find("obs['n']") != std::string::npos);
  for (const char* name : {"a.csv", "b.tsv", "c.tsv.gz"}) {
    const auto to = format_of_name(name);
    REQUIRE(to);
    const auto table = convert(*to, name);
    CHECK(file.remarks.find("layers['counts']") != std::string::npos);
    CHECK(file.remarks.find("obs['n']") == std::string::npos);
    const AnnData back =
        read_cells(table, {{}, {.metadata = {.file = metadata_path(table).string()}}});
    CHECK(to_dense<float>(*back.X) == to_dense<float>(*tenx.X));
    CHECK(back.obs.column("n").numbers() == std::vector<double>{1, 2, 3});
    CHECK(back.obs.index == counts.obs.index);
  }
  CHECK(metadata_path("x/a.b.csv.gz") == "x/a.b.metadata.csv.gz");
  CHECK(format_of_name("a.h5") == ConvertTo::tenx_h5);
  CHECK(format_of_name("a.h5ad") == ConvertTo::h5ad);
  CHECK_FALSE(format_of_name("a.h5ad.gz"));
  CHECK_FALSE(format_of_name("folder"));
  check_error<ConfigError>(
      [&] {
        convert_file(file.from, file.folder.path() / "d.csv.gz",
                     {.to = ConvertTo::csv, .write = {.gzip = 0}});
      },
      {"d.csv.gz", "gzip is 0"});
  const File fractions;
  check_error<ConfigError>(
      [&] { convert_file(fractions.from, fractions.to, {.to = ConvertTo::tenx_h5}); },
      {"1.5", "counts"});
}
