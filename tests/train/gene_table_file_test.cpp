#include "vcell/train/gene_table_file.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;

TEST_CASE("read_gene_table golden: the package's file of torch", "[train][golden]") {
  const auto folder = vcell_test::golden_folder("state_embedding");
  if (!folder) VCELL_SKIP("golden folder state_embedding is absent");
  const auto rows = read_safetensors(*folder / "gene_embeddings.safetensors").tensors.at("table");
  const auto expected = rows.as<float>();
  const auto table = read_gene_table(*folder / "gene_embeddings.pt");
  const size_t width = rows.shape.at(1);
  CHECK(table.width() == width);
  CHECK(table.source() == "gene_embeddings.pt");
  REQUIRE(table.names().size() == rows.shape.at(0));
  const NamePlaces places(table.names());
  for (size_t g = 0; g < rows.shape.at(0); ++g) {  // in the order G0, G1, ...
    const auto at = places.find(message('G', g));
    REQUIRE(at);
    std::vector<float> vector(width);
    table.copy<float>(*at, vector);
    CHECK(std::equal(vector.begin(), vector.end(), expected.begin() + std::ptrdiff_t(g * width)));
  }
}

TEST_CASE("write_gene_table: read back, of every kind", "[train]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "table.safetensors";
  for (const auto& table : {GeneTable::given({"A", "B"}, 2, {1, 2, 3, 4}),
                            GeneTable::identity({"A", "B"}), GeneTable::random({"A", "B"}, 2, 5)}) {
    write_gene_table(path, table);
    const auto back = read_gene_table(path, "esm2");
    CHECK(back.names() == table.names());
    CHECK(back.source() == "esm2");
    for (size_t g = 0; g < 2; ++g) {
      std::vector<float> a(2), b(2);
      table.copy<float>(g, a);
      back.copy<float>(g, b);
      CHECK(a == b);
    }
  }
  vcell_test::check_error<ConfigError>([&] { read_gene_table(folder.path() / "a.xyz"); },
                                       {"a.xyz", ".safetensors"});
}
