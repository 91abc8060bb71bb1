#pragma once

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "vcell/core/instantiate.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/simulate/sample_gamma.hpp"
#include "vcell/simulate/screen_truth.hpp"
#include "vcell/simulate/simulate_options.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// prefix + 1 .. n, padded with zeros to one width, so that they sort in their order.
template <class = void>
std::vector<std::string> numbered(const std::string& prefix, size_t n) {
  const size_t width = message(n).size();
  std::vector<std::string> out;
  for (size_t i = 1; i <= n; ++i) {
    const std::string number = message(i);
    out.push_back(prefix + std::string(width - number.size(), '0') + number);
  }
  return out;
}

template <class = void>
DenseMatrix<double> normal_matrix(size_t rows, size_t columns, double sd, Rng& rng) {
  DenseMatrix<double> out{rows, columns, std::vector<double>(rows * columns)};
  for (double& x : out.values) x = sd * rng.normal();
  return out;
}

/// 0.6 .. 1.4, of either sign: an effect that is never near 0.
template <class = void>
double random_weight(Rng& rng) {
  const double size = 0.6 + 0.8 * rng.uniform();
  return rng.uniform() < 0.5 ? -size : size;
}

/// Shares of counts: gene profile + context + state, made to sum to 1.
template <class = void>
void draw_basal(ScreenTruth& t, const SimulateOptions& o) {
  Rng rng(o.seed, stream_of("simulate.basal"));
  const auto gene = normal_matrix(1, o.genes, o.expression_spread, rng);
  const auto context = normal_matrix(o.contexts, o.genes, o.context_spread, rng);
  const auto state = normal_matrix(o.states, o.genes, o.state_spread, rng);
  t.basal = {o.contexts * o.states, o.genes, std::vector<double>(o.contexts * o.states * o.genes)};
  t.state_shares = {o.contexts, o.states, std::vector<double>(o.contexts * o.states)};
  for (size_t k = 0; k < o.contexts; ++k) {
    const auto shares = t.state_shares.row(k);
    for (double& share : shares) share = sample_gamma(3, rng);
    const double all = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (double& share : shares) share /= all;
    for (size_t s = 0; s < o.states; ++s) {
      const auto row = t.basal.row(k * o.states + s);
      double total = 0;
      for (size_t g = 0; g < o.genes; ++g) {
        row[g] = gene.row(0)[g] + context.row(k)[g] + state.row(s)[g];
        total += std::exp(row[g]);
      }
      for (double& x : row) x -= std::log(total);
    }
  }
  t.batch_effect = normal_matrix(o.batches, o.genes, o.batch_spread, rng);
  for (size_t g = 0; g < o.genes; ++g)
    t.dispersion.push_back(o.dispersion * std::exp(o.dispersion_spread * rng.normal()));
}

/// Shared programmes first, then one of each context.
template <class = void>
void draw_programs(ScreenTruth& t, const SimulateOptions& o) {
  Rng rng(o.seed, stream_of("simulate.programs"));
  t.programs = numbered("program_", o.programs);
  for (const auto& context : t.contexts) t.programs.push_back("program_of_" + context);
  const size_t n = t.programs.size();
  const size_t members =
      std::max<size_t>(1, size_t(std::lround(o.program_genes * double(o.genes))));
  t.loadings = {n, o.genes, std::vector<double>(n * o.genes)};
  t.activity = {o.contexts, n, std::vector<double>(o.contexts * n)};
  for (size_t q = 0; q < n; ++q) {
    const auto order = permutation(o.genes, rng);
    for (size_t i = 0; i < members; ++i) t.loadings.row(q)[order[i]] = o.effect * rng.normal();
    for (size_t k = 0; k < o.contexts; ++k)
      t.activity.row(k)[q] = q < o.programs || q == o.programs + k;
  }
}

