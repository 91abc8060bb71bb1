// Products by cuBLASLt and the kernel that finishes them, against plain loops.
#include "vcell/kernels/gemm.cuh"

#include "support/catch.hpp"
//
#include "cuda/support/device.hpp"
#include "support/gemm_case.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/recording_cuda.hpp"

namespace {

using namespace vcell;
using namespace vcell_test;

template <class T>
struct OnDevice {
  Buffer<T, Cuda> values;
  const Field<T>& host;
  explicit OnDevice(const Field<T>& f) : values(f.values.size()), host(f) {
    Memory<Cuda>::upload(current_context<Cuda>(), values.data(), f.values.data(),
                         f.values.size() * sizeof(T));
  }
  kernel::MatrixView<T, Cuda> view() {
    return {host.count ? values.data() + host.offset() : nullptr, host.rows, host.columns,
            host.stride()};
  }
  kernel::MatrixView<const T, Cuda> read() { return view(); }
  void back(Field<T>& f) {
    Memory<Cuda>::download(current_context<Cuda>(), f.values.data(), values.data(),
                           f.values.size() * sizeof(T));
  }
};

/// Multiplies on the GPU, in scratch memory that holds not-a-number.
struct GemmOnCuda {
  template <class A, class B, class C>
  kernel::Status operator()(const GemmCase& t, GemmFields<A, B, C>& f) const {
    OnDevice<A> a(f.a);
    OnDevice<B> b(f.b);
    OnDevice<C> c(f.c), residual(f.residual), stored(f.stored), bias(f.bias);
    Epilogue<C, Cuda> e{.kind = t.kind, .residual = residual.read()};
    if (t.bias) e.bias = {bias.view().data, {f.bias.columns}};
    if (t.stored) e.stored = stored.view();
    const auto& context = current_context<Cuda>();
    const size_t bytes =
        Gemm<Cuda>::run_scratch(context, f.options, a.read(), b.read(), c.view(), e);
    Buffer<std::byte, Cuda> scratch(bytes);
    if (bytes) {
      const std::vector<std::byte> nonsense(bytes, std::byte{0xff});
      Memory<Cuda>::upload(context, scratch.data(), nonsense.data(), bytes);
    }
    const auto status = Gemm<Cuda>::run(context, f.options, a.read(), b.read(), c.view(), e,
                                        Scratch<Cuda>{scratch.data(), {bytes}});
    c.back(f.c);
    stored.back(f.stored);
    return status;
  }
};

template <class A, class B, class C>
GemmResult<C> check(const GemmCase& t) {
  return check_gemm<A, B, C>(t, GemmOnCuda());
}

struct Sizes {
  size_t m, n, k;
};
const std::vector<Sizes> small{{1, 1, 1}, {3, 2, 5}, {1, 17, 4},  {19, 1, 3}, {4, 4, 0},
                               {0, 3, 2}, {3, 0, 2}, {33, 7, 29}, {8, 12, 16}};

template <class A, class B, class C>
void check_sizes() {
  for (const Sizes& s : small)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true})
        for (const bool aligned : {false, true}) {
          GemmCase t{s.m, s.n, s.k, ta, tb};
          t.aligned = aligned;
          check<A, B, C>(t);
          t.accumulate = true, t.alpha = -0.5;
          check<A, B, C>(t);
          t.kind = EpilogueKind::bias;
          check<A, B, C>(t);
        }
}

const EpilogueKind kinds[] = {EpilogueKind::none,      EpilogueKind::bias,
                              EpilogueKind::bias_gelu, EpilogueKind::bias_gelu_tanh,
                              EpilogueKind::silu_gate, EpilogueKind::bias_residual};

template <class A, class B, class C>
void check_epilogues(double rounding = 0) {
  for (const EpilogueKind kind : kinds)
    for (int way = 0; way < 16; ++way)
      for (const Sizes& s : {Sizes{5, 7, 6}, {9, 16, 12}, {3, 8, 0}}) {
        GemmCase t{s.m, s.n, s.k, false, true};
        t.kind = kind, t.rounding = rounding;
        t.accumulate = way & 1, t.bias = way & 2, t.stored = way & 4, t.aligned = way & 8;
        check<A, B, C>(t);
      }
}

}  // namespace

