#include "vcell/preprocess/filter_on_target_knockdown.hpp"

#include "preprocess/small_data.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/preprocess/preprocess_infer.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

/// Controls with means 4 of A, 0 of B, 2 of C; two cells of A, B, C and of what is no gene.
AnnData screen() {
  AnnData a = around(dense(3, {3, 0, 2,  //
                               5, 0, 2,  //
                               0, 1, 1,  //
                               2, 1, 1,  //
                               1, 0, 1,  //
                               1, 0, 1,  //
                               4, 4, 2,  //
                               4, 4, 1,  //
                               0, 0, 0,  //
                               0, 0, 0}));
  a.obs.set("target_gene", std::vector<std::string>{"non-targeting", "non-targeting", "A", "A", "B",
                                                    "B", "C", "C", "X", "X"});
  a.var.set("symbol", std::vector<std::string>{"A", "B", "C"});
  return a;
}

}  // namespace

TEST_CASE("filter_on_target_knockdown: which cells stay and why others go", "[preprocess]") {
  const KnockdownOptions options{.min_cells = 1, .gene_key = "symbol"};
  AnnData a = screen();
  const auto out = filter_on_target_knockdown(a, options);
  // A: mean 1 of 4; its second cell has exactly half, which is not below 0.5.
  CHECK(out.keep == std::vector<uint8_t>{1, 1, 1, 0, 0, 0, 0, 0, 0, 0});
  CHECK(a.obs.index == std::vector<std::string>{"c0", "c1", "c2"});
  CHECK(a.X->rows() == 3);
  CHECK(out.controls == 2);
  REQUIRE(out.perturbations.size() == 4);
  const auto& p = out.perturbations;
  CHECK((p[0].name == "A" && p[0].outcome == Knockdown::kept));
  CHECK((p[0].cells == 2 && p[0].kept == 1 && p[0].residual == 0.25));
  CHECK((p[1].name == "B" && p[1].outcome == Knockdown::no_expression));
  CHECK(std::isnan(p[1].residual));
  CHECK((p[2].name == "C" && p[2].outcome == Knockdown::not_knocked_down));
  CHECK(p[2].residual == 0.75);
  CHECK((p[3].name == "X" && p[3].outcome == Knockdown::no_gene && p[3].kept == 0));

  auto strict = options;
  strict.min_cells = 2;
  AnnData b = screen();
  CHECK(filter_on_target_knockdown(b, strict).perturbations[0].outcome == Knockdown::few_cells);
  CHECK(b.cells() == 2);
  auto exact = options;  // 0.25 is not below 0.25
  exact.residual_expression = 0.25;
  AnnData c = screen();
  CHECK(filter_on_target_knockdown(c, exact).perturbations[0].outcome ==
        Knockdown::not_knocked_down);
}

TEST_CASE("filter_on_target_knockdown: X apart, a layer, sparse rows", "[preprocess]") {
  const KnockdownOptions options{.min_cells = 1, .gene_key = "symbol"};
  AnnData whole = screen(), apart = screen(), layer = screen();
  SelectedRows<Matrix> X(Matrix(to_csr<float>(*apart.X)));
  apart.X.reset();
  const auto expected = filter_on_target_knockdown(whole, options);
  CHECK(filter_on_target_knockdown(apart, X, options).keep == expected.keep);
  CHECK(X.rows() == 3);
  CHECK(apart.obs == whole.obs);
  layer.layers.emplace("counts", *layer.X);
  layer.X = dense(3, std::vector<float>(30, 1));
  auto of_layer = options;
  of_layer.layer = "counts";
  CHECK(filter_on_target_knockdown(layer, of_layer).keep == expected.keep);
}

TEST_CASE("filter_on_target_knockdown: errors", "[preprocess]") {
  AnnData a = screen();
  CHECK_THROWS_WITH(filter_on_target_knockdown(a, {.control = "ctrl"}),
                    contains("'ctrl'") && contains("non-targeting"));
  CHECK_THROWS_WITH(filter_on_target_knockdown(a, {.gene_key = "names"}), contains("symbol"));
  CHECK_THROWS_WITH(filter_on_target_knockdown(a, {.residual_expression = -1}), contains("-1"));
  const auto labels = factor(a.obs.column("target_gene"));
  CHECK_THROWS_WITH(filter_on_target_knockdown(*a.X, {"A", "A", "B"}, labels),
                    contains("two genes") && contains("'A'"));
  check_error<ShapeError>([&] { filter_on_target_knockdown(*a.X, {"A"}, labels); }, {"(1)", "(3)"});
  auto missing = labels;
  missing.codes[3] = -1;
  CHECK_THROWS_WITH(filter_on_target_knockdown(*a.X, {"A", "B", "C"}, missing),
                    contains("without a label"));
}

TEST_CASE("preprocess_infer: expression of controls of the context, labels kept", "[preprocess]") {
  AnnData a = screen();
  a.obs.set("batch", std::vector<std::string>{"x", "y", "x", "y", "x", "y", "x", "y", "x", "y"});
  a.layers.emplace("counts", *a.X);
  a.obsm.emplace("X_pca", dense(1, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const AnnData before = a;
  const auto rows = preprocess_infer(a, {.seed = 1, .context_keys = {"batch"}});
  CHECK(rows == std::vector<size_t>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1});
  CHECK(to_dense<float>(*a.X).values == to_dense<float>(select_rows(*before.X, rows)).values);
  CHECK(a.layers.at("counts") == *a.X);
  CHECK(to_dense<float>(matrix(a.obsm, "X_pca", "obsm")).values ==
        std::vector<float>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1});
  CHECK(a.obs.column("target_gene") == before.obs.column("target_gene"));
  CHECK(a.obs.column("template_cell").text()[5] == "c1");

  // Without contexts both controls are drawn; the seed decides.
  const auto draw = [&](uint64_t seed) {
    return control_template_rows(before.obs, {.seed = seed});
  };
  std::vector<size_t> drawn(2);
  for (uint64_t seed = 0; seed < 50; ++seed)
    for (const size_t row : draw(seed)) ++drawn.at(row);
  CHECK(std::abs(double(drawn[0]) - 250) < 60);  // 3 sd of 400 drawn ones are 30
  CHECK(draw(3) == draw(3));
  CHECK(draw(3) != draw(4));
}

TEST_CASE("preprocess_infer: errors", "[preprocess]") {
  AnnData a = screen();
  CHECK_THROWS_WITH(preprocess_infer(a, {.control = "ctrl"}), contains("'ctrl'"));
  CHECK_THROWS_WITH(preprocess_infer(a, {.context_keys = {"batch"}}), contains("batch"));
  a.obs.set("batch", std::vector<std::string>{"x", "x", "x", "y", "x", "x", "x", "x", "x", "x"});
  CHECK_THROWS_WITH(preprocess_infer(a, {.context_keys = {"batch"}}),
                    contains("no control cells") && contains("'y'"));
}
