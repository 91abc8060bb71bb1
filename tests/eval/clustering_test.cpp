#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/threads.hpp"
#include "vcell/eval/clustering/clustering_agreement.hpp"

using namespace vcell;
using vcell_test::check_error;

namespace {

using NodeLabels = std::vector<int32_t>;

Tensor<double, 2> random_points(size_t n, size_t dimensions, uint64_t seed) {
  Rng rng(seed);
  Tensor<double, 2> out({n, dimensions});
  for (double& x : out.values()) x = rng.normal();
  return out;
}

/// Points about `groups` centres, by turns.
Tensor<double, 2> planted_points(size_t n, size_t groups, double noise, uint64_t seed) {
  const auto centres = random_points(groups, 20, seed);
  auto out = random_points(n, 20, seed + 1);
  for (size_t i = 0; i < n; ++i)
    for (size_t g = 0; g < 20; ++g) out(i, g) = noise * out(i, g) + 3 * centres(i % groups, g);
  return out;
}

NodeLabels by_turns(size_t n, size_t groups) {
  NodeLabels out;
  for (size_t i = 0; i < n; ++i) out.push_back(int32_t(i % groups));
  return out;
}

/// A graph of these edges, both ways.
CsrMatrix<double> graph_of(size_t n, const std::vector<std::pair<size_t, size_t>>& edges,
                           double weight = 1) {
  std::vector<std::set<size_t>> rows(n);
  for (const auto& [a, b] : edges) rows[a].insert(b), rows[b].insert(a);
  CsrMatrix<double> out;
  out.columns = n;
  for (const auto& row : rows) {
    for (const size_t other : row) {
      out.indices.push_back(int32_t(other));
      out.values.push_back(weight);
    }
    out.end_row();
  }
  return out;
}

/// The friendships of Zachary's karate club (1977), whose best modularity is known.
CsrMatrix<double> karate_club() {
  const std::vector<std::vector<size_t>> later = {
      {1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31},
      {2, 3, 7, 13, 17, 19, 21, 30},
      {3, 7, 8, 9, 13, 27, 28, 32},
      {7, 12, 13},
      {6, 10},
      {6, 10, 16},
      {16},
      {},
      {30, 32, 33},
      {33},
      {},
      {},
      {},
      {33},
      {32, 33},
      {32, 33},
      {},
      {},
      {32, 33},
      {33},
      {32, 33},
      {},
      {32, 33},
      {25, 27, 29, 32, 33},
      {25, 27, 31},
      {31},
      {29, 33},
      {33},
      {31, 33},
      {32, 33},
      {32, 33},
      {32, 33},
      {33},
      {}};
  std::vector<std::pair<size_t, size_t>> edges;
  for (size_t a = 0; a < later.size(); ++a)
    for (const size_t b : later[a]) edges.emplace_back(a, b);
  REQUIRE(edges.size() == 78);
  return graph_of(later.size(), edges);
}

double modularity_by_pairs(const CsrMatrix<double>& graph, const NodeLabels& labels, double gamma) {
  const size_t n = graph.rows;
  std::vector<double> strength(n, 0.0);
  double total = 0, out = 0;
  for (size_t v = 0; v < n; ++v)
    for (const double w : graph.row_values(v)) strength[v] += w, total += w;
  for (size_t v = 0; v < n; ++v) {
    std::vector<double> weight(n, 0.0);
    for (size_t e = 0; e < graph.row_size(v); ++e)
      weight[size_t(graph.row_indices(v)[e])] = graph.row_values(v)[e];
    for (size_t u = 0; u < n; ++u)
      if (labels[u] == labels[v]) out += weight[u] - gamma * strength[u] * strength[v] / total;
  }
  return out / total;
}

/// Whether every community hangs together.
bool are_connected(const CsrMatrix<double>& graph, const NodeLabels& labels) {
  std::vector<uint8_t> seen(graph.rows, 0);
  std::set<int32_t> done;
  for (size_t v = 0; v < graph.rows; ++v) {
    if (seen[v]) continue;
    if (!done.insert(labels[v]).second) return false;
    std::vector<size_t> open{v};
    seen[v] = 1;
    while (!open.empty()) {
      const size_t u = open.back();
      open.pop_back();
      for (const int32_t other : graph.row_indices(u))
        if (labels[size_t(other)] == labels[u] && !seen[size_t(other)]) {
          seen[size_t(other)] = 1;
          open.push_back(size_t(other));
        }
    }
  }
  return true;
}

/// I of two partitions, from pairs of labels.
double mutual_information(const NodeLabels& a, const NodeLabels& b) {
  const double n = double(a.size());
  double out = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double both = 0, in_a = 0, in_b = 0;
    for (size_t j = 0; j < a.size(); ++j) {
      both += a[j] == a[i] && b[j] == b[i];
      in_a += a[j] == a[i];
      in_b += b[j] == b[i];
    }
    out += std::log(n * both / (in_a * in_b)) / n;
  }
  return out;
}

}  // namespace