#define VCELL_NEEDS_GPU \
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason)

TEST_CASE("cuda gemm: float and double", "[cuda]") {
  VCELL_NEEDS_GPU;
  check_sizes<float, float, float>();
  check_sizes<double, double, double>();
}

TEST_CASE("cuda gemm: float and bfloat16 in every mixture", "[cuda]") {
  VCELL_NEEDS_GPU;
  check_sizes<float, bfloat16, float>();
  check_sizes<bfloat16, float, float>();
  check_sizes<bfloat16, bfloat16, float>();
  check_sizes<float, float, bfloat16>();
  check_sizes<float, bfloat16, bfloat16>();
  check_sizes<bfloat16, float, bfloat16>();
  check_sizes<bfloat16, bfloat16, bfloat16>();
}

TEST_CASE("cuda gemm: every epilogue, stored or not, assigned or added", "[cuda]") {
  VCELL_NEEDS_GPU;
  check_epilogues<float, float, float>();
  check_epilogues<double, double, double>();
  check_epilogues<bfloat16, bfloat16, bfloat16>();
  check_epilogues<bfloat16, float, bfloat16>();
  check_epilogues<bfloat16, bfloat16, float>();
}

TEST_CASE("cuda gemm: a batch, with matrices of its own or one for all", "[cuda]") {
  VCELL_NEEDS_GPU;
  for (const size_t batch : {size_t(0), size_t(2), size_t(7)})
    for (const bool one_a : {false, true})
      for (const bool one_b : {false, true})
        for (const EpilogueKind kind : kinds)
          for (const bool aligned : {false, true}) {
            GemmCase t{5, 8, 6, one_b, one_a};
            t.batch = batch, t.one_a = one_a, t.one_b = one_b, t.kind = kind, t.aligned = aligned;
            t.stored = true;
            check<float, float, float>(t);
            check<bfloat16, bfloat16, bfloat16>(t);
            t.accumulate = true, t.stored = false;
            check<double, double, double>(t);
            check<bfloat16, float, float>(t);
          }
}

TEST_CASE("cuda gemm: a batch with a bias for each product", "[cuda]") {
  VCELL_NEEDS_GPU;
  for (const size_t n : {size_t(4), size_t(5)}) {
    const auto bias = random_tensor<float, 2>({5, n}, 1);
    const Tensor<float, 2, Cuda> a({2, 3}), b({3, n});
    const auto device_bias = to_device<Cuda>(bias);
    auto c = Tensor<float, 3, Cuda>::uninitialized({5, 2, n});
    kernel::run<Gemm, Cuda>(
        "test", GemmOptions{.batch = {.count = 5, .c = 2 * n, .bias = n}}, a.view(), b.view(),
        kernel::MatrixView<float, Cuda>(c.data(), 2, n, n),
        Epilogue<float, Cuda>{.kind = EpilogueKind::bias, .bias = device_bias.view().flat()});
    const auto found = to_host(c.view());
    for (size_t p = 0; p < 5; ++p)
      for (size_t i = 0; i < 2; ++i)
        for (size_t j = 0; j < n; ++j) CHECK(found(p, i, j) == bias(p, j));
  }
}

TEST_CASE("cuda gemm: what is rounded is the sum alone", "[cuda]") {
  VCELL_NEEDS_GPU;
  // 256 + 1 + 1 is 258 in bfloat16, but 256 where every sum is rounded.
  Tensor<bfloat16, 2> ones({1, 2}), before({1, 1});
  ones(0, 0) = ones(0, 1) = bfloat16(1), before(0, 0) = bfloat16(256);
  const auto a = to_device<Cuda>(ones);
  auto c = to_device<Cuda>(before);
  kernel::run<Gemm, Cuda>("test", GemmOptions{.transpose_b = true, .accumulate = true}, a.view(),
                          a.view(), kernel::MatrixView<bfloat16, Cuda>(c.view()),
                          Epilogue<bfloat16, Cuda>{});
  CHECK(float(to_host(c.view())(0, 0)) == 258);
}

