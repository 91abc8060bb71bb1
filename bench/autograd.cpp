// What recording costs: chains of additions of one number, and of 32 x 32.
#include <benchmark/benchmark.h>

#include "support/declare_work.hpp"
#include "support/two_threads.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/ops/add.hpp"

namespace {

using namespace vcell;

constexpr size_t length = 1000;

template <int rank>
void chain(benchmark::State& state, const Shape<rank>& shape, bool goes_back) {
  if (!vcell_bench::has_threads(state, 1)) return;
  const Variable<float, rank> x(Tensor<float, rank>(shape), true);
  const Tensor<float, rank> cotangent(shape);
  for (auto _ : state) {
    Variable<float, rank> y = add(x, x);
    for (size_t i = 1; i < length; ++i) y = add(y, x);
    if (goes_back) backward(y, cotangent.view());
    benchmark::DoNotOptimize(y.value().data);
  }
  // An addition forward; backward one for each of the two inputs.
  const double elements = double(length * count(shape));
  vcell_bench::declare_work(state, (goes_back ? 3. : 1.) * elements,
                            4 * (goes_back ? 9. : 3.) * elements);
  state.counters["time_an_op"] = benchmark::Counter(
      double(length), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void scalar(benchmark::State& state, bool goes_back) { chain<0>(state, {}, goes_back); }
void matrix(benchmark::State& state, bool goes_back) { chain<2>(state, {32, 32}, goes_back); }

BENCHMARK_CAPTURE(scalar, forward, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(scalar, forward_and_backward, true)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(matrix, forward, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(matrix, forward_and_backward, true)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
