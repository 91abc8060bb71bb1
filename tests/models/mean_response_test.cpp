#include "vcell/models/baselines/mean_response.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/golden.hpp"
#include "support/threads.hpp"
#include "vcell/io/csv.hpp"
#include "vcell/io/h5ad.hpp"
#include "vcell/io/number_text.hpp"
#include "vcell/models/mean_of_means.hpp"
#include "vcell/models/mean_response_cells.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

using Values = std::vector<double>;

Tensor<double, 2> table(const std::vector<Values>& rows) {
  Tensor<double, 2> out({rows.size(), rows[0].size()});
  for (size_t i = 0; i < rows.size(); ++i) std::copy(rows[i].begin(), rows[i].end(), out[i].data);
  return out;
}

/// One context of counts. g1 is a perturbation and a gene.
struct CountsScreen {
  CsrMatrix<float> X;
  Factor labels;
  std::vector<size_t> rows;

  CountsScreen() {
    X.columns = 3;
    std::vector<std::string> text;
    const auto add = [&](const char* label, const std::vector<float>& counts) {
      for (int32_t g = 0; g < 3; ++g)
        if (counts[size_t(g)] != 0) {
          X.indices.push_back(g);
          X.values.push_back(counts[size_t(g)]);
        }
      X.end_row();
      rows.push_back(text.size());
      text.push_back(label);
    };
    add("g1", {2, 0, 5});
    add("ctrl", {1, 4, 0});
    add("B", {4, 2, 1});
    add("B", {0, 6, 1});
    add("ctrl", {3, 4, 0});
    labels = factor(text);
  }
  MeanResponseCells made(uint64_t seed = 0) const {
    const auto own = own_columns(labels.names, {"g0", "g1", "g2"});
    return mean_response_cells(X.view(), labels, labels.code("ctrl"), own, rows, seed);
  }
};

}  // namespace

TEST_CASE("response_scale: the mean over other perturbations, as a multiple of the control",
          "[models]") {
  // Gene 1 is the first perturbation's own.
  const auto means = table({{2, 0, 5}, {4, 6, 1}});
  const auto found = response_scale(means.view(), Values{2, 4, 0}, std::vector<int32_t>{1, -1});
  REQUIRE(found.profile == Values{3, 6, 3});
  REQUIRE(found.scale == Values{1.5, 1.5, 0});  // no control has the last gene
  // Of a gene that every perturbation is of nothing is known.
  const auto alone = table({{2, 0, 5}});
  const auto own = response_scale(alone.view(), Values{2, 4, 1}, std::vector<int32_t>{1});
  REQUIRE(own.profile == Values{2, 4, 5});
  REQUIRE(own.scale == Values{1, 1, 5});
  check_error<ShapeError>(
      [&] {
        response_scale(means.view(), Values{1}, std::vector<int32_t>{1, 1});
      },
      {"response_scale", "genes"});
  check_error<ShapeError>(
      [&] {
        response_scale(means.view(), Values{1, 1, 1}, std::vector<int32_t>{1});
      },
      {"own_columns"});
}

TEST_CASE("mean_of_means: sets count alike, however many cells they have", "[models]") {
  const CountsScreen f;
  REQUIRE(mean_of_means(f.X.view(), {{0}, {2, 3}, {1, 4}}) == Values{2, 8. / 3, 2});
  // More sets than are held at a time, on any number of threads.
  const std::vector<std::vector<size_t>> many(150, {2, 3});
  for (const int n : {1, 3}) {
    const vcell_test::Threads threads(n);
    REQUIRE(mean_of_means(f.X.view(), many) == Values{2, 4, 1});
  }
  REQUIRE(std::isnan(mean_of_means(f.X.view(), {})[0]));
  check_error<ShapeError>([&] { mean_of_means(f.X.view(), {{5}}); }, {"mean_of_means", "row is 5"});
}

TEST_CASE("own_columns: by the names of genes, or by their symbols", "[models]") {
  const std::vector<std::string> perturbations = {"A", "B", "ctrl"}, genes = {"B", "E1", "B"};
  REQUIRE(own_columns(perturbations, genes) == std::vector<int32_t>{-1, 0, -1});
  const GeneSymbols symbols{{{"E1", "A"}}, {}};
  REQUIRE(own_columns(perturbations, genes, &symbols) == std::vector<int32_t>{1, 0, -1});
}

