#include "vcell/eval/gene_panel.hpp"

#include "support.hpp"
#include "support/catch.hpp"

using namespace vcell_test;

TEST_CASE("gene_panel: holds every value but 0 of its genes, in the order of the cells", "[eval]") {
  const size_t genes = 11;
  auto X = random_cells(40, genes, 0.6, 0, 5);
  for (size_t i = 0; i < X.values.size(); i += 7) X.values[i] = i % 2 ? 0.0f : -0.0f;
  for (size_t i = 3; i < X.values.size(); i += 7) X.values[i] *= -1;
  std::vector<size_t> rows;
  std::vector<uint32_t> groups;
  for (size_t cell = 0; cell < 40; ++cell) {
    if (cell % 4 == 0) continue;  // takes no part
    rows.push_back(cell);
    groups.push_back(uint32_t(cell % 4) - 1);
  }
  GenePanel panel;  // one serves range after range
  for (const auto& [first, last] :
       std::vector<std::pair<size_t, size_t>>{{0, genes}, {3, 4}, {4, 9}, {10, 11}, {5, 5}}) {
    panel.fill(X.view(), rows, groups, first, last);
    for (size_t gene = first; gene < last; ++gene) {
      std::vector<std::pair<float, uint32_t>> expected, found;
      for (size_t i = 0; i < rows.size(); ++i)
        for (size_t k = 0; k < X.row_size(rows[i]); ++k)
          if (size_t(X.row_indices(rows[i])[k]) == gene && X.row_values(rows[i])[k] != 0)
            expected.emplace_back(X.row_values(rows[i])[k], groups[i]);
      for (uint64_t key : panel.gene(gene - first))
        found.emplace_back(value_of_key(uint32_t(key >> 32)), uint32_t(key));
      REQUIRE(found == expected);
    }
  }
}

TEST_CASE("gene_panel: no cells and nothing stored", "[eval]") {
  CsrMatrix<float> X;
  X.columns = 3;
  GenePanel panel;
  panel.fill(X.view(), {}, {}, 0, 3);
  REQUIRE(panel.gene(2).empty());
  X.end_row();
  panel.fill(X.view(), std::vector<size_t>{0}, std::vector<uint32_t>{0}, 1, 3);
  REQUIRE(panel.gene(1).empty());
}

TEST_CASE("gene_panel: its width keeps a panel in bounds", "[eval]") {
  REQUIRE(GenePanel::width(0, 0) == 512);
  REQUIRE(GenePanel::width(2000, 1000) == 512);
  REQUIRE(GenePanel::width(18080, 1'900'000'000) == 39);  // 105,088 values a gene
  REQUIRE(GenePanel::width(1, 1'000'000'000) == 16);
}
