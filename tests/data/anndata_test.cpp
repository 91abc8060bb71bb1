#include "vcell/data/anndata.hpp"

#include "support/errors.hpp"
#include "vcell/data/check_anndata.hpp"
#include "vcell/data/keep.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

/// 3 cells, 2 genes; the value of cell i and gene j is 10 i + j + 1.
AnnData some_cells() {
  AnnData a;
  a.obs = DataFrame({"c0", "c1", "c2"});
  a.obs.set("n", std::vector<int64_t>{0, 1, 2});
  a.var = DataFrame({"g0", "g1"});
  const DenseMatrix<float> x{3, 2, {1, 2, 11, 12, 21, 22}};
  a.X = x;
  a.layers["sparse"] = to_csr<float>(Matrix(x));
  a.obsm["m"] = Matrix(x);
  a.obsm["cube"] = Array::of<int32_t>({3, 1, 2}, std::vector<int32_t>{1, 2, 11, 12, 21, 22});
  a.obsm["table"] = a.obs;
  a.obsm["opaque"] = Opaque{{}, "awkward-array"};
  a.varm["m"] = Matrix(DenseMatrix<float>{2, 1, {1, 2}});
  a.obsp["d"] = Matrix(DenseMatrix<double>{3, 3, {0, 1, 2, 3, 4, 5, 6, 7, 8}});
  a.varp["d"] = Matrix(DenseMatrix<double>{2, 2, {0, 1, 2, 3}});
  a.raw = Raw{Matrix(DenseMatrix<float>{3, 1, {1, 2, 3}}), DataFrame({"r"}), {}};
  a.uns["key"] = true;
  return a;
}

}  // namespace

TEST_CASE("subset: cells and genes of everything that has them", "[data]") {
  const std::vector<size_t> cells = {2, 0}, genes = {1};
  const AnnData s = subset(some_cells(), cells, genes);
  REQUIRE_NOTHROW(check_anndata(s));
  CHECK(s.obs.index == std::vector<std::string>{"c2", "c0"});
  CHECK(s.var.index == std::vector<std::string>{"g1"});
  CHECK(*s.X == Matrix(DenseMatrix<float>{2, 1, {22, 2}}));
  CHECK(to_dense<float>(s.layers.at("sparse")).values == std::vector<float>{22, 2});
  CHECK(matrix(s.obsm, "m", "obsm") == Matrix(DenseMatrix<float>{2, 2, {21, 22, 1, 2}}));
  CHECK(s.obsm.at("cube").array()->as<int>() == std::vector<int>{21, 22, 1, 2});
  CHECK(*s.obsm.at("table").table() == s.obs);
  CHECK_FALSE(s.obsm.contains("opaque"));
  CHECK(matrix(s.varm, "m", "varm") == Matrix(DenseMatrix<float>{1, 1, {2}}));
  CHECK(matrix(s.obsp, "d", "obsp") == Matrix(DenseMatrix<double>{2, 2, {8, 6, 2, 0}}));
  CHECK(matrix(s.varp, "d", "varp") == Matrix(DenseMatrix<double>{1, 1, {3}}));
  CHECK(*s.raw->X == Matrix(DenseMatrix<float>{2, 1, {3, 1}}));
  CHECK(s.uns == some_cells().uns);
}

TEST_CASE("keep: drops in place what subset leaves out", "[data]") {
  const std::vector<uint8_t> cells = {1, 0, 1}, genes = {0, 1}, none = {0, 0, 0};
  AnnData a = some_cells();
  CHECK(uncut(a, true, false) == std::vector<std::string>{"obsm['opaque']"});
  CHECK(uncut(a, false, true).empty());
  keep_cells(a, cells);
  const std::vector<size_t> kept_cells = {0, 2}, kept_genes = {1};
  CHECK(a == select_cells(some_cells(), kept_cells));
  keep_genes(a, genes);
  CHECK(a == subset(some_cells(), kept_cells, kept_genes));
  REQUIRE_NOTHROW(check_anndata(a));
  a = some_cells();
  keep_cells(a, none);
  CHECK(a == select_cells(some_cells(), {}));
  check_error<ShapeError>([&] { keep_cells(a, cells); }, {"keep_cells", "(3)", "(0)"});
  check_error<ShapeError>([&] { keep_genes(a, cells); }, {"keep_genes", "(3)", "(2)"});
}