TEST_CASE("cuda gemm: the same bytes in every run", "[cuda]") {
  VCELL_NEEDS_GPU;
  for (const EpilogueKind kind : kinds) {
    GemmCase t{33, 24, 40, false, true};
    t.kind = kind, t.stored = true;
    const auto first = check<float, float, float>(t);
    vcell_test::in_several_orders([&] {
      const auto again = check<float, float, float>(t);
      CHECK(again.c == first.c);
      CHECK(again.stored == first.stored);
    });
  }
}

TEST_CASE("cuda gemm: elements beyond the grid", "[cuda]") {
  VCELL_NEEDS_GPU;
  const auto& context = current_context<Cuda>();
  const auto z = random_tensor<float, 2>({40, 32}, 1), bias = random_tensor<float, 2>({1, 32}, 2);
  const auto device_z = to_device<Cuda>(z), device_bias = to_device<Cuda>(bias);
  auto c = Tensor<float, 2, Cuda>({40, 32});
  using kernel::detail::BatchPlace;
  const BatchPlace place{32, 0}, none;
  const float* const no_residual = nullptr;
  float* const not_stored = nullptr;
  check_status(
      "test", device::launch(
                  context, kernel::detail::gemm_epilogue<EpilogueKind::bias, 4, true, float, float>,
                  dim3{1}, dim3{device::each_threads}, 1, 40, 32, device_z.data(), place,
                  device_bias.data(), 0, no_residual, none, not_stored, none, c.data(), place));
  const auto found = to_host(c.view());
  for (size_t i = 0; i < 40; ++i)
    for (size_t j = 0; j < 32; ++j) CHECK(found(i, j) == z(i, j) + bias(0, j));
}

TEST_CASE("cuda gemm: tf32 and bfloat16 products of float matrices", "[cuda]") {
  VCELL_NEEDS_GPU;
  GemmCase t{17, 24, 64};
  t.aligned = true;
  const auto full = check<float, float, float>(t);
  for (const auto precision : {Precision::tf32, Precision::bfloat16}) {
    const Context<Cuda> context(precision);
    const UseContext use(context);
    const double rounding = precision == Precision::tf32 ? 0x1p-11 : 0x1p-8;
    check_epilogues<float, float, float>(rounding);
    t.rounding = rounding;
    const auto coarse = check<float, float, float>(t);
    CHECK(coarse.c.size() == full.c.size());
#if defined(VCELL_EMULATE_CUDA)  // the library may round factors, and need not
    CHECK(coarse.c != full.c);
#endif
    GemmCase wide = t;
    wide.rounding = 0;  // these know no choice
    check<double, double, double>(wide);
    check<bfloat16, bfloat16, float>(wide);
  }
}

TEST_CASE("cuda gemm: what cannot be done is said", "[cuda]") {
  VCELL_NEEDS_GPU;
  const Context<Cuda>& context = current_context<Cuda>();
  const Tensor<float, 2, Cuda> a({2, 3}), b({3, 4});
  Tensor<float, 2, Cuda> c({2, 4});
  const auto run = [&](const GemmOptions& o, const Epilogue<float, Cuda>& e) {
    const auto status = Gemm<Cuda>::run(context, o, a.view(), b.view(),
                                        kernel::MatrixView<float, Cuda>(c.view()), e, {});
    return std::string(status.ok() ? "" : status.failure);
  };
  CHECK(run({}, {}).empty());
  CHECK(run({.batch = {.count = 2}}, {}) ==
        "the products of a batch would all be written to one place");
  CHECK(run({}, {.kind = EpilogueKind::bias_residual}) == "the residual to be added is missing");
  CHECK(run({}, {.kind = EpilogueKind::bias_gelu}) ==
        "its scratch is smaller than run_scratch says, or not 64-byte aligned");
}

