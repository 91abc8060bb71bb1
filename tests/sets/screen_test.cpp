#include "vcell/sets/screen.hpp"

#include <limits>

#include "sets/small_screen.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "vcell/sets/cell_groups.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

AnnData labelled_cells() {
  AnnData adata;
  adata.obs = DataFrame({"c0", "c1", "c2", "c3"});
  adata.obs.set("gene", std::vector<std::string>{"B", "ctrl", "A", "ctrl"});
  adata.obs.set("line", std::vector<std::string>{"y", "x", "y", "y"});
  adata.obs.set("day", std::vector<int64_t>{2, 10, 2, 2});
  adata.obs.set("plate", std::vector<std::string>{"p2", "p1", "p1", "p2"});
  adata.var = DataFrame({"g0", "g1", "g2"});
  adata.X = DenseMatrix<double>{4, 3, {0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3}};
  return adata;
}

ScreenOptions label_keys() {
  ScreenOptions o;
  o.perturbation_key = "gene";
  o.control = "ctrl";
  o.context_keys = {"line", "day"};
  o.batch_key = "plate";
  return o;
}

}  // namespace

TEST_CASE("screen: labels are codes of sorted names", "[sets]") {
  const Screen screen = make_screen(labelled_cells(), label_keys());
  CHECK(screen.perturbation.names == std::vector<std::string>{"A", "B", "ctrl"});
  CHECK(screen.perturbation.codes == std::vector<int32_t>{1, 2, 0, 2});
  CHECK(screen.control == 2);
  CHECK(screen.is_control(1));
  CHECK_FALSE(screen.is_control(0));
  CHECK(screen.context.names == std::vector<std::string>{"x|10", "y|2"});
  CHECK(screen.context.codes == std::vector<int32_t>{1, 0, 1, 1});
  CHECK(screen.batch.codes == std::vector<int32_t>{1, 0, 0, 1});
  CHECK(screen.genes == std::vector<std::string>{"g0", "g1", "g2"});
  CHECK(screen.expression.values == std::vector<float>{1, 2, 3});
  CHECK(screen.expression.indptr == std::vector<int64_t>{0, 1, 2, 2, 3});
}

TEST_CASE("screen: without context and batch", "[sets]") {
  ScreenOptions o = label_keys();
  o.context_keys.clear();
  o.context_name = "K562";
  o.batch_key.reset();
  const Screen screen = make_screen(labelled_cells(), o);
  CHECK(screen.context.names == std::vector<std::string>{"K562"});
  CHECK(screen.context.codes == std::vector<int32_t>{0, 0, 0, 0});
  CHECK_FALSE(screen.has_batches());
}

TEST_CASE("screen: errors name what is wrong", "[sets]") {
  const auto refuses = [](const AnnData& adata, const ScreenOptions& o,
                          const std::vector<std::string>& texts) {
    check_error<ConfigError>([&] { make_screen(adata, o); }, texts);
  };
  ScreenOptions o = label_keys();
  o.perturbation_key = "target";
  refuses(labelled_cells(), o, {"'target'", "'gene', 'line', 'day', 'plate'"});
  o = label_keys();
  o.batch_key = "lane";
  refuses(labelled_cells(), o, {"'lane'", "'plate'"});
  o = label_keys();
  o.control = "Ctrl";
  refuses(labelled_cells(), o, {"'Ctrl'", "did you mean 'ctrl'", "'A', 'B', 'ctrl'"});
  AnnData adata = labelled_cells();
  adata.obs.set("gene", Categorical{{1, 0, -1, 0}, std::vector<std::string>{"ctrl", "A"}});
  refuses(adata, label_keys(), {"1 of 4 cells", "'gene'"});
  adata = labelled_cells();
  adata.obs.set("line", Column{std::vector<std::string>{"x", "x", "y", "y"}, {1, 0, 1, 0}});
  refuses(adata, label_keys(), {"2 of 4 cells", "'line', 'day'"});
  adata = labelled_cells();
  adata.X.reset();
  refuses(adata, label_keys(), {"no X"});
  adata = labelled_cells();
  adata.X->values().values<double>()[4] = std::numeric_limits<double>::quiet_NaN();
  refuses(adata, label_keys(), {"nan", "'c1'", "'g1'"});
}

TEST_CASE("screen: labels alone, and the expression taken out of the cells", "[sets]") {
  AnnData adata = labelled_cells();
  const Screen whole = make_screen(adata, label_keys());
  Screen screen = make_labels(adata, label_keys());
  CHECK(screen.perturbation == whole.perturbation);
  CHECK(screen.context == whole.context);
  CHECK(screen.genes == whole.genes);
  CHECK(screen.cells() == whole.cells());
  CHECK(screen.expression.values.empty());
  CHECK_NOTHROW(check_screen(screen));
  take_expression(screen, adata);
  CHECK(screen.expression == whole.expression);
  CHECK_FALSE(adata.X);
  check_error<ConfigError>([&] { take_expression(screen, adata); }, {"no X"});
  adata.X = DenseMatrix<float>{1, 3, {0, 0, 0}};
  check_error<ShapeError>([&] { take_expression(screen, adata); }, {"(1)", "(4)"});
}