TEST_CASE("nearest_neighbours: as all distances say", "[eval]") {
  const auto points = random_points(90, 700, 1);  // more than a block of rows and of columns
  const auto found = nearest_neighbours(points.view(), 7);
  REQUIRE(found.index.shape() == Shape<2>{90, 7});
  for (size_t i = 0; i < 90; ++i) {
    std::vector<std::pair<double, int32_t>> all;
    for (size_t j = 0; j < 90; ++j) {
      double square = 0;
      for (size_t g = 0; g < 700; ++g)
        square += (points(i, g) - points(j, g)) * (points(i, g) - points(j, g));
      if (j != i) all.emplace_back(std::sqrt(square), int32_t(j));
    }
    std::sort(all.begin(), all.end());
    for (size_t k = 0; k < 7; ++k) {
      REQUIRE(found.index(i, k) == all[k].second);
      REQUIRE(found.distance(i, k) == Approx(all[k].first).epsilon(1e-12));
    }
  }
  for (const int n_threads : {1, 3}) {
    const vcell_test::Threads threads(n_threads);
    const auto again = nearest_neighbours(points.view(), 7);
    REQUIRE(std::ranges::equal(again.distance.values(), found.distance.values()));
    REQUIRE(std::ranges::equal(again.index.values(), found.index.values()));
  }
}

TEST_CASE("nearest_neighbours: equal points are at 0, ties are by index", "[eval]") {
  Tensor<double, 2> points({5, 1});
  const double at[] = {2, 1, 2, 3, 2};
  std::copy(std::begin(at), std::end(at), points.data());
  const auto found = nearest_neighbours(points.view(), 4);
  const std::vector<int32_t> of_first(found.index[0].begin(), found.index[0].end());
  REQUIRE(of_first == std::vector<int32_t>{2, 4, 1, 3});
  REQUIRE(found.distance(0, 0) == 0);
  REQUIRE(found.distance(0, 2) == 1);
  const std::vector<int32_t> of_last(found.index[4].begin(), found.index[4].end());
  REQUIRE(of_last == std::vector<int32_t>{0, 2, 1, 3});
  REQUIRE(nearest_neighbours(points.view(), 0).index.count() == 0);
}

TEST_CASE("nearest_neighbours: exact where products are not", "[eval]") {
  // Far from 0, in pairs that are next to each other, and beyond what a float holds.
  const size_t n = 70, k = 3;
  for (const double unit : {1.0, 1e25}) {
    auto points = random_points(n, 1100, 9);
    for (size_t i = 0; i < n; ++i)
      for (size_t g = 0; g < 1100; ++g) {
        if (i % 7) points(i, g) = points(i - 1, g) + 1e-5 * points(i, g);
        if (i % 7 == 6) points(i, g) = points(i - 1, g);
      }
    for (double& x : points.values()) x = unit * (x + 300);
    const auto found = nearest_neighbours(points.view(), k);
    std::vector<int32_t> all;
    for (size_t i = 0; i < n; ++i) all.push_back(int32_t(i));
    for (size_t i = 0; i < n; ++i) {
      const auto square = detail::distance_sums<L2Distance>(
          std::as_const(points)[i], std::as_const(points).view(), 1100, all);
      auto order = all;
      order.erase(order.begin() + std::ptrdiff_t(i));
      std::stable_sort(order.begin(), order.end(),
                       [&](int32_t a, int32_t b) { return square[size_t(a)] < square[size_t(b)]; });
      for (size_t j = 0; j < k; ++j) {
        REQUIRE(found.index(i, j) == order[j]);
        REQUIRE(found.distance(i, j) == std::sqrt(square[size_t(order[j])]));
      }
    }
  }
}