/// Targets are drawn from the half of the genes that is expressed most in its weakest context, so
/// that a knock-down can be seen.
template <class = void>
void draw_targets(ScreenTruth& t, const SimulateOptions& o, Rng& rng) {
  std::vector<double> least(o.genes, 0.0);
  for (size_t row = 0; row < t.basal.rows; ++row)
    for (size_t g = 0; g < o.genes; ++g) least[g] = std::min(least[g], t.basal.row(row)[g]);
  std::vector<size_t> order(o.genes);
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return least[a] != least[b] ? least[a] > least[b] : a < b; });
  order.resize(std::max(o.perturbations, o.genes / 2));
  shuffle(order.begin(), order.end(), rng);
  order.resize(o.perturbations);
  std::sort(order.begin(), order.end());
  t.targets = order;
  for (size_t gene : t.targets) t.perturbations.push_back(t.genes[gene]);
  if (std::find(t.perturbations.begin(), t.perturbations.end(), o.control) != t.perturbations.end())
    throw ConfigError(message("simulate_screen: control is ", quoted(o.control), ", the name of a ",
                              "perturbed gene; choose another label"));
}

template <class = void>
void draw_effects(ScreenTruth& t, const SimulateOptions& o) {
  Rng rng(o.seed, stream_of("simulate.effects"));
  draw_targets(t, o, rng);
  const size_t n = o.perturbations, programs = t.programs.size();
  t.weights = {n, programs, std::vector<double>(n * programs)};
  t.guide_efficiency = {n, o.guides, std::vector<double>(n * o.guides)};
  t.has_effect.assign(n, 0);
  const auto order = permutation(n, rng);
  const size_t without = size_t(std::lround(o.without_effect * double(n)));
  const size_t specific = size_t(std::lround(o.specific * double(n - without)));
  for (size_t i = without; i < n; ++i) {
    const size_t p = order[i];
    t.has_effect[p] = 1;
    const auto shared = permutation(o.programs, rng);
    for (size_t q = 0; q < std::min<size_t>(o.programs, 1 + rng.below(2)); ++q)
      t.weights.row(p)[shared[q]] = random_weight(rng);
    if (i - without < specific)
      t.weights.row(p)[o.programs + rng.below(o.contexts)] = random_weight(rng);
    for (double& e : t.guide_efficiency.row(p))
      e = o.least_efficiency + (o.most_efficiency - o.least_efficiency) * rng.uniform();
  }
  t.shift = {o.contexts * n, o.genes, std::vector<double>(o.contexts * n * o.genes)};
  for (size_t k = 0; k < o.contexts; ++k) {
    for (size_t p = 0; p < n; ++p) {
      if (!t.has_effect[p]) continue;
      const auto shift = t.shift.row(k * n + p);
      for (size_t q = 0; q < programs; ++q) {
        const double amount = t.activity.row(k)[q] * t.weights.row(p)[q];
        for (size_t g = 0; amount != 0 && g < o.genes; ++g)
          shift[g] += amount * t.loadings.row(q)[g];
      }
      shift[t.targets[p]] = std::log1p(-o.knockdown);
    }
  }
}

