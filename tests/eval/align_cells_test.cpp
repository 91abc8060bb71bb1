// How evaluation uses it is tested with it (evaluate_test.cpp); here is what becomes of the cells.
#include "vcell/eval/align_cells.hpp"

#include "support.hpp"
#include "support/catch.hpp"

using namespace vcell_test;

namespace {

using Names = std::vector<std::string>;

/// A cell per label, with the value 10 cell + gene + 1 (of the full list of genes).
LabelledCells cells_of(const Names& labels, const Names& genes, const std::vector<int>& values,
                       const Names& contexts = {}) {
  LabelledCells out;
  out.X.columns = genes.size();
  for (size_t i = 0; i < labels.size(); ++i) {
    for (size_t g = 0; g < genes.size(); ++g) {
      out.X.indices.push_back(int32_t(g));
      out.X.values.push_back(float(10 * int(i) + values[g]));
    }
    out.X.end_row();
  }
  out.genes = genes;
  out.perturbation = factor(labels);
  if (!contexts.empty()) out.context = factor(contexts);
  return out;
}

Names labels_of(const LabelledCells& cells) {
  Names out;
  for (int32_t code : cells.perturbation.codes)
    out.push_back(code < 0 ? "-" : cells.perturbation.names[size_t(code)]);
  return out;
}

}  // namespace

TEST_CASE("align_cells: sides that are equal stay as they are", "[eval]") {
  auto real = cells_of({"A", "ctrl", "A"}, {"g", "h"}, {1, 2});
  auto predicted = cells_of({"ctrl", "A"}, {"g", "h"}, {1, 2});
  REQUIRE(align_cells(real, predicted, "ctrl", false).empty());
  REQUIRE(labels_of(real) == Names{"A", "ctrl", "A"});
  REQUIRE(predicted.X.values == std::vector<float>{1, 2, 11, 12});
}

TEST_CASE("align_cells: subset keeps what both have, genes in the order of real", "[eval]") {
  auto real = cells_of({"A", "ctrl", "B"}, {"g", "h", "i"}, {1, 2, 3});
  auto predicted = cells_of({"C", "A", "ctrl"}, {"i", "j", "g"}, {3, 4, 1});
  const auto left_out = align_cells(real, predicted, "ctrl", true);
  REQUIRE(left_out == Names{"genes only in real: 'h'", "genes only in predicted: 'j'",
                            "labels only in real: 'B'", "labels only in predicted: 'C'"});
  REQUIRE(real.genes == Names{"g", "i"});
  REQUIRE(predicted.genes == real.genes);
  REQUIRE(real.X.values == std::vector<float>{1, 3, 11, 13, 21, 23});
  REQUIRE(predicted.X.values == std::vector<float>{1, 3, 11, 13, 21, 23});
  REQUIRE(labels_of(real) == Names{"A", "ctrl", "-"});
  REQUIRE(labels_of(predicted) == Names{"-", "A", "ctrl"});
}

TEST_CASE("align_cells: a label counts in its context alone", "[eval]") {
  const Names contexts = {"x", "x", "x", "y", "y"};
  auto real = cells_of({"ctrl", "A", "B", "ctrl", "A"}, {"g"}, {1}, contexts);
  auto predicted = cells_of({"ctrl", "A", "B", "ctrl", "B"}, {"g"}, {1}, contexts);
  REQUIRE_THROWS_WITH(
      align_cells(real, predicted, "ctrl", false),
      contains("only in real: 'A in y'") && contains("only in predicted: 'B in y'"));
  const auto left_out = align_cells(real, predicted, "ctrl", true);
  REQUIRE(left_out.back() == "contexts without a perturbation that both have: 'y'");
  REQUIRE(labels_of(real) == Names{"ctrl", "A", "B", "-", "-"});
  REQUIRE(labels_of(predicted) == labels_of(real));
}

TEST_CASE("align_cells: cells without a label are left out, and counted", "[eval]") {
  auto real = cells_of({"ctrl", "A", "A"}, {"g"}, {1}), predicted = real;
  real.perturbation.codes[2] = -1;
  REQUIRE(align_cells(real, predicted, "ctrl", false) == Names{"cells without a label in real: 1"});
  predicted.context = real.context = factor(Names{"x", "x", "x"});
  predicted.context.codes[2] = -1;
  REQUIRE(align_cells(real, predicted, "ctrl", false).size() == 2);
}

TEST_CASE("align_cells: a context without control is an error that names it", "[eval]") {
  auto real = cells_of({"ctrl", "A", "A"}, {"g"}, {1}, {"x", "x", "y"}), predicted = real;
  REQUIRE_THROWS_WITH(align_cells(real, predicted, "ctrl", true),
                      contains("'ctrl'") && contains("in 'y'") && !contains("'x'"));
}