TEST_CASE("nearest_neighbours: errors", "[eval]") {
  auto points = random_points(4, 3, 2);
  check_error<ShapeError>([&] { nearest_neighbours(points.view(), 4); },
                          {"nearest_neighbours", "k is 4", "< 4"});
  check_error<ShapeError>([] { nearest_neighbours(Tensor<double, 2>({0, 3}).view(), 0); }, {"k"});
  check_error<Stopped>(
      [&] { nearest_neighbours(points.view(), 2, [](const ProgressUpdate&) { return false; }); },
      {"neighbours"});
  points(2, 1) = std::numeric_limits<double>::quiet_NaN();
  check_error<ConfigError>([&] { nearest_neighbours(points.view(), 2); }, {"nan"});
}

TEST_CASE("fuzzy_connectivities: each point belongs to log2 k others before both are united",
          "[eval]") {
  const size_t n = 40, others = 9;
  const auto points = random_points(n, 5, 3);
  const auto neighbours = nearest_neighbours(points.view(), others);
  Tensor<double, 2> member({n, n});
  for (size_t i = 0; i < n; ++i) {
    const std::span<const double> d(neighbours.distance[i].data, others);
    const auto [rho, sigma] = detail::local_scale(d, 0);
    REQUIRE(rho == d[0]);
    double sum = 0;
    for (size_t k = 0; k < others; ++k) {
      const double m = std::exp(-(d[k] - rho) / sigma);
      member(i, size_t(neighbours.index(i, k))) = m;
      sum += m;
    }
    REQUIRE(std::abs(sum - std::log2(10.)) < 1e-5);
  }
  const auto graph = fuzzy_connectivities(neighbours);
  REQUIRE(graph.rows == n);
  Tensor<double, 2> dense({n, n});
  for (size_t i = 0; i < n; ++i)
    for (size_t e = 0; e < graph.row_size(i); ++e)
      dense(i, size_t(graph.row_indices(i)[e])) = graph.row_values(i)[e];
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) {
      const double a = member(i, j), b = member(j, i);
      REQUIRE(dense(i, j) == dense(j, i));
      REQUIRE(dense(i, j) == Approx(a + b - a * b).margin(1e-12));
    }
}

TEST_CASE("fuzzy_connectivities: points that are the same are fully connected", "[eval]") {
  const Tensor<double, 2> same({6, 3});
  const auto graph = fuzzy_connectivities(nearest_neighbours(same.view(), 4));
  REQUIRE(graph.values.size() > 6 * 3);
  for (const double w : graph.values) REQUIRE(w == 1);
  // Two of them in one place: what is nearest is the nearest that is elsewhere.
  Tensor<double, 2> points({4, 1});
  points(2, 0) = 1;
  points(3, 0) = 3;
  const auto neighbours = nearest_neighbours(points.view(), 2);
  const std::span<const double> of_first(neighbours.distance[0].data, 2);
  REQUIRE(detail::local_scale(of_first, 0).rho == 1);
  REQUIRE(fuzzy_connectivities(neighbours).row_values(0)[0] == 1);
  const auto none = fuzzy_connectivities(nearest_neighbours(points.view(), 0));
  REQUIRE(none.rows == 4);
  REQUIRE(none.values.empty());
}

TEST_CASE("modularity: is the sum over pairs", "[eval]") {
  const auto club = karate_club();
  const auto labels = by_turns(club.rows, 3);
  for (const double gamma : {0.0, 0.7, 1.0, 2.5})
    REQUIRE(modularity(club, labels, gamma) ==
            Approx(modularity_by_pairs(club, labels, gamma)).epsilon(1e-12));
  REQUIRE(modularity(club, NodeLabels(club.rows, 0)) == Approx(0).margin(1e-15));
  REQUIRE(modularity(graph_of(3, {}), NodeLabels{0, 1, 0}) == 0);
  check_error<ShapeError>([&] { modularity(club, NodeLabels{0}); }, {"modularity", "34"});
  check_error<ShapeError>([&] { modularity(club, NodeLabels(34, 34)); }, {"community"});
}

TEST_CASE("leiden: reaches the best modularity that is known of the karate club", "[eval]") {
  const auto club = karate_club();
  double best = 0;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const auto labels = leiden(club, {.seed = seed, .starts = 1});
    REQUIRE(are_connected(club, labels));
    REQUIRE(modularity(club, labels) > 0.41);
    best = std::max(best, modularity(club, labels));
    const auto more = leiden(club, {.seed = seed, .starts = 5});  // the first of which is that one
    REQUIRE(modularity(club, more) >= modularity(club, labels));
  }
  REQUIRE(modularity(club, leiden(club)) == best);
  REQUIRE(best == Approx(0.4197896).epsilon(1e-6));  // Brandes et al. 2008, by exact search
  // Weights in other units change nothing but how freely refinement draws.
  auto heavy = club;
  for (double& w : heavy.values) w *= 1024;
  REQUIRE(leiden(heavy, {.randomness = 0.01 * 1024}) == leiden(club));
}