TEST_CASE("mean_response_cells: control cells times the response", "[models]") {
  const CountsScreen f;
  const auto made = f.made();
  REQUIRE(made.control_mean == Values{2, 4, 0});
  REQUIRE(made.response.scale == Values{1, 1, 0});  // (2, 4, 3) over it, gene 1 of B alone
  REQUIRE(made.response.profile == Values{2, 4, 3});
  REQUIRE(made.cells == std::vector<size_t>{2, 3, 0});  // B, then g1
  REQUIRE(made.counts.rows == 3);
  for (size_t i = 0; i < 3; ++i) {
    const size_t from = made.control_cells[i];
    REQUIRE((from == 1 || from == 4));
    REQUIRE(std::ranges::equal(made.counts.row_values(i), f.X.row_values(from)));
  }
  REQUIRE(f.made().control_cells == made.control_cells);
  bool differs = false;
  for (uint64_t seed = 1; seed < 9; ++seed)
    differs |= f.made(seed).control_cells != made.control_cells;
  REQUIRE(differs);
}

TEST_CASE("mean_response_cells: errors", "[models]") {
  CountsScreen f;
  const std::vector<int32_t> own(3, -1);
  check_error<ShapeError>([&] { mean_response_cells(f.X.view(), f.labels, 9, own, f.rows); },
                          {"control is 9"});
  check_error<ConfigError>(
      [&] {
        mean_response_cells(f.X.view(), f.labels, f.labels.code("ctrl"), own,
                            std::vector<size_t>{0, 2});
      },
      {"'ctrl'", "no cell is labelled"});
  check_error<ConfigError>(
      [&] {
        mean_response_cells(f.X.view(), f.labels, f.labels.code("ctrl"), own,
                            std::vector<size_t>{1, 4});
      },
      {"'ctrl'", "no cell is perturbed"});
}

TEST_CASE("mean_response_cells: the baseline of the challenge of 2026", "[models][golden]") {
  const auto folder = vcell_test::golden_folder("challenge");
  if (!folder) VCELL_SKIP("golden folder challenge is absent");
  size_t contexts = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder / "2026")) {
    if (!entry.is_directory()) continue;
    INFO(entry.path().filename());
    ++contexts;
    AnnData adata = read_h5ad(entry.path() / "real.h5ad");
    const Factor labels = factor(adata.obs.column("target_gene"));
    const auto X = to_csr<float>(std::move(*adata.X));
    std::vector<size_t> rows;
    for (size_t i = 0; i < X.rows; ++i) rows.push_back(i);
    const auto own = own_columns(labels.names, adata.var.index);
    const auto made =
        mean_response_cells(X.view(), labels, labels.code("non-targeting"), own, rows);

    const CsvTable profile = read_csv(entry.path() / "baseline_profile.csv");
    REQUIRE(profile.rows.size() == X.columns);
    for (size_t g = 0; g < X.columns; ++g) {
      REQUIRE(profile.rows[g][profile.column("gene")] == adata.var.index[g]);
      const auto number = [&](const char* c) {
        return parse_number(profile.rows[g][profile.column(c)]).value();
      };
      REQUIRE(made.response.profile[g] == Approx(number("profile")).epsilon(1e-9));
      REQUIRE(made.control_mean[g] == Approx(number("control_mean")).epsilon(1e-9));
      REQUIRE(made.response.scale[g] == Approx(number("scale")).epsilon(1e-9));
    }
    const CsvTable cells = read_csv(entry.path() / "baseline_cells.csv");
    REQUIRE(cells.rows.size() == X.rows);
    std::vector<std::string> expected(X.rows), found(X.rows);
    for (size_t i = 0; i < X.rows; ++i) {
      REQUIRE(cells.rows[i][cells.column("cell")] == adata.obs.index[i]);
      expected[i] = cells.rows[i][cells.column("control_cell")];
    }
    for (size_t i = 0; i < made.cells.size(); ++i)
      found[made.cells[i]] = adata.obs.index[made.control_cells[i]];
    REQUIRE(found == expected);
  }
  REQUIRE(contexts > 0);
}
