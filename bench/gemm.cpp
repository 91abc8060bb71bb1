// Matrix products of the shapes that State Transition has: the backend vcell was configured with,
// on one and two threads, and Eigen's own product on one.
#include "vcell/kernels/gemm.hpp"

#include <benchmark/benchmark.h>

#include <Eigen/Core>

#include "support/declare_work.hpp"
#include "support/two_threads.hpp"
#include "vcell/kernels/launch.hpp"

namespace {

using namespace vcell;
using kernel::EpilogueKind, kernel::Gemm, kernel::GemmOptions, kernel::MatrixView;
using vcell_bench::random;

template <class T>
Tensor<T, 2> operand(const Shape<2>& shape, uint64_t seed) {
  const auto from = random<2>(shape, seed);
  Tensor<T, 2> x(shape);
  for (size_t i = 0; i < x.count(); ++i) x.data()[i] = T(from.data()[i]);
  return x;
}

/// A (m, k), B (k, n) or their transposes, for a gate B (k, 2 n), and all that a product needs.
template <class T>
struct Product {
  size_t m, n, k;
  GemmOptions options;
  kernel::Epilogue<T> epilogue;
  Tensor<T, 2> a, b, c, stored;
  Tensor<T, 1> bias;
  Tensor<float, 1> scratch;  // 64-byte aligned

  Product(const benchmark::State& state, bool ta, bool tb, EpilogueKind kind)
      : m(size_t(state.range(0))),
        n(size_t(state.range(1))),
        k(size_t(state.range(2))),
        options{.transpose_a = ta, .transpose_b = tb},
        epilogue{.kind = kind},
        a(operand<T>(ta ? Shape<2>{k, m} : Shape<2>{m, k}, 1)),
        b(operand<T>(tb ? Shape<2>{width() * n, k} : Shape<2>{k, width() * n}, 2)),
        c({m, n}),
        stored({m, width() * n}),
        bias({width() * n}) {
    epilogue.bias = std::as_const(bias).view();
    if (kind != EpilogueKind::none && kind != EpilogueKind::bias) epilogue.stored = stored.view();
    scratch = Tensor<float, 1>(
        {Gemm<Cpu>::run_scratch({}, options, a.view(), b.view(), view(), epilogue) /
         sizeof(float)});
  }
  MatrixView<T> view() { return MatrixView<T>(c.view()); }
  size_t width() const { return kernel::detail::epilogue_width(epilogue.kind); }

  kernel::Status run() {
    return Gemm<Cpu>::run(
        {}, options, a.view(), b.view(), view(), epilogue,
        {reinterpret_cast<std::byte*>(scratch.data()), {scratch.count() * sizeof(float)}});
  }
  void declare(benchmark::State& state) const {
    vcell_bench::declare_work(state, 2. * double(m) * double(n) * double(k) * double(width()),
                              double(sizeof(T)) * double(a.count() + b.count() + c.count()));
  }
};

template <class T>
void gemm(benchmark::State& state, bool ta, bool tb, EpilogueKind kind) {
  if (!vcell_bench::has_threads(state, state.range(3))) return;
  Product<T> p(state, ta, tb, kind);
  for (auto _ : state) {
    kernel::check_status("gemm", p.run());
    benchmark::ClobberMemory();
  }
  p.declare(state);
}

void gemm_float(benchmark::State& state, bool ta, bool tb, EpilogueKind kind) {
  gemm<float>(state, ta, tb, kind);
}
void gemm_bfloat16(benchmark::State& state, bool ta, bool tb, EpilogueKind kind) {
  gemm<bfloat16>(state, ta, tb, kind);
}

void eigen(benchmark::State& state) {
  if (!vcell_bench::has_threads(state, 1)) return;
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Product<float> p(state, false, false, EpilogueKind::none);
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
        {2048, 672, 672},                        // projections of state_sm: B 16, S 128
        {2048, 2688, 672},                       // its MLP
        {2048, 2000, 672},                       // its decoder
        {1024, 1024, 1024}})
    for (const int64_t t : threads) b->Args({m, n, k, t});
}
const auto one = [](auto* b) { shapes(b, {1}); };
const auto two = [](auto* b) { shapes(b, {2}); };
const auto both = [](auto* b) { shapes(b, {1, 2}); };

using enum EpilogueKind;
BENCHMARK_CAPTURE(gemm_float, plain, false, false, none)->Apply(both);
BENCHMARK_CAPTURE(gemm_float, linear, false, true, bias)->Apply(two);
BENCHMARK_CAPTURE(gemm_float, of_weights, true, false, none)->Apply(two);
BENCHMARK_CAPTURE(gemm_float, linear_gelu, false, true, bias_gelu)->Apply(two);
BENCHMARK_CAPTURE(gemm_float, linear_silu_gate, false, true, silu_gate)->Apply(two);
BENCHMARK_CAPTURE(gemm_bfloat16, linear, false, true, bias)->Apply(two);
BENCHMARK(eigen)->Apply(one);

}  // namespace

BENCHMARK_MAIN();
