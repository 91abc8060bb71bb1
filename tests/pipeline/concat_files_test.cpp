// Files with cells as one file.
#include "vcell/pipeline/concat_files.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using namespace vcell_test;
using Texts = std::vector<std::string>;

namespace {

AnnData first_cells() {
  AnnData a;
  a.obs = DataFrame({"a1", "a2"});
  a.obs.set("perturbation", Categorical{{0, 1}, Texts{"NT", "STAT1"}, false});
  a.obs.set("depth", std::vector<int32_t>{5, 6});
  a.obs.set("plate", std::vector<int32_t>{1, 1});
  a.var = DataFrame({"g1", "g2", "g3"});
  a.var.set("gene_ids", Texts{"id1", "id2", "id3"});
  a.var.set("mean", std::vector<float>{1, 2, 3});
  a.X = Matrix(CsrMatrix<int32_t>{2, 3, {0, 2, 3}, {0, 2, 1}, {1, 2, 3}});
  a.layers["raw"] = Matrix(CsrMatrix<float>{2, 3, {0, 1, 2}, {0, 1}, {7, 8}});
  a.layers["own"] = *a.X;
  a.obsm["X_pca"] = Matrix(DenseMatrix<float>{2, 2, {1, 2, 3, 4}});
  a.obsm["wide"] = Matrix(DenseMatrix<float>{2, 1, {1, 2}});
  a.varm["PCs"] = Matrix(DenseMatrix<float>{3, 1, {1, 2, 3}});
  a.uns["same"] = std::string("s");
  a.uns["differs"] = 1.0;
  return a;
}

AnnData second_cells() {
  AnnData b;
  b.obs = DataFrame({"b1"});
  b.obs.set("perturbation", Categorical{{0}, Texts{"IRF1"}, false});
  b.obs.set("depth", std::vector<float>{0.5f});
  b.var = DataFrame({"g4", "g3", "g1"});
  b.var.set("gene_ids", Texts{"id4", "id3", "id1"});
  b.var.set("mean", std::vector<float>{4, 3.5f, 1});
  b.X = Matrix(DenseMatrix<int32_t>{1, 3, {9, 0, 4}});
  b.layers["raw"] = Matrix(CsrMatrix<float>{1, 3, {0, 1}, {1}, {6}});
  b.obsm["X_pca"] = Matrix(DenseMatrix<double>{1, 2, {5, 6}});
  b.obsm["wide"] = Matrix(DenseMatrix<float>{1, 2, {1, 2}});
  b.uns["same"] = std::string("s");
  b.uns["differs"] = 2.0;
  return b;
}

struct Files {
  TemporaryFolder folder;
  std::filesystem::path a = folder.path() / "first.h5ad", b = folder.path() / "second.h5ad",
                        out = folder.path() / "out.h5ad";
  std::string remarks;

  Files(const AnnData& one = first_cells(), const AnnData& two = second_cells()) {
    write_h5ad(a, one);
    write_h5ad(b, two);
  }
  AnnData join(ConcatFilesOptions options) {
    options.callbacks.note = [this](const std::string& line) { remarks += line + "\n"; };
    concat_files({a, b}, out, options);
    return read_h5ad(out);
  }
};

}  // namespace

