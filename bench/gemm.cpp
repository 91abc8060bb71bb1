// Matrix products of the shapes that State Transition has: the backend vcell was configured with,
// on one and two threads, and Eigen's own product on one.
#include "vcell/kernels/gemm.hpp"

#include <benchmark/benchmark.h>

#include <Eigen/Core>

#include "support/declare_work.hpp"
#include "support/two_threads.hpp"

namespace {

using namespace vcell;
using vcell_bench::random;

struct Product {
  size_t m, n, k;
  Tensor<float, 2> a, b, c;

  explicit Product(const benchmark::State& state)
      : m(size_t(state.range(0))),
        n(size_t(state.range(1))),
        k(size_t(state.range(2))),
        a(random<2>({m, k}, 1)),
        b(random<2>({k, n}, 2)),
        c({m, n}) {}

  void declare(benchmark::State& state) const {
    vcell_bench::declare_work(state, 2. * double(m) * double(n) * double(k),
                              4. * double(a.count() + b.count() + c.count()));
  }
};

void gemm(benchmark::State& state) {
  if (!vcell_bench::two_threads_are_real(state)) return;
  Product p(state);
  set_num_threads(int(state.range(3)));
  for (auto _ : state) {
    kernel::check_status("gemm", kernel::Gemm<Cpu>::run({}, p.a.view(), p.b.view(),
                                                        kernel::MatrixView<float>(p.c.view())));
    benchmark::ClobberMemory();
  }
  p.declare(state);
}

void eigen(benchmark::State& state) {
  if (!vcell_bench::two_threads_are_real(state)) return;
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Product p(state);
  const auto map = [](Tensor<float, 2>& x) {
    return Eigen::Map<Matrix>(x.data(), Eigen::Index(x.shape(0)), Eigen::Index(x.shape(1)));
  };
  auto a = map(p.a), b = map(p.b), c = map(p.c);
  for (auto _ : state) {
    c.noalias() = a * b;
    benchmark::ClobberMemory();
  }
  p.declare(state);
  state.SetLabel("Eigen");
}

void shapes(benchmark::internal::Benchmark* b, const std::vector<int64_t>& threads) {
  b->ArgNames({"m", "n", "k", "threads"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  for (const auto& [m, n, k] :
       {std::array<int64_t, 3>{256, 128, 2000},  // encoder of a small model: B 8, S 32
        {256, 512, 128},                         // its MLP
        {256, 2000, 128},                        // its decoder
        {2048, 2688, 672},                       // MLP of state_sm: B 16, S 128
        {1024, 1024, 1024}})
    for (const int64_t t : threads) b->Args({m, n, k, t});
}

BENCHMARK(gemm)->Apply([](auto* b) { shapes(b, {1, 2}); });
BENCHMARK(eigen)->Apply([](auto* b) { shapes(b, {1}); });

}  // namespace

BENCHMARK_MAIN();
