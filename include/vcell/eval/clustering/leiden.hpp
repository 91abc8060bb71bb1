#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "vcell/core/cmath.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/eval/clustering/modularity.hpp"

VCELL_BEGIN_NAMESPACE

struct LeidenOptions {
  /// Of the modularity: more gives more and smaller communities.
  double resolution = 1;
  /// Of the order of nodes and of what refinement draws.
  uint64_t seed = 0;
  /// How freely refinement merges: a community that gains g, in units of edge weights, is drawn
  /// with a chance in proportion to exp(g / randomness).
  double randomness = 0.01;
  /// Passes over the graph at most; they end before when one finds nothing better.
  size_t iterations = 100;
  /// Times that all is done from single nodes, in other orders; the best partition is kept, of
  /// equal ones the first.
  size_t starts = 4;
};

namespace detail {

/// Nodes that each stand for some of the first graph's.
struct LeidenGraph {
  CsrMatrix<double> edges;  ///< between different nodes
  /// The sum of weights at each node, what lies within it twice.
  std::vector<double> strength;
  double total = 0;  ///< sum of strength, 2 m

  size_t nodes() const { return strength.size(); }
};

/// Sums of weights from one node to communities.
class WeightsTo {
 public:
  explicit WeightsTo(size_t communities) : weight_(communities, 0.0), seen_(communities, 0) {}

  template <class = void>
  void add(int32_t community, double weight) {
    if (!seen_[size_t(community)]++) communities_.push_back(community);
    weight_[size_t(community)] += weight;
  }
  template <class = void>
  void clear() {
    for (const int32_t c : communities_) weight_[size_t(c)] = 0, seen_[size_t(c)] = 0;
    communities_.clear();
  }
  double operator[](int32_t community) const { return weight_[size_t(community)]; }
  /// Those with an edge, in the order of the edges.
  const std::vector<int32_t>& communities() const { return communities_; }

 private:
  std::vector<double> weight_;
  std::vector<size_t> seen_;
  std::vector<int32_t> communities_;
};

/// One run of the algorithm over graphs that become smaller.
class Leiden {
 public:
  Leiden(const LeidenOptions& options, Rng& rng) : options_(options), rng_(rng) {}

  /// Moves single nodes to the community that gains most, or to one of their own, until none gains;
  /// neighbours of what moved are looked at again.
  template <class = void>
  void move_nodes(const LeidenGraph& g, std::vector<int32_t>& community) const {
    const size_t n = g.nodes();
    std::vector<double> strength(n, 0.0);
    std::vector<size_t> size(n, 0);
    for (size_t v = 0; v < n; ++v) {
      strength[size_t(community[v])] += g.strength[v];
      ++size[size_t(community[v])];
    }
    std::vector<int32_t> empty;
    for (size_t c = n; c-- > 0;)
      if (size[c] == 0) empty.push_back(int32_t(c));
    auto queue = permutation(n, rng_);  // a ring, in which a node waits once at most
    size_t head = 0, waiting = n;
    std::vector<uint8_t> waits(n, 1);
    WeightsTo to(n);
    while (waiting > 0) {
      const size_t v = queue[head];
      head = (head + 1) % n;
      --waiting;
      waits[v] = 0;
      const auto others = g.edges.row_indices(v);
      const auto weights = g.edges.row_values(v);
      to.clear();
      for (size_t e = 0; e < others.size(); ++e) to.add(community[size_t(others[e])], weights[e]);
      const int32_t own = community[v];
      strength[size_t(own)] -= g.strength[v];
      if (--size[size_t(own)] == 0) empty.push_back(own);
      const auto gain = [&](int32_t c) {
        return to[c] - expected(g, g.strength[v], strength[size_t(c)]);
      };
      // A gain below rounding is none: nodes would be moved to and fro.
      const double least = 1e-12 * g.total;
      int32_t best = own;
      double best_gain = gain(own) + least;
      const auto consider = [&](int32_t c, double gained) {
        if (gained > best_gain) best = c, best_gain = gained;
      };
      for (const int32_t c : to.communities())
        if (c != own) consider(c, gain(c));
      if (size[size_t(own)] > 0) consider(empty.back(), 0);
      if (size[size_t(best)]++ == 0) empty.pop_back();  // it was pushed last, or is from there
      strength[size_t(best)] += g.strength[v];
      community[v] = best;
      if (best == own) continue;
      for (const int32_t u : others)
        if (community[size_t(u)] != best && !waits[size_t(u)]) {
          queue[(head + waiting++) % n] = size_t(u);
          waits[size_t(u)] = 1;
        }
    }
  }