TEST_CASE("concat_files: genes of all files, or of any, by name", "[pipeline]") {
  Files files;
  const AnnData inner = files.join({.label = "file"});
  CHECK(inner.obs.index == Texts{"a1", "a2", "b1"});
  CHECK(inner.obs.names() == Texts{"perturbation", "depth", "file"});
  CHECK(inner.obs.column("perturbation") ==
        Column(Categorical{{1, 2, 0}, Texts{"IRF1", "NT", "STAT1"}, false}));
  CHECK(inner.obs.column("depth").numbers() == std::vector<double>{5, 6, 0.5});
  CHECK(inner.obs.column("file").text() == Texts{"first", "first", "second"});
  CHECK(inner.obs.column("file").is_categorical());
  CHECK(inner.var.index == Texts{"g1", "g3"});
  CHECK(inner.var.names() == Texts{"gene_ids"});
  CHECK(inner.var.column("gene_ids").text() == Texts{"id1", "id3"});
  CHECK(*inner.X == Matrix(CsrMatrix<int32_t>{3, 2, {0, 2, 2, 3}, {0, 1, 0}, {1, 2, 4}}));
  CHECK(inner.layers.size() == 1);
  CHECK(inner.layers.at("raw") == Matrix(CsrMatrix<float>{3, 2, {0, 1, 1, 2}, {0, 1}, {7, 6}}));
  CHECK(inner.obsm.size() == 1);
  CHECK(*inner.obsm.at("X_pca").matrix() == Matrix(DenseMatrix<double>{3, 2, {1, 2, 3, 4, 5, 6}}));
  CHECK(inner.uns == Dict{{"same", std::string("s")}});
  for (const char* said : {"var['mean']", "layers['own']", "obsm['wide']", "varm['PCs']",
                           "uns['differs']", "2 cells x 3 genes"})
    CHECK(files.remarks.find(said) != std::string::npos);

  const AnnData outer = files.join({.join = Join::outer, .keys = {"x", "y"}});
  CHECK(outer.obs.names() == Texts{"perturbation", "depth", "plate"});
  CHECK(outer.obs.column("plate").text() == Texts{"1", "1", ""});
  CHECK(outer.var.index == Texts{"g1", "g2", "g3", "g4"});
  CHECK(outer.var.column("gene_ids").text() == Texts{"id1", "id2", "id3", "id4"});
  CHECK(*outer.X ==
        Matrix(CsrMatrix<int32_t>{3, 4, {0, 2, 3, 5}, {0, 2, 1, 0, 3}, {1, 2, 3, 4, 9}}));
  CHECK(to_dense<float>(outer.layers.at("raw")).values ==
        std::vector<float>{7, 0, 0, 0, 0, 8, 0, 0, 0, 0, 6, 0});
}

TEST_CASE("concat_files: names of cells that come twice", "[pipeline]") {
  AnnData b = second_cells();
  b.obs.index[0] = "a2";
  Files files(first_cells(), b);
  check_error<ConfigError>([&] { files.join({}); }, {"concat_files", "'a2'", "unique_names"});
  CHECK_FALSE(std::filesystem::exists(files.out));
  CHECK(files.join({.unique_names = true}).obs.index == Texts{"a1-0", "a2-0", "a2-1"});
  b = first_cells();
  b.obs.index[1] = "a1";
  Files within(first_cells(), b);
  check_error<ConfigError>([&] { within.join({.unique_names = true}); }, {"'a1-1'", "one file"});
}

TEST_CASE("concat_files: declared scales agree, and are kept", "[pipeline]") {
  AnnData a = first_cells(), b = second_cells();
  declare_scale(a, Scale::log1p, 1e4);
  declare_scale(b, Scale::log1p, 1e4);
  CHECK(declared_target_sum(Files(a, b).join({})) == 1e4);
  b.uns["vcell"] = Dict{{"scale", std::string("log1p")}, {"target_sum", 1e4}, {"more", 1.0}};
  const AnnData joined = Files(a, b).join({});
  CHECK(detail::says_log1p("", joined));
  CHECK(declared_target_sum(joined) == 1e4);
  declare_scale(b, Scale::log1p, 5e3);
  check_error<ConfigError>([&] { Files(a, b).join({}); },
                           {"10000", "first.h5ad", "5000", "second"});
  declare_scale(b, Scale::counts);
  check_error<ConfigError>([&] { Files(a, b).join({}); },
                           {"first.h5ad", "log1p", "second.h5ad", "counts"});
  b.uns.erase("vcell");
  check_error<ConfigError>([&] { Files(a, b).join({}); }, {"not said to be log1p"});
  a = first_cells();
  declare_scale(a, Scale::counts);
  declare_scale(b, Scale::counts, {}, true);
  CHECK(detail::says_fractional_counts(Files(a, b).join({})));
}

TEST_CASE("concat_files: what does not fit is refused", "[pipeline]") {
  Files files;
  check_error<ConfigError>([&] { concat_files({files.a}, files.out); }, {"1 files", "two"});
  check_error<ConfigError>([&] { files.join({.keys = {"x"}}); }, {"1 keys", "2 files"});
  check_error<ConfigError>([&] { files.join({.label = "depth"}); }, {"'depth'", "label"});
  AnnData b = second_cells();
  b.var.index = {"x", "y", "z"};
  check_error<ConfigError>([&] { Files(first_cells(), b).join({}); }, {"no gene", "'x'", "'g1'"});
  b.var.index = {"x", "g1", "g1"};
  check_error<ConfigError>([&] { Files(first_cells(), b).join({}); },
                           {"second.h5ad", "'g1'", "more than once"});
}
