#include "vcell/io/write_mtx.hpp"

#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/threads.hpp"
#include "vcell/io/atomic_file.hpp"
#include "vcell/io/read_mtx.hpp"

using namespace vcell;
using namespace vcell_test;
using Texts = std::vector<std::string>;

namespace {

/// More rows than a piece holds.
AnnData many_cells() {
  AnnData a;
  CsrMatrix<int32_t> m;
  m.columns = 3;
  for (size_t i = 0; i < 700; ++i) {
    a.obs.index.push_back(message("cell-", i));
    for (int32_t g = 0; g < 3; ++g) {
      if ((i + size_t(g)) % 3 == 0) continue;
      m.indices.push_back(g);
      m.values.push_back(int32_t(i) * 3 + g - 4);
    }
    m.end_row();
  }
  a.X = Matrix(m);
  a.var = DataFrame({"g1", "g2", "g3"});
  a.var.set("gene_ids", Texts{"id1", "id2", "id3"});
  return a;
}

}  // namespace

TEST_CASE("write_mtx: reads back the same, packed or not, for any threads", "[io]") {
  const TemporaryFolder folder;
  const AnnData a = many_cells();
  const auto to = folder.path() / "mtx";
  std::string bytes;
  for (const size_t threads : {1, 4}) {
    const Threads set(threads);
    write_mtx(to, a.obs, a.var, *a.X);
    const std::string now = read_text(to / "matrix.mtx.gz");
    CHECK((bytes.empty() || now == bytes));
    bytes = now;
  }
  AnnData back = read_mtx(to);
  CHECK(back.obs.index == a.obs.index);
  CHECK(back.var.index == a.var.index);
  CHECK(back.var.column("gene_ids").text() == Texts{"id1", "id2", "id3"});
  CHECK(to_dense<int64_t>(*back.X).values == to_dense<int64_t>(*a.X).values);
  CHECK(back.X->dtype() == DType::i32);

  write_mtx(to, a.obs, a.var, *a.X, {.gzip = 0});
  CHECK_FALSE(std::filesystem::exists(to / "matrix.mtx.gz"));  // the folder is a new one
  back = read_mtx(to);
  CHECK(to_dense<int64_t>(*back.X).values == to_dense<int64_t>(*a.X).values);
}

TEST_CASE("write_mtx: what is in the files", "[io]") {
  const TemporaryFolder folder;
  const auto to = folder.path() / "mtx";
  const Matrix X = DenseMatrix<float>{2, 2, {0.1f, 0, 0, 1e-20f}};
  DataFrame var({"id1", "id2"});
  var.set("gene_symbols", Texts{"A", "B"});
  var.set("feature_types", Texts{"Gene Expression", "Antibody Capture"});
  write_mtx(to, DataFrame({"a", "b"}), var, X, {.gzip = 0});
  CHECK(read_text(to / "matrix.mtx") ==
        "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 1 0.1\n2 2 1e-20\n");
  CHECK(read_text(to / "features.tsv") == "id1\tA\tGene Expression\nid2\tB\tAntibody Capture\n");
  CHECK(read_text(to / "barcodes.tsv") == "a\nb\n");

  check_error<ShapeError>([&] { write_mtx(to, DataFrame({"a"}), var, X); },
                          {"write_mtx", "1", "2"});
  check_error<ConfigError>([&] { write_mtx(to, DataFrame({"a", "b\tc"}), var, X); }, {"tab"});
  const Matrix bad = DenseMatrix<float>{2, 2, {1, 0, 0, INFINITY}};
  check_error<ConfigError>([&] { write_mtx(to, DataFrame({"a", "b"}), var, bad); }, {"inf"});
  CHECK(read_text(to / "barcodes.tsv") == "a\nb\n");  // the old folder stays
  // No cells, and no values.
  const Matrix none = CsrMatrix<float>{0, 2, {0}, {}, {}};
  write_mtx(to, DataFrame(), var, none, {.gzip = 0});
  CHECK(read_text(to / "matrix.mtx") == "%%MatrixMarket matrix coordinate real general\n2 0 0\n");
}
