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

TEST_CASE("read_gene_table: what is wrong is said of genes and their vectors", "[train]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "t.csv";
  const auto fails = [&](const char* text, const std::vector<std::string>& parts) {
    write_text(path, text);
    auto all = parts;
    all.insert(all.end(), {"read_gene_table", "t.csv"});
    try {
      read_gene_table(path);
      FAIL("no error for " << text);
    } catch (const Error& error) {
      for (const auto& part : all) CHECK_THAT(error.what(), vcell_test::contains(part));
      CHECK(std::string(error.what()).find("erturbation") == std::string::npos);
    }
  };
  fails("gene,a\nA,x\n", {"row 1 ('A'), column 'a': 'x'"});
  fails("gene,a\nA,1\nA,2\n", {"gene 'A' comes twice"});
  fails("gene,a\nA,inf\n", {"'A'", "finite"});
  fails("gene,a\n", {"no vectors"});
}

TEST_CASE("read_isoform_table: means of isoforms, named by a list of their genes", "[train]") {
  const vcell_test::TemporaryFolder folder;
  const auto vectors = folder.path() / "iso.safetensors", genes = folder.path() / "genes.csv";
  write_gene_table(vectors,
                   GeneTable::given({"b.1", "a.1", "a.2", "b.2"}, 2, {8, 0, 1, 2, 3, 4, 9, 7}));
  write_text(genes, "note,gene,isoform\n,A,a.2\n,B,b.1\n,A,a.1\n,B,b.2\n,C,c.1\n");
  std::vector<std::string> remarks;
  const auto table = read_isoform_table(vectors, genes, "", &remarks);
  CHECK(table.names() == std::vector<std::string>{"A", "B"});
  CHECK(std::ranges::equal(table.values(), std::vector<float>{2, 3, 8.5, 3.5}));
  CHECK(table.source() == "iso.safetensors");
  CHECK(read_isoform_table(vectors, genes, "esm2").source() == "esm2");
  REQUIRE(remarks.size() == 1);
  CHECK_THAT(remarks[0], vcell_test::contains("1 of 5 isoforms"));
  CHECK_THAT(remarks[0], vcell_test::contains("'c.1'"));
  const auto fails = [&](const char* text, const std::vector<std::string>& parts) {
    write_text(genes, text);
    auto all = parts;
    all.insert(all.end(), {"read_isoform_table", "genes.csv"});
    vcell_test::check_error<ConfigError>([&] { read_isoform_table(vectors, genes); }, all);
  };
  fails("isoform,gene\na.1,A\na.2,A\n", {"2 of 4 isoforms", "no gene", "'b.1', 'b.2'"});
  fails("isoform,gene\na.1,A\na.1,B\n", {"'a.1' comes twice"});
  fails("isoform,gene\na.1,\n", {"'a.1' has no gene"});
  fails("transcript,gene\na.1,A\n", {"no column 'isoform'", "'transcript', 'gene'"});
  write_text(folder.path() / "two.csv", "isoform,x\na.1,1\na.1,2\n");
  vcell_test::check_error<ConfigError>(
      [&] { read_isoform_table(folder.path() / "two.csv", genes); }, {"two.csv", "'a.1'"});
}
