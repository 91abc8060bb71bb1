#include "vcell/pipeline/virtual_cells.hpp"

#include <map>
#include <set>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

const ScreenOptions labels = [] {
  ScreenOptions out;
  out.perturbation_key = "gene";
  out.control = "ctrl";
  out.context_keys = {"line"};
  return out;
}();
const std::vector<std::string> known = {"A", "B", "C", "ctrl"};

/// Two contexts, each with 4 controls, 3 cells of A and 5 of B; X tells the cells apart.
AnnData cells() {
  AnnData out;
  std::vector<std::string> index, gene, line;
  DenseMatrix<float> X{24, 1, {}};
  for (const char* context : {"k562", "rpe1"})
    for (const auto& [name, n] : {std::pair("ctrl", 4), {"A", 3}, {"B", 5}})
      for (int i = 0; i < n; ++i) {
        index.push_back(message("cell", index.size()));
        gene.push_back(name);
        line.push_back(context);
        X.values.push_back(float(X.values.size()));
      }
  out.X = Matrix(std::move(X));
  out.obs = DataFrame(index);
  out.obs.set("gene", gene);
  out.obs.set("line", line);
  out.var = DataFrame(std::vector<std::string>{"G"});
  return out;
}

std::map<std::string, size_t> counted(const AnnData& data) {
  std::map<std::string, size_t> out;
  for (const auto& name : data.obs.column("gene").text()) ++out[name];
  return out;
}

using Counts = std::map<std::string, size_t>;

}  // namespace

TEST_CASE("virtual_cells: contexts are chosen, and the cells stay in their order", "[pipeline]") {
  const AnnData data = cells(), made = virtual_cells(data, labels, known, {.contexts = {"rpe1"}});
  CHECK(made.cells() == 12);
  CHECK(made.obs.index.front() == "cell12");
  CHECK(made.obs.column("gene").text()[4] == "A");
  CHECK(made.X->values().as<float>()[0] == 12);
  check_error<ConfigError>([&] { virtual_cells(data, labels, known, {.contexts = {"rpe2"}}); },
                           {"'rpe2'", "rpe1"});
}

TEST_CASE("virtual_cells: copies of controls are added under the names of perturbations",
          "[pipeline]") {
  const AnnData data = cells();
  const auto all = virtual_cells(data, labels, known, {.all_perturbations = true});
  CHECK(counted(all) == Counts{{"A", 6}, {"B", 10}, {"C", 8}, {"ctrl", 8}});
  CHECK(all.obs.index[24] == "cell0__virt_C");
  CHECK(all.obs.index[31] == "cell15__virt_C");
  CHECK(all.X->values().as<float>()[31] == 15);  // the control's values
  CHECK(all.obs.column("line").text()[31] == "rpe1");
  const auto some =
      virtual_cells(data, labels, known, {.all_perturbations = true, .per_perturbation = 3});
  CHECK(counted(some)["C"] == 3);

  const auto added =
      virtual_cells(data, labels, known, {.contexts = {"k562"}, .added = {{"A", 2}, {"Z", 30}}});
  CHECK(counted(added) == Counts{{"A", 5}, {"B", 5}, {"Z", 30}, {"ctrl", 4}});
  CHECK(added.obs.index[12].ends_with("__virt_A__pad1"));
  for (const auto& line : added.obs.column("line").text()) CHECK(line == "k562");
  const auto least = virtual_cells(data, labels, known, {.added = {{"A", 1}}, .least = 9});
  CHECK(counted(least) == Counts{{"A", 9}, {"B", 10}, {"ctrl", 9}});
  std::set<std::string> names(least.obs.index.begin(), least.obs.index.end());
  CHECK(names.size() == least.cells());
}

TEST_CASE("virtual_cells: at most so many of each are kept, by the seed", "[pipeline]") {
  const AnnData data = cells();
  const VirtualCellsOptions options{.most = 4};
  const auto made = virtual_cells(data, labels, known, options);
  CHECK(counted(made) == Counts{{"A", 4}, {"B", 4}, {"ctrl", 4}});
  const auto values = made.X->values().as<float>();
  CHECK(std::is_sorted(values.begin(), values.end()));
  CHECK(virtual_cells(data, labels, known, options) == made);
  CHECK_FALSE(virtual_cells(data, labels, known, {.most = 4, .seed = 7}) == made);
  check_error<ConfigError>([&] { virtual_cells(data, labels, known, {.least = 5, .most = 4}); },
                           {"4", "5"});
}

TEST_CASE("virtual_cells: without a control there is nothing to copy", "[pipeline]") {
  AnnData data = cells();
  data.obs.set("gene", std::vector<std::string>(24, "A"));
  CHECK(virtual_cells(data, labels, known, {.contexts = {"k562"}}).cells() == 12);
  check_error<ConfigError>([&] { virtual_cells(data, labels, known, {.least = 30}); }, {"'ctrl'"});
}

TEST_CASE("read_added_cells: a table separated by tabs", "[pipeline]") {
  const vcell_test::TemporaryFolder folder;
  const auto path = folder.path() / "cells.tsv";
  write_text(path, "num_cells\tperturbation\r\n3\tA\n\n4\tB\n2\tA\n");
  CHECK(read_added_cells(path) == Counts{{"A", 5}, {"B", 4}});
  const auto fails = [&](const char* text, const char* what) {
    write_text(path, text);
    check_error<FormatError>([&] { read_added_cells(path); }, {"cells.tsv", what});
  };
  fails("", "is empty");
  fails("perturbation,num_cells\nA,3\n", "'perturbation'");
  fails("perturbation\tnum_cells\nA\t-1\n", "'-1'");
  fails("perturbation\tnum_cells\nA\n", "line 2");
}
