#include <algorithm>
#include <map>

#include "golden_support.hpp"
#include "support/golden.hpp"
#include "vcell/eval/metrics/clustering_agreement.hpp"

using namespace vcell_test;

namespace {

/// The folder `clustering`: two sides and what the peer found.
struct ClusteringGolden {
  std::filesystem::path folder;
  CsvTable labels;

  explicit ClusteringGolden(const std::filesystem::path& path)
      : folder(path), labels(read_csv(path / "labels.csv")) {}

  std::vector<int32_t> column(const std::string& name) const {
    std::vector<int32_t> out;
    for (const auto& row : labels.rows)
      out.push_back(int32_t(parse_number(row[labels.column(name)]).value()));
    return out;
  }
  EvaluationSide side(const std::string& name) const {
    AnnData adata = read_h5ad(folder / (name + ".h5ad"));
    auto sides = evaluation_sides({to_csr<float>(std::move(*adata.X)),
                                   adata.var.index,
                                   factor(adata.obs.column("target_gene")),
                                   {}});
    REQUIRE(sides.size() == 1);
    for (size_t p = 0; p < labels.rows.size(); ++p)
      REQUIRE(sides[0].perturbations().at(p) == labels.rows[p][labels.column("perturbation")]);
    return std::move(sides[0]);
  }
};

/// The mean cell of each perturbation, in double as the peer has it.
Tensor<double, 2> centroids_of(const EvaluationSide& side) {
  return mean_cells(side.cells->view(), side.rows);
}

}  // namespace

TEST_CASE("clustering_graph: cell-eval's graph of perturbations", "[eval][golden]") {
  const auto root = golden_folder("evaluation");
  if (!root) VCELL_SKIP("golden folder evaluation is absent");
  const ClusteringGolden golden(*root / "clustering");
  const CsvTable expected = read_csv(golden.folder / "graph.csv");
  size_t compared = 0;
  for (const std::string name : {"real", "pred"}) {
    const auto side = golden.side(name);
    const size_t n = side.perturbations().size();
    const auto centroids = centroids_of(side);
    const auto neighbours = nearest_neighbours(centroids.view(), std::min<size_t>(15, n - 1) - 1);
    std::map<std::pair<size_t, size_t>, double> distances;
    for (size_t i = 0; i < n; ++i)
      for (size_t k = 0; k < neighbours.index.shape(1); ++k)
        distances[{i, size_t(neighbours.index(i, k))}] = neighbours.distance(i, k);
    const auto graph = clustering_graph(centroids.view());
    size_t edges = 0;
    for (const auto& row : expected.rows) {
      if (row[expected.column("side")] != name) continue;
      const auto number = [&](const char* c) {
        return parse_number(row[expected.column(c)]).value();
      };
      const auto i = size_t(number("i")), j = size_t(number("j"));
      INFO(name << ", " << i << " to " << j);
      const auto others = graph.row_indices(i);
      const auto found = std::lower_bound(others.begin(), others.end(), int32_t(j));
      REQUIRE(found != others.end());
      REQUIRE(*found == int32_t(j));
      REQUIRE(std::abs(graph.row_values(i)[size_t(found - others.begin())] -
                       number("connectivity")) <= 1e-4);
      const auto distance = distances.find({i, j});
      REQUIRE((distance == distances.end() ? 0 : distance->second) ==
              Approx(number("distance")).epsilon(1e-4));
      ++edges;
    }
    // The peer's weights are float32: what is 0 there is no edge.
    const auto there = std::count_if(graph.values.begin(), graph.values.end(),
                                     [](double w) { return float(w) > 0; });
    REQUIRE(edges == size_t(there));
    compared += edges;
  }
  REQUIRE(compared == expected.rows.size());
}

TEST_CASE("adjusted_mutual_information: scikit-learn's of cell-eval's clusters", "[eval][golden]") {
  const auto root = golden_folder("evaluation");
  if (!root) VCELL_SKIP("golden folder evaluation is absent");
  const ClusteringGolden golden(*root / "clustering");
  const CsvTable expected = read_csv(golden.folder / "ami.csv");
  REQUIRE(expected.rows.size() == clustering_resolutions.size());
  const auto real = golden.column("real_1.0");
  for (const auto& row : expected.rows) {
    INFO("resolution " << row[0]);
    const double found = adjusted_mutual_information(real, golden.column("pred_" + row[0]));
    const double ami = parse_number(row[expected.column("ami")]).value();
    REQUIRE(std::abs(found - ami) <= 1e-9);
  }
}

TEST_CASE("leiden: its modularity is never below that of cell-eval's clusters", "[eval][golden]") {
  const auto root = golden_folder("evaluation");
  if (!root) VCELL_SKIP("golden folder evaluation is absent");
  const ClusteringGolden golden(*root / "clustering");
  const auto require_quality = [&](const CsrMatrix<double>& graph, double resolution,
                                   const std::string& column) {
    INFO(column);
    const double expected = modularity(graph, golden.column(column), resolution);
    REQUIRE(modularity(graph, leiden(graph, {.resolution = resolution}), resolution) >=
            expected - 1e-9);
  };
  const auto real = centroids_of(golden.side("real")), pred = centroids_of(golden.side("pred"));
  require_quality(clustering_graph(real.view()), 1, "real_1.0");
  const auto predicted = clustering_graph(pred.view());
  for (const std::string& column : golden.labels.header)
    if (column.starts_with("pred_"))
      require_quality(predicted, parse_number(column.substr(5)).value(), column);
}

TEST_CASE("clustering_agreement: cell-eval's score", "[eval][golden]") {
  const auto root = golden_folder("evaluation");
  if (!root) VCELL_SKIP("golden folder evaluation is absent");
  const ClusteringGolden golden(*root / "clustering");
  const auto real = golden.side("real"), predicted = golden.side("pred");
  // Neither what is drawn nor the order of perturbations matters.
  Rng rng(1);
  const size_t n = real.perturbations().size();
  const auto order = permutation(n, rng);
  const auto ordered = [&](const EvaluationSide& side) {
    return detail::rows_of(centroids_of(side), order);
  };
  const Score score = clustering_agreement(ordered(real).view(), ordered(predicted).view(), 7);
  const auto scores =
      score_columns(std::vector<Metric>{metrics::clustering_agreement()}, real, predicted).at(0);
  const CsvTable expected = read_csv(golden.folder / "results.csv");
  REQUIRE(scores.values.size() == expected.rows.size());
  for (size_t p = 0; p < expected.rows.size(); ++p) {
    const auto& row = expected.rows[p];
    REQUIRE(row[expected.column("perturbation")] == real.perturbations()[p]);
    REQUIRE(scores.values[p].has_value());
    REQUIRE(std::abs(*scores.values[p] -
                     parse_number(row[expected.column("clustering_agreement")]).value()) <= 1e-12);
    REQUIRE(std::abs(*scores.values[p] - score.value()) <= 1e-12);
  }
}
