// Rank sums of one gene in many groups against a control: ours, from one sort or histogram for all
// groups, beside a straightforward port of what packages do, a sort of control and group for each
// group. Both from the gene's values in the order of the cells.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/declare_work.hpp"
#include "vcell/eval/gene_measure.hpp"

namespace {

using namespace vcell;

/// One gene: 45 % of the cells have a value.
struct Gene {
  std::vector<float> values;     // by cell
  std::vector<uint32_t> groups;  // beside values; 0: the control
  std::vector<uint64_t> keys;    // those other than 0, as GenePanel makes them
  std::vector<uint32_t> sizes;
};

/// 20,000 cells in 150 groups and a control of a fifteenth, as screens have.
Gene gene(bool is_counts) {
  constexpr size_t cells = 20'000, groups = 150;
  Rng rng(1);
  Gene out;
  out.sizes.resize(groups + 1);
  for (size_t i = 0; i < cells; ++i) {
    const auto group = uint32_t(rng.below(15) == 0 ? 0 : 1 + rng.below(groups));
    float value = 0;
    if (rng.uniform() < 0.45) {
      // Most counts are small; log1p values come of counts by the totals of their cells.
      const double count = 1 + std::floor(-2 * std::log(1 - rng.uniform()));
      value = float(is_counts ? count : std::log1p(count * (0.5 + rng.uniform())));
    }
    out.values.push_back(value);
    out.groups.push_back(group);
    ++out.sizes[group];
    if (value != 0) out.keys.push_back(uint64_t(ordered_key(value)) << 32 | group);
  }
  return out;
}

void declare(benchmark::State& state, const Gene& g) {
  const double cells = double(g.values.size());
  // Least work: each value is looked at once.
  vcell_bench::declare_work(state, cells, 8 * double(g.keys.size()));
  state.SetItemsProcessed(state.iterations() * int64_t(g.values.size()));
}

void ours(benchmark::State& state, bool is_counts) {
  const Gene g = gene(is_counts);
  const DifferentialExpressionOptions options{.is_log1p = !is_counts};
  detail::ComparedCells cells;
  cells.sizes = g.sizes;
  cells.rows.resize(g.values.size());
  for (const uint32_t size : g.sizes) cells.weights.push_back(float(1.0 / double(size)));
  detail::GeneMeasure measure(cells, options);
  for (auto _ : state) {
    measure.run(g.keys);
    double sum = 0;
    for (size_t group = 1; group < g.sizes.size(); ++group) sum += measure.test(group).p_value;
    benchmark::DoNotOptimize(sum);
  }
  declare(state, g);
}

/// For each group: gather its values and the control's, sort them, give ranks, sum them.
void port(benchmark::State& state, bool is_counts) {
  const Gene g = gene(is_counts);
  std::vector<std::vector<float>> of_group(g.sizes.size());
  for (size_t i = 0; i < g.values.size(); ++i) of_group[g.groups[i]].push_back(g.values[i]);
  std::vector<std::pair<float, bool>> pooled;
  for (auto _ : state) {
    double sum = 0;
    for (size_t group = 1; group < of_group.size(); ++group) {
      pooled.clear();
      for (const float x : of_group[group]) pooled.emplace_back(x, true);
      for (const float x : of_group[0]) pooled.emplace_back(x, false);
      std::sort(pooled.begin(), pooled.end());
      double ranks = 0, ties = 0, mean = 0;
      for (size_t first = 0, last; first < pooled.size(); first = last) {
        size_t targets = 0;
        for (last = first; last < pooled.size() && pooled[last].first == pooled[first].first;)
          targets += pooled[last++].second;
        const double t = double(last - first);
        ranks += double(targets) * (double(first + last) + 1) / 2;
        ties += t * t * t - t;
      }
      for (const float x : of_group[group]) mean += double(is_counts ? std::log1p(x) : x);
      const size_t n1 = of_group[group].size(), n2 = of_group[0].size();
      const double u = ranks - double(n1) * (double(n1) + 1) / 2;
      sum += rank_sum_p_value(u, n1, n2, ties) + 0 * mean;
    }
    benchmark::DoNotOptimize(sum);
  }
  declare(state, g);
}

}  // namespace

BENCHMARK_CAPTURE(ours, log1p, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(port, log1p, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(ours, counts, true)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(port, counts, true)->Unit(benchmark::kMicrosecond);

BENCHMARK_MAIN();