TEST_CASE("cuda gemm: a product that is recorded and done again", "[cuda]") {
  VCELL_NEEDS_GPU;
  const Context<Cuda> context;
  const UseContext use(context);
  const auto a = random_tensor<float, 2>({6, 8}, 1), b = random_tensor<float, 2>({8, 12}, 2);
  const auto device_a = to_device<Cuda>(a), device_b = to_device<Cuda>(b);
  Tensor<float, 2> expected({6, 6});
  Tensor<float, 2, Cuda> c({6, 6});
  const auto multiply = []<class Device>(const Tensor<float, 2, Device>& x,
                                         const Tensor<float, 2, Device>& y,
                                         Tensor<float, 2, Device>& z) {
    kernel::run<Gemm, Device>("test", GemmOptions{.accumulate = true}, x.view(), y.view(),
                              kernel::MatrixView<float, Device>(z.view()),
                              Epilogue<float, Device>{.kind = EpilogueKind::silu_gate});
  };
  Recording<Cuda> recording(context);
  for (int run = 0; run < 3; ++run) {
    recording.run([&] { multiply(device_a, device_b, c); });
    multiply(a, b, expected);
  }
  CHECK(recording.why_not() == "");
  CHECK(recording.is_recorded());
  const auto found = to_host(c.view());
  for (size_t i = 0; i < found.count(); ++i)
    CHECK(std::abs(found.data()[i] - expected.data()[i]) < 1e-4);
}

#if defined(VCELL_EMULATE_CUDA)
namespace {

auto& cublas() { return vcell_emulation::CublasState::instance(); }

/// Calls of cuBLASLt that finished C itself, of one product.
size_t finished_by_library(GemmCase t, bool bf16 = false) {
  const size_t before = cublas().with_epilogue, products = cublas().products;
  if (bf16)
    check<bfloat16, bfloat16, bfloat16>(t);
  else
    check<float, float, float>(t);
  CHECK(cublas().products == products + 1);
  return cublas().with_epilogue - before;
}

}  // namespace

TEST_CASE("cuda gemm: which epilogues are the library's", "[cuda]") {
  GemmCase t{5, 8, 6};
  t.kind = EpilogueKind::bias, t.aligned = true;
  CHECK(finished_by_library(t) == 1);
  t.accumulate = true;
  CHECK(finished_by_library(t) == 1);
  t.aligned = false;  // the bias
  CHECK(finished_by_library(t) == 0);
  t.aligned = true, t.accumulate = false, t.stored = true;
  CHECK(finished_by_library(t) == 0);
  t.kind = EpilogueKind::bias_gelu_tanh;
  CHECK(finished_by_library(t) == 0);  // in float32
  CHECK(finished_by_library(t, true) == 1);
  t.batch = 3;
  CHECK(finished_by_library(t, true) == 1);
  t.batch = 1, t.bias = false;
  CHECK(finished_by_library(t, true) == 1);
  t.stored = false;
  CHECK(finished_by_library(t, true) == 1);
  t.accumulate = true;
  CHECK(finished_by_library(t, true) == 0);
  t.accumulate = false, t.stored = true, t.aligned = false;
  CHECK(finished_by_library(t, true) == 0);
  t.kind = EpilogueKind::bias_gelu, t.aligned = true;
  CHECK(finished_by_library(t, true) == 0);
  const Context<Cuda> context(Precision::tf32);
  const UseContext use(context);
  t.kind = EpilogueKind::bias_gelu_tanh, t.rounding = 0x1p-11;
  CHECK(finished_by_library(t) == 1);
}

TEST_CASE("cuda gemm: an algorithm is asked for once", "[cuda]") {
  const Context<Cuda> context;
  const UseContext use(context);
  GemmCase t{5, 8, 6};
  const size_t before = cublas().heuristics;
  check<float, float, float>(t);
  check<float, float, float>(t);
  CHECK(cublas().heuristics == before + 1);
  t.m = 6;
  check<float, float, float>(t);
  CHECK(cublas().heuristics == before + 2);
}

