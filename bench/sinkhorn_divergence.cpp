// The Sinkhorn divergence and the squared MMD of sets of cells beside their energy distance, each
// forward and with the gradient of the predicted side.
#include "vcell/ops/sinkhorn_divergence.hpp"

#include <benchmark/benchmark.h>

#include "support/declare_work.hpp"
#include "support/expression_screen.hpp"
#include "support/two_threads.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/ops/energy_distance.hpp"
#include "vcell/ops/maximum_mean_discrepancy.hpp"

namespace {

using namespace vcell;
using vcell_bench::expression;

using Set = Variable<float, 3>;

Variable<float, 1> energy(const Set& x, const Set& y) { return energy_distance(x, y); }
Variable<float, 1> sinkhorn(const Set& x, const Set& y) { return sinkhorn_divergence(x, y); }
Variable<float, 1> mmd_of_median(const Set& x, const Set& y) {
  return maximum_mean_discrepancy(x, y, {.median_heuristic = true});
}

void distance(benchmark::State& state, bool with_gradient,
              Variable<float, 1> (*distance_of)(const Set&, const Set&)) {
  if (!vcell_bench::has_threads(state, state.range(3))) return;
  const size_t sets = size_t(state.range(0)), cells = size_t(state.range(1)),
               genes = size_t(state.range(2));
  const Set x(expression<3>({sets, cells, genes}, 1), with_gradient),
      y(expression<3>({sets, cells, genes}, 2));
  Tensor<float, 1> ones({sets});
  for (float& v : ones.values()) v = 1;
  for (auto _ : state) {
    const auto e = distance_of(x, y);
    if (with_gradient) backward(e, ones.view());
    benchmark::ClobberMemory();
  }
  const double pairs = double(sets) * double(cells) * double(cells) * double(genes);
  const double elements = double(x.count());
  // The products alone, as for the energy distance: X Y^T whole and X X^T, Y Y^T by symmetry, 4 S^2
  // D; backward [Wxx | Wxy] [X; Y] as much again. Forward reads both sides; backward reads them and
  // adds to dX.
  vcell_bench::declare_work(state, (with_gradient ? 8. : 4.) * pairs,
                            4. * (with_gradient ? 2 + 4 : 2) * elements);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "S", "D", "threads"})->UseRealTime()->Unit(benchmark::kMillisecond);
  for (const int64_t threads : {1, 2})
    for (const int64_t cells : {64, 128, 256, 512}) b->Args({4, cells, 2000, threads});
}

BENCHMARK_CAPTURE(distance, energy, false, energy)->Apply(shapes);
BENCHMARK_CAPTURE(distance, energy_and_backward, true, energy)->Apply(shapes);
BENCHMARK_CAPTURE(distance, mmd_of_median_and_backward, true, mmd_of_median)->Apply(shapes);
BENCHMARK_CAPTURE(distance, sinkhorn, false, sinkhorn)->Apply(shapes);
BENCHMARK_CAPTURE(distance, sinkhorn_and_backward, true, sinkhorn)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