TEST_CASE("leiden: finds planted groups, whatever the seed and the order of nodes", "[eval]") {
  for (const size_t groups : {2, 5, 9}) {
    const size_t n = groups * 24;
    const auto points = planted_points(n, groups, 1, groups);
    const auto graph = clustering_graph(points.view());
    const auto planted = by_turns(n, groups);
    for (uint64_t seed = 0; seed < 4; ++seed)
      REQUIRE(adjusted_mutual_information(leiden(graph, {.resolution = 0.3, .seed = seed}),
                                          planted) == 1);
    Rng rng(groups);
    const auto order = permutation(n, rng);
    Tensor<double, 2> shuffled({n, 20});
    NodeLabels expected;
    for (size_t i = 0; i < n; ++i) {
      std::ranges::copy(points[order[i]], shuffled[i].begin());
      expected.push_back(planted[order[i]]);
    }
    const auto found = leiden(clustering_graph(shuffled.view()), {.resolution = 0.3});
    REQUIRE(adjusted_mutual_information(found, expected) == 1);
  }
}

TEST_CASE("leiden: no single node would rather be elsewhere", "[eval]") {
  const auto graph = clustering_graph(random_points(120, 4, 9).view());
  size_t communities = 0;
  for (const double resolution : clustering_resolutions) {
    const auto labels = leiden(graph, {.resolution = resolution});
    REQUIRE(leiden(graph, {.resolution = resolution}) == labels);
    REQUIRE(are_connected(graph, labels));
    const auto largest = *std::max_element(labels.begin(), labels.end());
    REQUIRE(size_t(largest) + 1 >= communities);  // finer and finer, here
    communities = size_t(largest) + 1;
    const double quality = modularity(graph, labels, resolution);
    for (size_t v = 0; v < labels.size(); ++v)
      for (int32_t c = 0; c <= std::min<int32_t>(largest + 1, int32_t(labels.size()) - 1); ++c) {
        auto moved = labels;
        moved[v] = c;
        REQUIRE(modularity(graph, moved, resolution) <= quality + 1e-9);
      }
  }
  REQUIRE(communities > 4);
}

TEST_CASE("leiden: what is not joined is never one community", "[eval]") {
  // Two triangles, a pair and a node alone.
  const auto graph = graph_of(9, {{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 3}, {6, 7}});
  REQUIRE(leiden(graph) == NodeLabels{0, 0, 0, 1, 1, 1, 2, 2, 3});
  REQUIRE(leiden(graph, {.resolution = 0}) == NodeLabels{0, 0, 0, 1, 1, 1, 2, 2, 3});
  REQUIRE(leiden(graph, {.resolution = 100}) == NodeLabels{0, 1, 2, 3, 4, 5, 6, 7, 8});
  REQUIRE(leiden(graph_of(0, {})).empty());
  REQUIRE(leiden(graph_of(1, {})) == NodeLabels{0});
  REQUIRE(leiden(graph_of(3, {})) == NodeLabels{0, 1, 2});
  REQUIRE(leiden(graph_of(2, {{0, 1}})) == NodeLabels{0, 0});
  REQUIRE(leiden(graph_of(2, {{0, 1}}, 0)) == NodeLabels{0, 1});
}

TEST_CASE("leiden: errors", "[eval]") {
  const auto graph = graph_of(3, {{0, 1}, {1, 2}});
  check_error<ConfigError>([&] { leiden(graph, {.resolution = -1}); }, {"resolution is -1"});
  check_error<ConfigError>([&] { leiden(graph, {.randomness = 0}); }, {"randomness"});
  check_error<ConfigError>([&] { leiden(graph, {.starts = 0}); }, {"starts"});
  auto bad = graph;
  bad.values[0] = 2;
  check_error<ConfigError>([&] { leiden(bad); }, {"edge 0, 1", "symmetric"});
  bad.values[0] = -1;
  check_error<ConfigError>([&] { leiden(bad); }, {"weighs -1"});
  bad.values[0] = 1;
  bad.indices[0] = 0;
  check_error<ConfigError>([&] { leiden(bad); }, {"node 0", "diagonal"});
  bad.indices[0] = 2;  // whose row does not lead back
  check_error<ConfigError>([&] { leiden(bad); }, {"edge 0, 2", "symmetric"});
  bad = graph;
  bad.columns = 4;
  check_error<ShapeError>([&] { leiden(bad); }, {"leiden", "columns"});
}

