#include "vcell/eval/gene_blocks.hpp"

#include "support.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/eval/gene_panel.hpp"

using namespace vcell_test;

namespace {

constexpr auto no_check = [](size_t, size_t, size_t) {};

/// Cells 0, 1, 2 of every four, and their labels.
struct Chosen {
  std::vector<size_t> rows;
  std::vector<uint32_t> labels;
};

Chosen three_of_four(size_t cells) {
  Chosen out;
  for (size_t cell = 0; cell < cells; ++cell)
    if (cell % 4 != 3) {
      out.rows.push_back(cell);
      out.labels.push_back(uint32_t(cell % 4 + 10));
    }
  return out;
}

GeneBlocks blocks_of(const CsrMatrix<float>& X, const Chosen& chosen, size_t first, size_t last,
                     size_t step) {
  GeneBlocks out(first, last);
  for (size_t begin = 0; begin < chosen.rows.size(); begin += step)
    out.append(
        X.view(),
        std::span(chosen.rows).subspan(begin).first(std::min(step, chosen.rows.size() - begin)),
        no_check);
  return out;
}

}  // namespace

TEST_CASE("gene_blocks: have what a panel of all cells has, whatever blocks and threads",
          "[eval]") {
  const size_t genes = 23;
  auto X = random_cells(60, genes, 0.6, 0, 5);
  for (size_t i = 0; i < X.values.size(); i += 7) X.values[i] = i % 2 ? 0.0f : -0.0f;
  for (size_t i = 3; i < X.values.size(); i += 7) X.values[i] *= -1;
  const auto chosen = three_of_four(60);
  GenePanel panel;
  for (const int threads : {1, 3}) {
    const Threads scope(threads);
    for (const size_t step : {1, 7, 60})
      for (const auto& part :
           std::vector<std::pair<size_t, size_t>>{{0, genes}, {3, 4}, {4, 22}, {5, 5}}) {
        const size_t first = part.first, last = part.second;
        panel.fill(X.view(), chosen.rows, chosen.labels, first, last);
        auto blocks = blocks_of(X, chosen, first, last, step);
        std::vector<uint64_t> keys = {1, 2, 3};
        const auto check = [&] {
          for (size_t gene = first; gene < blocks.last(); ++gene) {
            const auto expected = panel.gene(gene - first);
            blocks.keys(gene, chosen.labels, keys);
            REQUIRE(keys == std::vector<uint64_t>(expected.begin(), expected.end()));
          }
          for (size_t gene = first; gene < last; ++gene)
            REQUIRE(blocks.stored(gene) == panel.gene(gene - first).size());
        };
        check();
        const size_t before = blocks.bytes(), half = (first + last) / 2;
        blocks.cut(half);
        REQUIRE(blocks.last() == half);
        REQUIRE(blocks.bytes() <= before);
        check();
      }
  }
}

TEST_CASE("gene_blocks: values that come after a cut are counted and not kept", "[eval]") {
  const auto X = random_cells(40, 12, 0.6, 0, 6);
  const auto chosen = three_of_four(40);
  GeneBlocks cut(0, 12);
  cut.append(X.view(), std::span(chosen.rows).first(9), no_check);
  cut.cut(5);
  cut.append(X.view(), std::span(chosen.rows).subspan(9), no_check);
  const auto all = blocks_of(X, chosen, 0, 12, 100);
  std::vector<uint64_t> keys, expected;
  for (size_t gene = 0; gene < 12; ++gene) {
    REQUIRE(cut.stored(gene) == all.stored(gene));
    if (gene >= 5) continue;
    cut.keys(gene, chosen.labels, keys);
    all.keys(gene, chosen.labels, expected);
    REQUIRE(keys == expected);
  }
}

TEST_CASE("gene_blocks: shows every value of its genes to a check, and bounds a block", "[eval]") {
  const auto X = random_cells(20, 40, 0.5, 0, 7);
  const auto rows = three_of_four(20).rows;
  const Threads scope(1);
  size_t seen = 0, expected = 0;
  GeneBlocks blocks(2, 37);
  blocks.append(X.view(), rows, [&](size_t, size_t begin, size_t end) { seen += end - begin; });
  for (const size_t row : rows)
    for (const int32_t gene : X.row_indices(row)) expected += gene >= 2 && gene < 37;
  REQUIRE(seen == expected);
  const std::vector<size_t> many(GeneBlocks::most_cells + 1, 0);
  check_error<ShapeError>([&] { blocks.append(X.view(), many, no_check); },
                          {"GeneBlocks::append", "65537 cells"});
}