/// Pairs of perturbations, each once, in the order of their parts.
template <class = void>
void draw_combinations(ScreenTruth& t, const SimulateOptions& o) {
  Rng rng(o.seed, stream_of("simulate.combinations"));
  const size_t n = o.perturbations, programs = t.programs.size(), all = n + o.combinations;
  std::set<std::array<size_t, 2>> pairs;
  while (pairs.size() < o.combinations) {
    const size_t a = rng.below(n), b = rng.below(n);
    if (a != b) pairs.insert({std::min(a, b), std::max(a, b)});
  }
  t.combinations.assign(pairs.begin(), pairs.end());
  DenseMatrix<double> shift{o.contexts * all, o.genes,
                            std::vector<double>(o.contexts * all * o.genes)};
  for (size_t k = 0; k < o.contexts; ++k)
    for (size_t p = 0; p < n; ++p)
      std::copy_n(t.shift.row(k * n + p).begin(), o.genes, shift.row(k * all + p).begin());
  t.shift = std::move(shift);
  t.weights.rows = t.guide_efficiency.rows = all;
  t.weights.values.resize(all * programs);
  t.guide_efficiency.values.resize(all * o.guides);
  for (size_t i = 0; i < o.combinations; ++i) {
    const auto [a, b] = t.combinations[i];
    const size_t p = n + i;
    t.perturbations.push_back(t.perturbations[a] + o.combination_separator + t.perturbations[b]);
    t.targets.push_back(t.targets[a]);
    t.has_effect.push_back(t.has_effect[a] || t.has_effect[b]);
    const auto weights = t.weights.row(p);
    for (size_t q = 0; q < programs; ++q) weights[q] = t.weights.row(a)[q] + t.weights.row(b)[q];
    const size_t more = rng.below(o.programs);
    const double weight = o.interaction * random_weight(rng);
    if (t.has_effect[a] && t.has_effect[b]) weights[more] += weight;
    for (double& e : t.guide_efficiency.row(p))
      e = o.least_efficiency + (o.most_efficiency - o.least_efficiency) * rng.uniform();
    for (size_t k = 0; k < o.contexts; ++k) {
      const auto row = t.shift.row(k * all + p);
      for (size_t q = 0; q < programs; ++q)
        for (size_t g = 0; g < o.genes; ++g)
          row[g] += t.activity.row(k)[q] * weights[q] * t.loadings.row(q)[g];
      for (const size_t part : {a, b})
        if (t.has_effect[part]) row[t.targets[part]] = std::log1p(-o.knockdown);
    }
  }
}

/// Which context and perturbation each cell has, in random order.
template <class = void>
void draw_groups(ScreenTruth& t, const SimulateOptions& o) {
  Rng rng(o.seed, stream_of("simulate.groups"));
  const double half_square = 0.5 * o.cells_spread * o.cells_spread;  // keeps the mean what it is
  std::vector<CellTruth> groups;
  std::vector<double> sizes;
  for (size_t k = 0; k < o.contexts; ++k) {
    for (int32_t p = -1; p < int32_t(t.perturbations.size()); ++p) {
      const double drawn =
          o.cells_per_perturbation * std::exp(o.cells_spread * rng.normal() - half_square);
      groups.push_back({int32_t(k), p});
      sizes.push_back(p < 0 ? double(o.control_cells) : drawn);
    }
  }
  // Of a total each group has one cell, and of the others what its size is of all sizes.
  const double all = std::accumulate(sizes.begin(), sizes.end(), 0.0);
  const size_t rest = o.cells - std::min(o.cells, groups.size());
  double before = 0;
  size_t given = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    size_t n = size_t(std::max(1L, std::lround(sizes[i])));
    if (o.cells) {
      before += sizes[i];
      const size_t until =
          i + 1 == groups.size() ? rest : size_t(std::floor(double(rest) * (before / all)));
      n = 1 + until - given;
      given = until;
    }
    t.cells.insert(t.cells.end(), n, groups[i]);
  }
  shuffle(t.cells.begin(), t.cells.end(), rng);
}

}  // namespace detail

/// Draws everything about a screen but what each cell draws for itself: batch, state, guide,
/// response, library and counts (see SimulatedRows).
/// @throws ConfigError if an option makes no sense
template <class = void>
ScreenTruth draw_truth(const SimulateOptions& o) {
  check_simulate_options(o);
  ScreenTruth t;
  t.genes = detail::numbered("GENE", o.genes);
  t.contexts = detail::numbered("context_", o.contexts);
  t.batches = detail::numbered("batch_", o.batches);
  t.states = detail::numbered("state_", o.states);
  detail::draw_basal(t, o);
  detail::draw_programs(t, o);
  detail::draw_effects(t, o);
  if (o.combinations) detail::draw_combinations(t, o);
  for (const auto& perturbation : t.perturbations)
    for (const auto& guide : detail::numbered(perturbation + "_g", o.guides))
      t.guides.push_back(guide);
  detail::draw_groups(t, o);
  return t;
}

VCELL_INSTANTIATE(data, ScreenTruth draw_truth<void>(const SimulateOptions&));

VCELL_END_NAMESPACE
