// The energy distance between sets of predicted and observed cells, forward and with the gradient
// of the predicted side: what every training step pays.
#include "vcell/ops/energy_distance.hpp"

#include <benchmark/benchmark.h>

#include "support/declare_work.hpp"
#include "support/two_threads.hpp"
#include "vcell/autograd/backward.hpp"

namespace {

using namespace vcell;
using vcell_bench::random;

void energy_distance(benchmark::State& state, bool with_gradient) {
  if (!vcell_bench::two_threads_are_real(state)) return;
  const size_t sets = size_t(state.range(0)), cells = size_t(state.range(1)),
               genes = size_t(state.range(2));
  set_num_threads(int(state.range(3)));
  const Variable<float, 3> x(random<3>({sets, cells, genes}, 1), with_gradient),
      y(random<3>({sets, cells, genes}, 2));
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
  }
}

BENCHMARK_CAPTURE(energy_distance, forward, false)->Apply(shapes);
BENCHMARK_CAPTURE(energy_distance, forward_and_backward, true)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