TEST_CASE("cuda gemm: an epilogue that the library has no algorithm for", "[cuda]") {
  const Context<Cuda> context;
  const UseContext use(context);
  GemmCase t{5, 8, 6};
  t.kind = EpilogueKind::bias, t.aligned = true;
  cublas().fail("cublasLtMatmulAlgoGetHeuristic", 0, CUBLAS_STATUS_NOT_SUPPORTED);
  CHECK(finished_by_library(t) == 0);
  CHECK(finished_by_library(t) == 0);  // it stays so
}

TEST_CASE("cuda gemm: failures of the library", "[cuda]") {
  const Context<Cuda> context;
  const UseContext use(context);
  const Tensor<float, 2, Cuda> a({2, 3}), b({3, 4});
  Tensor<float, 2, Cuda> c({2, 4});
  const auto multiply = [&] {
    kernel::run<Gemm, Cuda>("linear", GemmOptions{}, a.view(), b.view(),
                            kernel::MatrixView<float, Cuda>(c.view()),
                            Epilogue<float, Cuda>{.kind = EpilogueKind::bias_gelu});
  };
  auto& device = vcell_emulation::Device::instance();
  const size_t live = cublas().live.size(), bytes = device.bytes_in_use();
  cublas().fail("cublasLtCreate", 0, CUBLAS_STATUS_NOT_INITIALIZED);
  CHECK_THROWS_WITH(multiply(), contains("ProductHandle: cublasLtCreate failed: "
                                         "CUBLAS_STATUS_NOT_INITIALIZED"));
  CHECK(cublas().live.size() == live);
  CHECK(device.bytes_in_use() == bytes);
  cublas().fail("cublasLtMatmulAlgoGetHeuristic", 0, CUBLAS_STATUS_ALLOC_FAILED);
  CHECK_THROWS_WITH(multiply(),
                    "linear: the kernel did not start: cublasLtMatmulAlgoGetHeuristic "
                    "failed: CUBLAS_STATUS_ALLOC_FAILED (the resource allocation "
                    "failed)");
  cublas().fail("cublasLtMatmul", 0, CUBLAS_STATUS_EXECUTION_FAILED);
  CHECK_THROWS_WITH(multiply(), contains("linear: the kernel did not start: cublasLtMatmul failed: "
                                         "CUBLAS_STATUS_EXECUTION_FAILED"));
  multiply();  // what failed for want of memory is asked for again
}

TEST_CASE("cuda gemm: handle and workspace go with their context", "[cuda]") {
  auto& device = vcell_emulation::Device::instance();
  const size_t live = cublas().live.size(), bytes = device.bytes_in_use();
  {
    const Context<Cuda> context;
    const UseContext use(context);
    CHECK(&context.own<ProductHandle>() == &Context<Cuda>(context).own<ProductHandle>());
    CHECK(cublas().live.size() == live + 1);
    CHECK(device.bytes_in_use() == bytes + ProductHandle::workspace_bytes);
  }
  CHECK(cublas().live.size() == live);
  CHECK(device.bytes_in_use() == bytes);
}

TEST_CASE("cuda gemm: on the device of its context", "[cuda]") {
  const vcell_emulation::Pretend two({.devices = 2});
  const Context<Cuda> context(1);
  const UseContext use(context);
  GemmCase t{5, 8, 6};
  check<float, float, float>(t);
  t.kind = EpilogueKind::bias_gelu;
  check<float, bfloat16, float>(t);
}

TEST_CASE("cuda gemm: a product is work of its context", "[cuda]") {
  const Context<Cuda> other;
  const Tensor<float, 2, Cuda> a({2, 3}), b({3, 4});
  Tensor<float, 2, Cuda> c({2, 4});
  const auto multiply = [&] {
    const UseContext use(other);
    kernel::run<Gemm, Cuda>("test", GemmOptions{}, a.view(), b.view(),
                            kernel::MatrixView<float, Cuda>(c.view()), Epilogue<float, Cuda>{});
  };
  CHECK_THROWS_AS(multiply(), vcell_emulation::Failure);
  other.wait_for(current_context<Cuda>());
  multiply();
  CHECK_THROWS_AS(to_host(c.view()), vcell_emulation::Failure);
  current_context<Cuda>().wait_for(other);
  to_host(c.view());
}
#endif
