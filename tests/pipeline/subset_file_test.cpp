// Some cells and genes of a file.
#include "vcell/pipeline/subset_file.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using namespace vcell_test;
using Texts = std::vector<std::string>;

namespace {

AnnData cells() {
  AnnData a;
  a.obs = DataFrame({"c0", "c1", "c2", "c3", "c4"});
  a.obs.set("perturbation", Categorical{{0, 1, 2, 0, -1}, Texts{"NT", "STAT1", "STAT2"}, false});
  a.obs.set("plate", std::vector<int32_t>{7, 7, 8, 8, 9});
  a.var = DataFrame({"g0", "g1", "g2"});
  a.var.set("keep", Numbers::truths({1, 0, 1}));
  a.var.set("text", Texts{"x", "y", "z"});
  a.X = Matrix(CsrMatrix<int32_t>{5, 3, {0, 2, 3, 5, 5, 6}, {0, 2, 1, 0, 1, 2}, {1, 2, 3, 4, 5, 6}},
               {false, DType::i64, DType::i64});
  a.layers["more"] = Matrix(DenseMatrix<float>{5, 3, std::vector<float>(15, 1)});
  a.obsm["X_pca"] = Matrix(DenseMatrix<float>{5, 1, {0, 1, 2, 3, 4}});
  a.obsp["d"] =
      Matrix(CsrMatrix<float>{5, 5, {0, 1, 2, 3, 4, 5}, {1, 2, 3, 4, 0}, {1, 2, 3, 4, 5}});
  a.varm["PCs"] = Matrix(DenseMatrix<float>{3, 1, {1, 2, 3}});
  a.raw = Raw{Matrix(CsrMatrix<float>{5, 4, {0, 1, 2, 3, 4, 5}, {3, 2, 1, 0, 3}, {1, 2, 3, 4, 5}}),
              DataFrame({"g0", "g1", "g2", "g3"}),
              {}};
  a.uns["kept"] = 1.0;
  return a;
}

struct File {
  TemporaryFolder folder;
  std::filesystem::path from = folder.path() / "from.h5ad", to = folder.path() / "to.h5ad";
  explicit File(const AnnData& a = cells()) { write_h5ad(from, a); }
  std::filesystem::path list(const std::string& text) {
    write_text(folder.path() / "list.txt", text);
    return folder.path() / "list.txt";
  }
  AnnData cut(const SubsetFileOptions& options) {
    subset_file(from, to, options);
    return read_h5ad(to);
  }
};

}  // namespace

TEST_CASE("subset_file: by labels, lists and flags, the same as in memory", "[pipeline]") {
  File file;
  const auto expected = [](const std::vector<size_t>& rows, const std::vector<size_t>& genes) {
    return subset(cells(), rows, genes);
  };
  // What a file gives back: text with repeats as categoricals is not among these columns.
  CHECK(file.cut({.where = {{"perturbation", {"NT", "STAT2"}}}}) == expected({0, 2, 3}, {0, 1, 2}));
  CHECK(file.cut({.where = {{"perturbation", {"NT", "STAT2"}}, {"plate", {"8"}}}}) ==
        expected({2, 3}, {0, 1, 2}));
  CHECK(file.cut({.where_not = {{"perturbation", {"NT"}}}}) == expected({1, 2, 4}, {0, 1, 2}));
  CHECK(file.cut({.cells = file.list("c4\nc1\n")}) == expected({1, 4}, {0, 1, 2}));
  CHECK(file.cut({.genes = file.list("g2\ng0\n")}) == expected({0, 1, 2, 3, 4}, {0, 2}));
  CHECK(file.cut({.where = {{"plate", {"7"}}}, .genes_where = "keep"}) == expected({0, 1}, {0, 2}));
  CHECK(file.cut({}) == cells());

  AnnData by_columns = cells();
  by_columns.X->layout.by_columns = true;
  AnnData cut = expected({2, 3}, {0, 1, 2});
  cut.X->layout.by_columns = true;
  CHECK(File(by_columns).cut({.where = {{"plate", {"8"}}}}) == cut);
  AnnData dense = cells();
  dense.X = Matrix(to_dense<float>(*dense.X));
  File plain(dense);
  CHECK(*plain.cut({.where = {{"plate", {"8"}}}, .genes_where = "keep"}).X ==
        Matrix(DenseMatrix<float>{2, 2, {4, 0, 0, 0}}));
}