TEST_CASE("adjusted_mutual_information: chance is the mean over all permutations", "[eval]") {
  const NodeLabels a = {0, 0, 0, 1, 1, 2, 2}, b = {5, 5, 3, 3, 3, 3, 5};
  std::vector<size_t> order = {0, 1, 2, 3, 4, 5, 6};
  double sum = 0, count = 0;
  do {
    NodeLabels shuffled;
    for (const size_t i : order) shuffled.push_back(b[i]);
    sum += mutual_information(a, shuffled);
    ++count;
  } while (std::next_permutation(order.begin(), order.end()));
  REQUIRE(count == 5040);
  REQUIRE(detail::expected_mutual_information({3, 2, 2}, {3, 4}, 7) ==
          Approx(sum / count).epsilon(1e-12));
  const auto entropy = [](const NodeLabels& labels) { return mutual_information(labels, labels); };
  const double expected =
      (mutual_information(a, b) - sum / count) / ((entropy(a) + entropy(b)) / 2 - sum / count);
  REQUIRE(adjusted_mutual_information(a, b) == Approx(expected).epsilon(1e-12));
  REQUIRE(adjusted_mutual_information(b, a) == Approx(expected).epsilon(1e-12));
}

TEST_CASE("adjusted_mutual_information: its ends", "[eval]") {
  const NodeLabels groups = {0, 0, 1, 1, 2}, named = {7, 7, 3, 3, -1}, alone = {0, 1, 2, 3, 4},
                   together = {0, 0, 0, 0, 0};
  REQUIRE(adjusted_mutual_information(groups, named) == 1);
  REQUIRE(adjusted_mutual_information(alone, NodeLabels{4, 3, 2, 1, 0}) == 1);
  REQUIRE(adjusted_mutual_information(together, together) == 1);
  REQUIRE(adjusted_mutual_information(NodeLabels{}, NodeLabels{}) == 1);
  for (const auto& other : {groups, alone}) {
    REQUIRE(adjusted_mutual_information(together, other) == 0);
    REQUIRE(adjusted_mutual_information(other, together) == 0);
  }
  REQUIRE(adjusted_mutual_information(alone, groups) == 0);
  REQUIRE(adjusted_mutual_information(NodeLabels{0, 0, 1, 1}, NodeLabels{0, 1, 0, 1}) < 0);
  check_error<ShapeError>([&] { adjusted_mutual_information(groups, NodeLabels{1}); },
                          {"size of b"});
}

TEST_CASE("clustering_agreement: 1 for the same groups, little for others", "[eval]") {
  const auto real = planted_points(60, 4, 1, 21), alike = planted_points(60, 4, 1, 35);
  REQUIRE(clustering_agreement(real.view(), real.view()) == 1);
  REQUIRE(clustering_agreement(real.view(), alike.view()) == 1);  // other places, the same groups
  const auto unlike = random_points(60, 20, 5);
  REQUIRE(clustering_agreement(real.view(), unlike.view()).value() < 0.3);
  for (uint64_t seed = 0; seed < 5; ++seed)
    REQUIRE(clustering_agreement(unlike.view(), real.view(), seed).value() >= 0);
  REQUIRE(clustering_agreement(real.view(), Tensor<double, 2>({60, 20}).view()).value() < 0.2);
}

TEST_CASE("clustering_agreement: few perturbations", "[eval]") {
  for (size_t n = 0; n < 3; ++n) {
    const auto points = random_points(n, 4, 3);
    REQUIRE_FALSE(clustering_agreement(points.view(), points.view()));
  }
  const auto three = random_points(3, 4, 3);
  REQUIRE(clustering_agreement(three.view(), three.view()) == 1);
  const auto score = clustering_agreement(three.view(), random_points(3, 4, 8).view());
  REQUIRE(score.value() >= 0);
  REQUIRE(score.value() <= 1);
  check_error<ShapeError>(
      [&] { clustering_agreement(three.view(), random_points(4, 4, 3).view()); },
      {"clustering_agreement", "real", "predicted"});
  check_error<ShapeError>([] { clustering_graph(random_points(1, 4, 3).view()); }, {"1 points"});
}
