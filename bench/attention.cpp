// Attention within sets of cells, forward and with its gradient.
#include "vcell/ops/attention.hpp"

#include <benchmark/benchmark.h>

#include "support/declare_work.hpp"
#include "support/two_threads.hpp"
#include "vcell/autograd/backward.hpp"

namespace {

using namespace vcell;
using vcell_bench::random;

void attention(benchmark::State& state, bool with_gradient) {
  if (!vcell_bench::has_threads(state, state.range(4))) return;
  const auto size = [&](int i) { return size_t(state.range(i)); };
  const size_t sets = size(0), cells = size(1), heads = size(2), head_dim = size(3);
  const Shape<3> shape{sets, cells, heads * head_dim};
  const Variable<float, 3> q(random<3>(shape, 1), with_gradient),
      k(random<3>(shape, 2), with_gradient), v(random<3>(shape, 3), with_gradient);
  const auto d_o = random<3>(shape, 4);
  for (auto _ : state) {
    const auto o = vcell::attention(q, k, v, heads);
    if (with_gradient) backward(o, d_o.view());
    benchmark::ClobberMemory();
  }
  const double products = double(sets * heads) * double(cells) * double(cells) * double(head_dim);
  const double elements = double(count(shape));
  // Forward 4 B h S^2 d; reads Q K V, writes O. Backward 2.5 times the flops; reads Q K V dO, adds
  // to dQ dK dV.
  vcell_bench::declare_work(state, (with_gradient ? 14. : 4.) * products,
                            4. * (with_gradient ? 4 + 10 : 4) * elements);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"B", "S", "heads", "head_dim", "threads"})
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond);
  for (const int64_t threads : {1, 2}) {
    b->Args({8, 32, 4, 32, threads});    // the defaults of vcell run
    b->Args({16, 128, 8, 84, threads});  // state_sm
  }
}

BENCHMARK_CAPTURE(attention, forward, false)->Apply(shapes);
BENCHMARK_CAPTURE(attention, forward_and_backward, true)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