  /// A partition within the communities: nodes begin alone, and those that are well connected to
  /// the rest of their community merge with a well connected part of it, drawn by what is gained.
  template <class = void>
  std::vector<int32_t> refine(const LeidenGraph& g, const std::vector<int32_t>& community) const {
    const size_t n = g.nodes();
    std::vector<int32_t> part(n);
    std::iota(part.begin(), part.end(), 0);
    std::vector<double> whole(n, 0.0);  // strength of each community
    for (size_t v = 0; v < n; ++v) whole[size_t(community[v])] += g.strength[v];
    // Of each part: strength, nodes, and the weight of its edges to the rest of its community.
    std::vector<double> strength = g.strength, outward(n, 0.0);
    std::vector<size_t> size(n, 1);
    for (size_t v = 0; v < n; ++v)
      for_edges_within(g, community, v, [&](size_t, double w) { outward[v] += w; });
    const auto is_well_connected = [&](size_t p, size_t v) {
      const double rest = whole[size_t(community[v])] - strength[p];
      return outward[p] >= expected(g, strength[p], rest);
    };
    WeightsTo to(n);
    std::vector<int32_t> choices;
    std::vector<double> chances;
    for (const size_t v : permutation(n, rng_)) {
      if (size[size_t(part[v])] != 1 || !is_well_connected(size_t(part[v]), v)) continue;
      to.clear();
      for_edges_within(g, community, v, [&](size_t u, double w) { to.add(part[u], w); });
      choices.assign(1, part[v]);
      chances.assign(1, 0.0);  // of staying alone
      for (const int32_t p : to.communities()) {
        const double gain = to[p] - expected(g, g.strength[v], strength[size_t(p)]);
        if (gain < 0 || !is_well_connected(size_t(p), v)) continue;
        choices.push_back(p);
        chances.push_back(gain);
      }
      const int32_t chosen = choices[draw(chances)];
      if (chosen == part[v]) continue;
      const auto from = size_t(part[v]), into = size_t(chosen);
      outward[into] += outward[from] - 2 * to[chosen];
      strength[into] += strength[from];
      ++size[into];
      size[from] = 0;
      strength[from] = 0;
      part[v] = chosen;
    }
    return part;
  }

 private:
  /// The weight that chance would put between two strengths, times the resolution.
  double expected(const LeidenGraph& g, double a, double b) const {
    return options_.resolution * a * b / g.total;
  }

  template <class F>
  static void for_edges_within(const LeidenGraph& g, const std::vector<int32_t>& community,
                               size_t v, F f) {
    const auto others = g.edges.row_indices(v);
    const auto weights = g.edges.row_values(v);
    for (size_t e = 0; e < others.size(); ++e)
      if (community[size_t(others[e])] == community[v]) f(size_t(others[e]), weights[e]);
  }

  /// A place in `gains` with a chance in proportion to exp(gain / randomness).
  template <class = void>
  size_t draw(const std::vector<double>& gains) const {
    const double largest = *std::max_element(gains.begin(), gains.end());
    const auto chance = [&](double g) { return std::exp((g - largest) / options_.randomness); };
    double sum = 0;
    for (const double g : gains) sum += chance(g);
    double left = rng_.uniform() * sum;
    for (size_t i = 0; i < gains.size(); ++i)
      if ((left -= chance(gains[i])) < 0) return i;
    return size_t(std::max_element(gains.begin(), gains.end()) - gains.begin());
  }

