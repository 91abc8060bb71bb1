// A little of everything that an AnnData can hold.
#pragma once

#include <cmath>

#include "vcell/data/anndata.hpp"

namespace vcell_test {

/// 3 cells, 4 genes.
inline vcell::AnnData small_anndata() {
  using namespace vcell;
  AnnData a;
  a.obs = DataFrame({"c0", "c1·é", "c2"});
  a.obs.index_name = "cell";
  a.obs.set("perturbation",
            Column{Categorical{{1, -1, 0}, std::vector<std::string>{"A", "β"}, true}, {}});
  a.obs.set("plate", Column{Categorical{{0, 0, 1}, std::vector<int64_t>{7, 9}, false}, {}});
  a.obs.set("note", Column{std::vector<std::string>{"x", "", "z\n,\"q\""}, {}});
  a.obs.set("umi", Column{std::vector<int64_t>{5, -3, int64_t(1) << 60}, {}});
  a.obs.set("score", Column{std::vector<double>{0.1, -1e300, 3}, {}});
  a.obs.set("passed", Column{std::vector<uint8_t>{1, 0, 1}, {}});
  a.obs.set("age", Column{std::vector<int64_t>{1, 0, 3}, {0, 1, 0}});
  a.obs.set("flag", Column{std::vector<uint8_t>{1, 0, 0}, {0, 0, 1}});
  a.obs.set("group/part", Column{std::vector<double>{1, 2, 3}, {}});
  a.var = DataFrame({"g0", "g1", "g2", "g3"});
  a.X = CsrMatrix<float>{3, 4, {0, 2, 2, 3}, {1, 3, 0}, {1.5f, 2, -4}};
  a.layers["counts"] = CsrMatrix<double>{3, 4, {0, 1, 1, 1}, {2}, {0.1}};
  a.layers["dense"] = DenseMatrix<float>{3, 4, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
  a.obsm["X_pca"] = Matrix(DenseMatrix<double>{3, 2, {0.5, 1, 2, 3, 4, 5}});
  a.obsm["cube"] = Array::of<int32_t>({3, 1, 2}, std::vector<int32_t>{1, 2, 3, 4, 5, 6});
  DataFrame table(a.obs.index);
  table.set("q", std::vector<double>{1, 2, 3});
  a.obsm["table"] = table;
  a.varm["PCs"] = Matrix(DenseMatrix<float>{4, 1, {1, 2, 3, 4}});
  a.obsp["distances"] = Matrix(CsrMatrix<double>{3, 3, {0, 1, 1, 2}, {2, 0}, {0.25, 0.25}});
  a.varp["links"] = Matrix(CsrMatrix<float>{4, 4, {0, 0, 0, 0, 0}, {}, {}});
  a.raw = Raw{CsrMatrix<float>{3, 5, {0, 1, 2, 3}, {4, 0, 2}, {1, 2, 3}},
              DataFrame({"g0", "g1", "g2", "g3", "g4"}),
              {{"weights", Matrix(DenseMatrix<float>{5, 1, {5, 4, 3, 2, 1}})}}};
  a.uns["nothing"] = {};
  a.uns["yes"] = true;
  a.uns["count"] = int64_t(-3);
  a.uns["rate"] = 0.5;
  a.uns["text"] = std::string("héllo");
  a.uns["names"] = std::vector<std::string>{"a", "b"};
  a.uns["no_names"] = std::vector<std::string>{};
  a.uns["array"] = Array::of<uint64_t>({2}, std::vector<uint64_t>{~uint64_t(0), 1});
  a.uns["empty"] = Array::of<float>({0, 3}, std::vector<float>{});
  a.uns["half"] = Array{DType::f16, {1}, {std::byte(0), std::byte(0x3c)}};
  a.uns["sparse"] = Matrix(CsrMatrix<float>{1, 2, {0, 1}, {1}, {9}});
  a.uns["table"] = table;
  a.uns["labels"] = Column{Categorical{{0, -1}, std::vector<std::string>{"u"}, false}, {}};
  a.uns["inner"] = Dict{{"deep", Dict{{"x", int64_t(1)}}}, {"bare", Dict{}}};
  return a;
}

}  // namespace vcell_test