TEST_CASE("screen: a screen made by hand is checked", "[sets]") {
  Screen screen = vcell_test::small_screen({{"x", "ctrl", 2}, {"x", "A", 1}});
  CHECK_NOTHROW(check_screen(screen));
  screen.context.codes[1] = 7;
  CHECK_THROWS_AS(check_screen(screen), ConfigError);
  screen.context.codes = {0};
  CHECK_THROWS_AS(check_screen(screen), ShapeError);
  screen = vcell_test::small_screen({{"x", "A", 1}});
  CHECK_THROWS_AS(check_screen(screen), ConfigError);  // no control
}

TEST_CASE("screen: genes are selected by name", "[sets]") {
  const Screen screen = make_screen(labelled_cells(), label_keys());
  const Screen part = select_genes(screen, {"g2", "g0"});
  CHECK(part.genes == std::vector<std::string>{"g2", "g0"});
  CHECK(part.expression.columns == 2);
  CHECK(part.expression.values == std::vector<float>{2, 3});
  CHECK(part.expression.indices == std::vector<int32_t>{1, 0});
  CHECK(part.context == screen.context);
  CHECK(part.control == screen.control);
  CHECK(select_genes(screen, {}).expression.columns == 0);

  check_error<ConfigError>(
      [&] {
        select_genes(screen, {"g0", "G9", "zzz"});
      },
      {"2 of 3 genes: 'G9', 'zzz'", "did you mean"});
  check_error<ConfigError>([&] { select_genes(screen, {"g1", "g1"}); }, {"twice: 'g1'"});
  Screen twice = screen;
  twice.genes[1] = "g0";
  check_error<ConfigError>([&] { select_genes(twice, {"g0"}); }, {"several columns", "'g0'"});
  CHECK_NOTHROW(select_genes(twice, {"g2"}));
}

TEST_CASE("near_names: nearest first, none that is far", "[sets]") {
  const std::vector<std::string> names{"STAT1", "STAT2", "STAT5A", "IFNGR1", "JAK2"};
  CHECK(near_names("stat1", names) == std::vector<std::string>{"STAT1", "STAT2"});
  CHECK(near_names("IFNGR", names) == std::vector<std::string>{"IFNGR1"});
  CHECK(near_names("MYC", names).empty());
  CHECK(near_names("", names).empty());
  CHECK(near_names("STAT", names, 1) == std::vector<std::string>{"STAT1"});
  CHECK(names_there({"MYC"}, {}) == "there are none");
}

TEST_CASE("cell_groups: by context, perturbation, batch and stratum", "[sets]") {
  const Screen screen = vcell_test::small_screen(
      {{"y", "A", 2, "b2"}, {"x", "ctrl", 1, "b1"}, {"y", "A", 1, "b1"}, {"x", "A", 1, "b1"}});
  const auto all = [](size_t) { return true; };
  const auto groups = cell_groups(screen, all);
  REQUIRE(groups.size() == 3);
  CHECK(groups[0].cells == std::vector<size_t>{4});  // x, A
  CHECK(groups[1].cells == std::vector<size_t>{2});  // x, ctrl
  CHECK(groups[2].cells == std::vector<size_t>{0, 1, 3});
  CHECK(groups[2].batch == -1);
  const auto by_batch = cell_groups(screen, all, true);
  REQUIRE(by_batch.size() == 4);
  CHECK(by_batch[2].cells == std::vector<size_t>{3});
  CHECK(by_batch[3].cells == std::vector<size_t>{0, 1});
  CHECK(by_batch[3].stratum == -1);
  // The stratum is last in the order: cells 0 and 1 of batch b2 come after cell 3 of b1.
  const std::vector<int32_t> strata{9, 4, 6, -7, 6};
  const auto of_both = cell_groups(screen, all, true, strata);
  REQUIRE(of_both.size() == 5);
  CHECK(of_both[2].stratum == -7);
  CHECK(of_both[3].stratum == 4);
  CHECK(of_both[3].cells == std::vector<size_t>{1});
  CHECK(of_both[4].stratum == 9);
  CHECK(of_both[4].batch == screen.batch.code("b2"));
  const auto by_stratum = cell_groups(screen, all, false, strata);
  REQUIRE(by_stratum.size() == 5);
  CHECK(by_stratum[2].batch == -1);
  CHECK(by_stratum[3].cells == std::vector<size_t>{1});
  check_error<ShapeError>([&] { cell_groups(screen, all, false, std::span(strata).first(4)); },
                          {"cell_groups", "strata", "4", "5"});
  CHECK(cell_groups(screen, [](size_t) { return false; }).empty());
  const Screen without = vcell_test::small_screen({{"x", "ctrl", 1}});
  CHECK_THROWS_AS(cell_groups(without, all, true), ConfigError);
}
