#include "vcell/sets/gene_symbols.hpp"

#include "support/catch.hpp"

using namespace vcell;
using vcell_test::contains;

namespace {

const std::vector<std::string> perturbation_names = {"A", "B", "ctrl"};

DataFrame ensembl() {
  DataFrame var(std::vector<std::string>{"E1", "E2", "E3"});
  var.set("symbol", std::vector<std::string>{"A", "B", ""});
  var.set("chromosome", std::vector<std::string>{"1", "1", "2"});
  var.set("length", Numbers(std::vector<float>{1, 2, 3}));
  return var;
}

}  // namespace

TEST_CASE("gene_symbols: perturbations that go by the genes' names need nothing", "[sets]") {
  DataFrame var(std::vector<std::string>{"A", "B", "C"});
  var.set("other", std::vector<std::string>{"A", "B", "C"});
  const auto symbols = gene_symbols(var, perturbation_names);
  REQUIRE(symbols.of_gene.empty());
  REQUIRE(symbols.remark.empty());
  REQUIRE(symbols("A") == "A");
}

TEST_CASE("gene_symbols: the one column that names them is found, and said", "[sets]") {
  const auto symbols = gene_symbols(ensembl(), perturbation_names);
  REQUIRE(symbols("E1") == "A");
  REQUIRE(symbols("E2") == "B");
  REQUIRE(symbols("E3") == "E3");  // no symbol
  REQUIRE_THAT(symbols.remark, contains("'symbol'") && contains("2 of 3"));
}

TEST_CASE("gene_symbols: of two columns none is guessed", "[sets]") {
  auto var = ensembl();
  var.set("name", std::vector<std::string>{"B", "A", "x"});
  const auto symbols = gene_symbols(var, perturbation_names);
  REQUIRE(symbols.of_gene.empty());
  REQUIRE_THAT(symbols.remark,
               contains("'symbol'") && contains("'name'") && contains("[data] gene_names"));
  REQUIRE(gene_symbols(var, perturbation_names, "name")("E1") == "B");
  // One that names more of them is taken.
  var.set("name", std::vector<std::string>{"B", "y", "x"});
  REQUIRE(gene_symbols(var, perturbation_names)("E1") == "A");
}

TEST_CASE("gene_symbols: says where nothing names them, and refuses a column that is not there",
          "[sets]") {
  REQUIRE_THAT(gene_symbols(ensembl(), {"drug", "ctrl"}).remark,
               contains("no perturbation has the name of a gene"));
  REQUIRE_THROWS_WITH(gene_symbols(ensembl(), perturbation_names, "symbl"),
                      contains("'symbl'") && contains("did you mean 'symbol'"));
  REQUIRE(gene_symbols(DataFrame(std::vector<std::string>{}), {}).of_gene.empty());
}
