// The energy distance between sets of predicted and observed cells, forward and with the gradient
// of the predicted side: what every training step pays.
#include "vcell/ops/energy_distance.hpp"

#include <benchmark/benchmark.h>

#include "support/declare_work.hpp"
#include "support/expression_screen.hpp"
#include "support/two_threads.hpp"
#include "vcell/autograd/backward.hpp"

namespace {

using namespace vcell;
using vcell_bench::expression, vcell_bench::random;

/// What a model predicts before it has learned: nearly the same for all cells, far from the target.
Tensor<float, 3> fresh(const Shape<3>& shape, uint64_t seed) {
  auto x = random<3>(shape, seed);
  for (float& v : x.values()) v = 0.3f + 0.01f * v;
  return x;
}

/// What a model predicts that has: like expression.
Tensor<float, 3> trained(const Shape<3>& shape, uint64_t seed) {
  return expression<3>(shape, seed);
}

/// Two tight clusters, the same ones for every seed, in random order: half of all pairs are near.
Tensor<float, 3> two_clusters(const Shape<3>& shape, uint64_t seed) {
  const auto places = random<2>({2, shape[2]}, 3);
  auto x = random<3>(shape, seed);
  Rng rng(seed);
  for (size_t b = 0; b < shape[0]; ++b)
    for (size_t i = 0; i < shape[1]; ++i) {
      const size_t k = rng.below(2);
      for (size_t c = 0; c < shape[2]; ++c) x(b, i, c) = places(k, c) + 0.01f * x(b, i, c);
    }
  return x;
}

using Make = Tensor<float, 3> (*)(const Shape<3>&, uint64_t);

void energy_distance(benchmark::State& state, bool with_gradient, Make predicted,
                     Make observed = expression<3>) {
  if (!vcell_bench::has_threads(state, state.range(3))) return;
  const size_t sets = size_t(state.range(0)), cells = size_t(state.range(1)),
               genes = size_t(state.range(2));
  const Variable<float, 3> x(predicted({sets, cells, genes}, 1), with_gradient),
      y(observed({sets, cells, genes}, 2));
  Tensor<float, 1> ones({sets});
  for (float& v : ones.values()) v = 1;
  for (auto _ : state) {
    const auto e = vcell::energy_distance(x, y);
    if (with_gradient) backward(e, ones.view());
    benchmark::ClobberMemory();
  }
  const double pairs = double(sets) * double(cells) * double(cells) * double(genes);
  const double elements = double(x.count());
  // Least work: X Y^T whole and X X^T, Y Y^T by symmetry, 4 S^2 D; backward [Wxx | Wxy] [X; Y] as
  // much again. Forward reads both sides; backward reads them and adds to dX.
  vcell_bench::declare_work(state, (with_gradient ? 8. : 4.) * pairs,
                            4. * (with_gradient ? 2 + 4 : 2) * elements);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "S", "D", "threads"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const int64_t threads : {1, 2}) {
    b->Args({8, 32, 2000, threads});    // the defaults of vcell run
    b->Args({16, 128, 2000, threads});  // state_sm
    b->Args({16, 512, 2000, threads});  // the larger sets of state
    b->Args({1, 2048, 2000, threads});  // all threads on one pair
  }
}

BENCHMARK_CAPTURE(energy_distance, forward, false, trained)->Apply(shapes);
BENCHMARK_CAPTURE(energy_distance, forward_and_backward, true, trained)->Apply(shapes);
// How the cells lie must not matter much.
BENCHMARK_CAPTURE(energy_distance, fresh_model, true, fresh)->Apply(shapes);
BENCHMARK_CAPTURE(energy_distance, clusters_forward, false, two_clusters, two_clusters)
    ->Apply(shapes);
BENCHMARK_CAPTURE(energy_distance, clusters, true, two_clusters, two_clusters)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
