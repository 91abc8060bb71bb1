#include "vcell/data/gene_table.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/data/match_genes.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

std::vector<float> vector_of(const GeneTable& table, size_t gene) {
  std::vector<float> out(table.width());
  table.copy<float>(gene, out);
  return out;
}

}  // namespace

TEST_CASE("GeneTable: given, identity, random", "[data]") {
  const auto given = GeneTable::given({"A", "B"}, 3, {1, 2, 3, 4, 5, 6}, "esm2");
  CHECK(vector_of(given, 1) == std::vector<float>{4, 5, 6});
  CHECK(given.source() == "esm2");
  const auto identity = GeneTable::identity({"A", "B", "C"});
  CHECK(identity.width() == 3);
  CHECK(vector_of(identity, 1) == std::vector<float>{0, 1, 0});
  CHECK(identity.values().empty());
  const auto random = GeneTable::random({"A", "B"}, 4000, 7),
             other = GeneTable::random({"B", "C"}, 4000, 7);
  CHECK(vector_of(random, 1) == vector_of(other, 0));  // by name, not by place
  CHECK(vector_of(random, 0) != vector_of(random, 1));
  CHECK(vector_of(random, 0) != vector_of(GeneTable::random({"A"}, 4000, 8), 0));
  double sum = 0, square = 0;
  for (const float v : vector_of(random, 0)) {
    sum += v;
    square += double(v) * v;
  }
  CHECK(std::abs(sum / 4000) < 0.06);
  CHECK(square / 4000 == Approx(1).epsilon(0.1));
  CHECK(GeneTable::random({"A"}).width() == 5120);
  vcell_test::check_same_on_any_threads([] {
    const auto table = GeneTable::random(std::vector<std::string>{"A", "B", "C"}, 50);
    return std::vector<float>(table.values().begin(), table.values().end());
  });
}

TEST_CASE("GeneTable: a gene's vector is the mean over its isoforms", "[data]") {
  const std::vector<float> values{1, 2, 10, 20, 3, 6, 5, 7};
  const auto table = gene_table_of_isoforms({"A", "B", "A", "A"}, 2, values, "esm2_t48");
  CHECK(table.names() == std::vector<std::string>{"A", "B"});
  CHECK(vector_of(table, 0) == std::vector<float>{3, 5});
  CHECK(vector_of(table, 1) == std::vector<float>{10, 20});
  CHECK(table.source() == "esm2_t48");
  check_error<ShapeError>([&] { gene_table_of_isoforms({"A"}, 2, values, ""); }, {"8", "2"});
}

TEST_CASE("GeneTable: errors name the gene", "[data]") {
  check_error<ConfigError>([] { GeneTable::identity({"A", "B", "A"}); }, {"'A' comes twice"});
  check_error<ConfigError>([] { GeneTable::identity({"A", ""}); }, {"empty name"});
  check_error<ConfigError>([] { GeneTable::identity({}); }, {"number of genes"});
  check_error<ConfigError>([] { GeneTable::random({"A"}, 0); }, {"width"});
  check_error<ConfigError>([] { GeneTable::given({"A", "B"}, 1, {1, NAN}); }, {"'B'", "nan"});
  check_error<ShapeError>([] { GeneTable::given({"A", "B"}, 2, {1, 2, 3}); }, {"3", "4"});
  const auto table = GeneTable::identity({"A", "B"});
  std::vector<float> out(2), shorter(1);
  check_error<ShapeError>([&] { table.copy<float>(2, out); }, {"gene is 2"});
  check_error<ShapeError>([&] { table.copy<float>(0, shorter); }, {"size of out (1)"});
}

TEST_CASE("match_genes: by names, by a column, by ids without versions", "[data]") {
  DataFrame var({"g1", "g2", "g3", "g4"});
  var.set("symbol", std::vector<std::string>{"TP53", "MYC", "", "TP53"});
  var.set("id", std::vector<std::string>{"ENSG1.5", "ENSG2.1", "ENSG3", "RP11.4"});
  const auto symbols = match_genes(var, {"MYC", "TP53", "X"});
  CHECK(symbols.rows == std::vector<int32_t>{1, 0, -1, -1});
  CHECK(symbols.column == "symbol");
  CHECK(symbols.matched == 2);
  CHECK(symbols.repeated == std::vector<std::string>{"TP53"});
  CHECK(symbols.report().find("2 of 4 genes") != std::string::npos);
  CHECK(symbols.report().find("left out, since another gene has the same vector: 'TP53'") !=
        std::string::npos);
  const auto ids = match_genes(var, {"ENSG3.9", "ENSG1", "RP11"});
  CHECK(ids.rows == std::vector<int32_t>{1, -1, 0, -1});  // RP11.4 is no Ensembl id
  CHECK(ids.column == "id");
  CHECK(ids.unmatched == std::vector<std::string>{"ENSG2.1", "RP11.4"});
  // A whole name goes before one without its version.
  CHECK(match_genes(var, {"ENSG1", "ENSG1.5"}, {.least_share = 0}).rows[0] == 1);
  const auto names = match_genes(var, {"g4", "g1"});
  CHECK(names.column.empty());
  CHECK(names.rows == std::vector<int32_t>{1, -1, -1, 0});
}

TEST_CASE("match_genes: too few are an error that says what to do", "[data]") {
  DataFrame var({"g1", "g2", "g3"});
  var.set("symbol", std::vector<std::string>{"A", "B", "C"});
  check_error<ConfigError>(
      [&] {
        match_genes(var, {"A", "X"});
      },
      {"1 of 3 genes", "'B', 'C'", "'A', 'X'", "0.5", "column of var"});
  CHECK(match_genes(var, {"A", "X"}, {.least_share = 0.3}).matched == 1);
  check_error<ConfigError>([&] { match_genes(var, {"X"}, {.least_share = 0}); }, {"0 of 3"});
  check_error<ConfigError>([&] { match_genes(var, {"A"}, {.column = "id"}); }, {"'id'", "symbol"});
  CHECK(match_genes(var, {"A", "g1", "g2"}, {.column = "symbol", .least_share = 0}).matched == 1);
}