TEST_CASE("subset: nothing, and what is not there", "[data]") {
  const std::vector<size_t> none, beyond = {3};
  const AnnData s = subset(some_cells(), none, none);
  REQUIRE_NOTHROW(check_anndata(s));
  CHECK(s.cells() == 0);
  CHECK(s.genes() == 0);
  CHECK_NOTHROW(subset(AnnData{}, none, none));
  check_error<ShapeError>([&] { select_cells(some_cells(), beyond); }, {"3"});
  check_error<ShapeError>([&] { select_genes(some_cells(), beyond); }, {"3"});
}

TEST_CASE("check_anndata: names the part that does not fit", "[data]") {
  REQUIRE_NOTHROW(check_anndata(some_cells()));
  const auto fails = [](auto change, const std::vector<std::string>& texts) {
    AnnData a = some_cells();
    change(a);
    check_error<ShapeError>([&] { check_anndata(a); }, texts);
  };
  const Matrix one = DenseMatrix<float>{1, 1, {0}};
  fails([&](AnnData& a) { a.X = one; }, {"X has shape (1, 1), expected (3, 2)"});
  fails([&](AnnData& a) { a.layers["l"] = one; }, {"layers['l']"});
  fails([&](AnnData& a) { a.obsm["m"] = one; }, {"obsm['m'] has 1 rows, expected 3"});
  fails([&](AnnData& a) { a.obsm["t"] = DataFrame({"x"}); }, {"obsm['t']"});
  fails([&](AnnData& a) { a.varm["a"] = Array{}; }, {"varm['a'] has 0 rows, expected 2"});
  fails([&](AnnData& a) { a.obsp["d"] = *a.X; }, {"obsp['d'] has 2 columns, expected 3"});
  fails([&](AnnData& a) { a.varp["d"] = one; }, {"varp['d']"});
  fails([&](AnnData& a) { a.varm["text"] = "no rows"; }, {"varm['text']"});
  fails([&](AnnData& a) { a.raw->X = one; }, {"raw.X"});
  fails([&](AnnData& a) { a.raw->varm["w"] = *a.X; }, {"raw.varm['w']"});
}

TEST_CASE("matrix: by name among aligned entries", "[data]") {
  const AnnData a = some_cells();
  check_error<ConfigError>([&] { matrix(a.obsm, "X_hvg", "obsm"); },
                           {"obsm has no 'X_hvg'", "'cube', 'm', 'opaque', 'table'"});
  check_error<ConfigError>([&] { matrix(a.obsm, "table", "obsm"); },
                           {"obsm['table'] is no matrix"});
}

TEST_CASE("uns: values are what they were made of, and found by path", "[data]") {
  Dict d;
  d["n"] = 3;
  d["x"] = 0.5;
  d["t"] = "text";
  d["inner"] = Dict{{"deep", Dict{{"yes", true}}}};
  double number = 0;
  CHECK((d["n"].is_number(number) && number == 3));
  CHECK(d["n"].array()->dtype() == DType::i32);
  CHECK((d["x"].is_number(number) && number == 0.5));
  CHECK(*d["t"].text() == "text");
  CHECK_FALSE(Value(true).is_number(number));
  CHECK_FALSE(d["t"].is_number(number));
  CHECK(d["n"].text() == nullptr);
  CHECK(Value().is_nothing());
  const Value values[] = {
      Value(),         Value(1.0),         Value("text"),   Value(std::vector<std::string>{"text"}),
      Value(Matrix()), Value(DataFrame()), Value(Column()), Value(Dict()),
      Value(Opaque())};
  for (const Value& v : values) {
    const int held = (v.array() != nullptr) + (v.text() != nullptr) + (v.texts() != nullptr) +
                     (v.matrix() != nullptr) + (v.table() != nullptr) + (v.column() != nullptr) +
                     (v.dict() != nullptr) + (v.opaque() != nullptr);
    CHECK(held == !v.is_nothing());
    for (const Value& w : values) CHECK((v == w) == (&v == &w));
  }
  REQUIRE(find(d, "inner/deep/yes"));
  CHECK(*find(d, "inner/deep/yes") == Value(true));
  CHECK(find(d, "inner/deep/no") == nullptr);
  CHECK(find(d, "n/deep") == nullptr);
  CHECK(find(d, "") == nullptr);
}