  const LeidenOptions& options_;
  Rng& rng_;
};

/// Numbers labels from 0 in the order in which they first come.
/// @return  how many there are
template <class = void>
size_t renumber(std::vector<int32_t>& labels) {
  std::vector<int32_t> number(labels.size(), -1);
  int32_t next = 0;
  for (int32_t& label : labels) {
    int32_t& found = number[size_t(label)];
    if (found < 0) found = next++;
    label = found;
  }
  return size_t(next);
}

/// The graph whose nodes are the parts of another.
/// @param part  (nodes) from 0 to n - 1
template <class = void>
LeidenGraph aggregate(const LeidenGraph& g, const std::vector<int32_t>& part, size_t n) {
  LeidenGraph out;
  out.strength.assign(n, 0.0);
  out.total = g.total;
  out.edges.columns = n;
  std::vector<std::vector<size_t>> nodes(n);
  for (size_t v = 0; v < g.nodes(); ++v) {
    nodes[size_t(part[v])].push_back(v);
    out.strength[size_t(part[v])] += g.strength[v];
  }
  WeightsTo to(n);
  for (size_t p = 0; p < n; ++p) {
    to.clear();
    for (const size_t v : nodes[p]) {
      const auto others = g.edges.row_indices(v);
      const auto weights = g.edges.row_values(v);
      for (size_t e = 0; e < others.size(); ++e)
        if (const int32_t q = part[size_t(others[e])]; q != int32_t(p)) to.add(q, weights[e]);
    }
    auto others = to.communities();
    std::sort(others.begin(), others.end());
    for (const int32_t q : others) {
      out.edges.indices.push_back(q);
      out.edges.values.push_back(to[q]);
    }
    out.edges.end_row();
  }
  return out;
}

/// One pass: moves, refines and aggregates until every node is a community.
template <class = void>
void leiden_pass(const Leiden& leiden, LeidenGraph g, std::vector<int32_t>& labels) {
  std::vector<int32_t> node(labels.size());  // which each of the first graph's is in
  std::iota(node.begin(), node.end(), 0);
  std::vector<int32_t> community = labels;
  for (;;) {
    leiden.move_nodes(g, community);
    if (renumber(community) == g.nodes()) break;
    auto part = leiden.refine(g, community);
    size_t parts = renumber(part);
    if (parts == g.nodes()) part = community, parts = renumber(part);  // nothing merged
    g = aggregate(g, part, parts);
    std::vector<int32_t> of_part(parts);
    for (size_t v = 0; v < part.size(); ++v) of_part[size_t(part[v])] = community[v];
    for (int32_t& v : node) v = part[size_t(v)];
    community = std::move(of_part);
  }
  for (size_t v = 0; v < labels.size(); ++v) labels[v] = community[size_t(node[v])];
}

}  // namespace detail

/// Communities of a graph that have a high modularity: the Leiden algorithm (Traag, Waltman & van
/// Eck 2019, Sci. Rep. 9, 5233). Each pass starts from the partition of the one before, the first
/// from single nodes; passes go on until one does not raise the modularity.
///
/// @param graph  (n, n) symmetric, weights from 0, nothing on the diagonal
/// @return       (n) communities from 0, in the order of their first nodes; a node without an edge
///               is one of its own
/// @throws ShapeError, ConfigError if the graph is not as said, or an option is negative or no
///         number
/// About O(edges) a pass, of which a start takes a few; the same for the same seed.
template <class = void>
std::vector<int32_t> leiden(const CsrMatrix<double>& graph, const LeidenOptions& options = {}) {
  detail::check_graph("leiden", graph);
  if (!(options.resolution >= 0 && std::isfinite(options.resolution)))
    throw ConfigError(
        message("leiden: resolution is ", options.resolution, ", expected 0 or more"));
  check_positive("leiden", "randomness", options.randomness);
  check_positive("leiden", "starts", options.starts);
  detail::LeidenGraph g{graph, std::vector<double>(graph.rows, 0.0), 0};
  for (size_t v = 0; v < graph.rows; ++v) {
    for (const double w : graph.row_values(v)) g.strength[v] += w;
    g.total += g.strength[v];
  }
  std::vector<int32_t> alone(graph.rows);
  std::iota(alone.begin(), alone.end(), 0);
  if (!(g.total > 0)) return alone;
  const double of_alone = modularity(graph, alone, options.resolution);
  constexpr double least = 1e-12;  // a gain that is not rounding's
  auto best = alone;
  double best_quality = of_alone;
  Rng rng(options.seed, stream_of("leiden"));
  const detail::Leiden run(options, rng);
  for (size_t start = 0; start < options.starts; ++start) {
    auto labels = alone;
    double quality = of_alone;
    for (size_t i = 0; i < options.iterations; ++i) {
      auto next = labels;
      detail::leiden_pass(run, g, next);
      const double found = modularity(graph, next, options.resolution);
      if (!(found > quality + least)) break;
      labels = std::move(next);
      quality = found;
    }
    if (!(quality > best_quality + least)) continue;
    best = std::move(labels);
    best_quality = quality;
  }
  detail::renumber(best);
  return best;
}

VCELL_END_NAMESPACE