TEST_CASE("subset_file: cells are drawn by a seed, among those that pass", "[pipeline]") {
  File file;
  const auto drawn = [&](uint64_t seed) {
    return file.cut({.where_not = {{"plate", {"9"}}}, .sample = 2, .seed = seed}).obs.index;
  };
  const Texts first = drawn(1);
  CHECK(first.size() == 2);
  CHECK(std::is_sorted(first.begin(), first.end()));
  CHECK(drawn(1) == first);
  bool other = false;
  for (uint64_t seed = 2; seed < 8; ++seed) {
    const Texts names = drawn(seed);
    other = other || names != first;
    CHECK(std::find(names.begin(), names.end(), "c4") == names.end());
  }
  CHECK(other);
  CHECK(file.cut({.sample = 9}).cells() == 5);
}

TEST_CASE("subset_file: a share of the cells, of all or of each label", "[pipeline]") {
  AnnData a = cells();
  const size_t n = a.cells();
  const Factor plates = factor(a.obs.column("plate"));
  File file(a);
  CHECK(file.cut({.sample_share = 0.6}).cells() == size_t(std::round(0.6 * double(n))));
  CHECK(file.cut({.sample_share = 1.0}).cells() == n);
  const auto drawn = [&](uint64_t seed) {
    return file.cut({.sample_share = 0.5, .sample_by = {"plate"}, .seed = seed}).obs;
  };
  const DataFrame half = drawn(3);
  CHECK(half.index == drawn(3).index);
  const Factor left = factor(half.column("plate"));
  REQUIRE(left.names == plates.names);  // one cell of each at least
  for (size_t p = 0; p < plates.names.size(); ++p) {
    const auto all = std::count(plates.codes.begin(), plates.codes.end(), int32_t(p));
    CHECK(std::count(left.codes.begin(), left.codes.end(), int32_t(p)) ==
          std::max<long>(1, std::lround(0.5 * double(all))));
  }
  check_error<ConfigError>([&] { file.cut({.sample_share = 1.5}); }, {"1.5", "up to 1"});
  check_error<ConfigError>([&] { file.cut({.sample_by = {"plate"}}); }, {"sample_by"});
  check_error<ConfigError>([&] { file.cut({.sample = 1, .sample_by = {"plat"}}); },
                           {"'plat'", "'plate'"});
}

TEST_CASE("subset_file: what is not there is named, with near names", "[pipeline]") {
  File file;
  const auto error = [&](const SubsetFileOptions& options, const std::vector<std::string>& parts) {
    check_error<ConfigError>([&] { file.cut(options); }, parts);
    CHECK_FALSE(std::filesystem::exists(file.to));
  };
  error({.where = {{"perturbation", {"STAT3", "NT"}}}}, {"'STAT3'", "did you mean", "'STAT1'"});
  error({.where = {{"perturbatio", {"NT"}}}}, {"'perturbatio'", "did you mean 'perturbation'"});
  error({.cells = file.list("c1\nc9\n")}, {"1 cells", "'c9'", "list.txt", "'c0'"});
  error({.genes = file.list("gene\n")}, {"1 genes", "'gene'", "'g0'"});
  error({.genes_where = "kep"}, {"'kep'", "'keep'"});
  error({.genes_where = "text"}, {"'text'", "truth values"});
  error({.where = {{"perturbation", {"STAT1"}}, {"plate", {"8"}}}}, {"no cell", "left"});
}
