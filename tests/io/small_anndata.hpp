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
  a.obs.set("perturbation", Categorical{{1, -1, 0}, std::vector<std::string>{"A", "β"}, true});
  a.obs.set("plate", Categorical{{0, 0, 1}, std::vector<int64_t>{7, 9}, false});
  a.obs.set("note", std::vector<std::string>{"x", "", "z\n,\"q\""});
  a.obs.set("umi", std::vector<int64_t>{5, -3, int64_t(1) << 60});
  a.obs.set("score", std::vector<double>{0.1, -1e300, 3});
  a.obs.set("passed", Numbers::truths({1, 0, 1}));
  a.obs.set("age", Column{std::vector<int64_t>{1, 0, 3}, {0, 1, 0}});
  a.obs.set("flag", Column{Numbers::truths({1, 0, 0}), {0, 0, 1}});
  a.obs.set("group/part", std::vector<double>{1, 2, 3});
  a.obs.set("short", std::vector<int16_t>{-5, 0, 32767});
  a.obs.set("float", std::vector<float>{0.1f, -2, 3});
  a.obs.set("huge", std::vector<uint64_t>{1, 2, ~uint64_t(0)});
  a.obs.set("narrow", Column{std::vector<int8_t>{1, 2, 3}, {1, 0, 0}});
  a.obs.set("complete", Column{std::vector<int32_t>{1, 2, 3}, {0, 0, 0}});
  a.obs.set("level", Categorical{{1, -1, 0}, std::vector<float>{0.5f, 10}, true});
  a.var = DataFrame({"g0", "g1", "g2", "g3"});
  a.X = CsrMatrix<float>{3, 4, {0, 2, 2, 3}, {1, 3, 0}, {1.5f, 2, -4}};
  a.layers["counts"] = CsrMatrix<double>{3, 4, {0, 1, 1, 1}, {2}, {0.1}};
  a.layers["wide"] =
      Matrix(CsrMatrix<int32_t>{3, 4, {0, 1, 1, 1}, {2}, {-7}}, {false, DType::i64, DType::i64});
  a.layers["mixed"] = Matrix(CsrMatrix<uint16_t>{3, 4, {0, 1, 1, 2}, {2, 0}, {1, 65535}},
                             {false, DType::i32, DType::i64});
  a.layers["by_columns"] = Matrix(CsrMatrix<float>{3, 4, {0, 2, 2, 3}, {1, 3, 1}, {1.5f, 2, -4}},
                                  {true, DType::i32, DType::i32});
  a.layers["truths"] = Matrix(3, 4, {0, 1, 1, 2}, {2, 0}, Numbers::truths({1, 1}));
  a.layers["bytes"] = DenseMatrix<uint8_t>{3, 4, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255}};
  a.layers["halves"] = Matrix(3, 4, Numbers(DType::f16, 12));
  a.layers["dense"] = DenseMatrix<float>{3, 4, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
  a.obsm["X_pca"] = Matrix(DenseMatrix<double>{3, 2, {0.5, 1, 2, 3, 4, 5}});
  a.obsm["whole"] = Matrix(DenseMatrix<int64_t>{3, 1, {1, 2, int64_t(1) << 60}});
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
  a.uns["small"] = 0.1f;
  a.uns["byte"] = uint8_t(200);
  a.uns["text"] = std::string("héllo");
  a.uns["names"] = std::vector<std::string>{"a", "b"};
  a.uns["no_names"] = std::vector<std::string>{};
  a.uns["array"] = Array::of<uint64_t>({2}, std::vector<uint64_t>{~uint64_t(0), 1});
  a.uns["empty"] = Array::of<float>({0, 3}, std::vector<float>{});
  a.uns["half"] = Array{{1}, std::vector{half::from_bits(0x3c00)}};
  a.uns["sparse"] = Matrix(CsrMatrix<float>{1, 2, {0, 1}, {1}, {9}});
  a.uns["table"] = table;
  a.uns["labels"] = Column(Categorical{{0, -1}, std::vector<std::string>{"u"}, false});
  a.uns["inner"] = Dict{{"deep", Dict{{"x", int64_t(1)}}}, {"bare", Dict{}}};
  return a;
}

}  // namespace vcell_test
