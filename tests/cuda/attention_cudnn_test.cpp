// cuDNN's attention against the kernel of the CPU, and which of the two a context's attention is.
#include "vcell/kernels/attention_cudnn.cuh"

#include <cstring>
#include <tuple>

#include "support/catch.hpp"
#include "vcell/kernels/attention.cuh"
#include "vcell/kernels/copy.cuh"
//
#include "cuda/support/device.hpp"
#include "support/random_tensor.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/ops/self_attention.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using kernel::AttentionLibrary;
using kernel::AttentionRow;
using kernel::AttentionShape;
using kernel::HeadsView;
using vcell_test::contains;
using Id = kernel::CudnnAttentionTensor;

/// Why cuDNN cannot do it here; empty when it can.
std::string no_cudnn() {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) return reason;
#if !defined(VCELL_EMULATE_CUDA)
  cudaDeviceProp found{};
  if (cudaGetDeviceProperties(&found, 0) != cudaSuccess || found.major < 8 || found.major > 9)
    return "cuDNN's attention is deterministic on devices of compute capability 8 and 9 alone";
#endif
  return "";
}

template <class T>
Tensor<float, 1> numbers(const T& n, size_t rows, uint64_t seed) {
  return vcell_test::random_tensor<float, 1>({n.batch * rows * n.heads * n.head_dim}, seed);
}

struct Results {
  Tensor<float, 1> o, dq, dk, dv;
  std::vector<float> sums;  ///< log sum_j exp(s[i, j])
};

struct Case {
  AttentionShape n{};
  std::vector<int32_t> lengths{};
  bool accumulate = false;
  bool wants_key = true;
  bool heads_last = true;  ///< rows of all heads side by side
};

/// Forward by one kernel and backward by another, of the same device.
template <class Device, template <class> class Forward = kernel::Attention,
          template <class> class Backward = Forward>
Results run(const Case& c) {
  const auto& n = c.n;
  const auto put = [](const auto& x) { return to_device<Device>(x); };
  const auto q = put(numbers(n, n.queries, 1)), k = put(numbers(n, n.keys, 2)),
             v = put(numbers(n, n.keys, 3)), d_o = put(numbers(n, n.queries, 4));
  auto o = put(numbers(n, n.queries, 5)), dq = put(numbers(n, n.queries, 6)),
       dk = put(numbers(n, n.keys, 7)), dv = put(numbers(n, n.keys, 8));
  const auto lengths = put(Tensor<int32_t, 1>({c.lengths.size()}, c.lengths));
  auto r = put(Tensor<AttentionRow<float>, 1>({n.batch * n.heads * n.queries}));
  kernel::AttentionMask<Device> mask;
  if (!c.lengths.empty()) mask.lengths = lengths.view();
  const auto heads = [&]<class T>(T* data, size_t rows, bool accumulate = false) {
    const size_t width = n.heads * n.head_dim;
    return c.heads_last ? HeadsView<T, Device>{data, rows * width, n.head_dim, width, accumulate}
                        : HeadsView<T, Device>{data, rows * width, rows * n.head_dim, n.head_dim,
                                               accumulate};
  };
  const auto read = [&](const Tensor<float, 1, Device>& x, size_t rows) {
    return heads(x.data(), rows);
  };
  const float scale = 0.3f;
  kernel::forward<Forward, Device>("test", n, scale, read(q, n.queries), read(k, n.keys),
                                   read(v, n.keys), mask, heads(o.data(), n.queries), r.view());
  kernel::backward<Backward, Device>("test", n, scale, read(d_o, n.queries), read(o, n.queries),
                                     read(q, n.queries), read(k, n.keys), read(v, n.keys), mask,
                                     std::as_const(r).view(),
                                     heads(dq.data(), n.queries, c.accumulate),
                                     heads(c.wants_key ? dk.data() : nullptr, n.keys, c.accumulate),
                                     heads(dv.data(), n.keys, c.accumulate));
  Results found{to_host(o.view()), to_host(dq.view()), to_host(dk.view()), to_host(dv.view()), {}};
  const auto rows = to_host(r.view());
  for (size_t i = 0; i < rows.count(); ++i)
    if (c.lengths.empty() || i % n.queries < size_t(c.lengths[i / n.queries / n.heads]))
      found.sums.push_back(rows[i].largest - std::log(rows[i].inverse));
  return found;
}

/// The largest difference, as a part of the largest number expected.
template <class A, class B>
double error(const A& found, const B& expected) {
  REQUIRE(found.size() == expected.size());
  double most = 0, scale = 1e-6;
  for (size_t i = 0; i < found.size(); ++i) {
    scale = std::max(scale, std::abs(double(expected[i])));
    most = std::max(most, std::isnan(found[i]) ? 1e9 : std::abs(double(found[i] - expected[i])));
  }
  return most / scale;
}

constexpr double rounding = 0.02;  // of bfloat16, by way of a product of many numbers

void check_same(const Results& found, const Results& expected) {
  CHECK(error(found.o.values(), expected.o.values()) < rounding);
  CHECK(error(found.dq.values(), expected.dq.values()) < rounding);
  CHECK(error(found.dk.values(), expected.dk.values()) < rounding);
  CHECK(error(found.dv.values(), expected.dv.values()) < rounding);
  CHECK(error(found.sums, expected.sums) < rounding);
}

/// Why a call was declined.
template <class F>
std::string reason(F&& call) {
  try {
    call();
  } catch (const CudaError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("cuda cudnn attention: value and gradients", "[cuda]") {
  if (const auto why = no_cudnn(); !why.empty()) VCELL_SKIP(why);
  const Context<Cuda> context(Precision::bfloat16);
  const UseContext use(context);
  for (const Case& c : {Case{{1, 1, 2, 1, 8}},
                        {{2, 2, 5, 3, 16}},
                        {{1, 1, 2, 128, 4}, {}, true},
                        {{1, 2, 3, 4, 84}, {}, false, true, false},
                        {{1, 1, 3, 2, 128}, {}, true, false}}) {
    INFO(message(Shape<5>{c.n.batch, c.n.heads, c.n.queries, c.n.keys, c.n.head_dim}));
    check_same(run<Cuda, kernel::CudnnAttention>(c), run<Cpu>(c));
  }
}

TEST_CASE("cuda cudnn attention: padding is not read, its results are zeros", "[cuda]") {
  if (const auto why = no_cudnn(); !why.empty()) VCELL_SKIP(why);
  const Context<Cuda> context(Precision::bfloat16);
  const UseContext use(context);
  for (const bool accumulate : {false, true}) {
    const Case c{{4, 2, 5, 5, 12}, {0, 1, 5, 3}, accumulate};
    const auto found = run<Cuda, kernel::CudnnAttention>(c);
    check_same(found, run<Cpu>(c));
    for (size_t i = 0; i < 5 * 24; ++i) CHECK(found.o[i] == 0);
  }
}

TEST_CASE("cuda cudnn attention: rows are as good for vcell's own gradients", "[cuda]") {
  if (const auto why = no_cudnn(); !why.empty()) VCELL_SKIP(why);
  const Context<Cuda> context(Precision::bfloat16);
  const UseContext use(context);
  const Case c{{2, 1, 5, 5, 12}, {5, 2}};
  const auto expected = run<Cpu>(c);
  check_same(run<Cuda, kernel::CudnnAttention, kernel::Attention>(c), expected);
  check_same(run<Cuda, kernel::Attention, kernel::CudnnAttention>(c), expected);
}

TEST_CASE("cuda cudnn attention: the same bytes every time", "[cuda]") {
  if (const auto why = no_cudnn(); !why.empty()) VCELL_SKIP(why);
  const Context<Cuda> context(Precision::bfloat16);
  const UseContext use(context);
  const Case c{{1, 2, 6, 5, 8}};
  const auto first = run<Cuda, kernel::CudnnAttention>(c);
  vcell_test::in_several_orders([&] {
    const auto again = run<Cuda, kernel::CudnnAttention>(c);
    for (const auto& [x, y] : {std::pair{&again.o, &first.o},
                               {&again.dq, &first.dq},
                               {&again.dk, &first.dk},
                               {&again.dv, &first.dv}})
      CHECK(std::memcmp(x->data(), y->data(), x->count() * sizeof(float)) == 0);
  });
}

TEST_CASE("cuda cudnn attention: what it does not do is declined", "[cuda]") {
  if (const auto why = no_cudnn(); !why.empty()) VCELL_SKIP(why);
  const auto of = [](const Case& c) {
    return reason([&] { run<Cuda, kernel::CudnnAttention>(c); });
  };
  {
    const Context<Cuda> exact;
    const UseContext use(exact);
    CHECK_THAT(of({{1, 1, 2, 2, 8}}), contains("needs a context of Precision::bfloat16"));
  }
  const Context<Cuda> context(Precision::bfloat16);
  const UseContext use(context);
  CHECK_THAT(of({{1, 1, 2, 2, 129}}), contains("heads of 1 to 128 columns"));
  CHECK_THAT(of({{1, 1, 2, 0, 8}}), contains("at least one query and one key"));
  CHECK_THAT(of({{1, 1, 1, 1, 8}}), contains("no gradients of attention of one query to one key"));
  CHECK(of({{0, 1, 2, 2, 8}}).empty());
  const auto allowed = to_device<Cuda>(Tensor<bool, 1>({4}));
  using A = kernel::CudnnAttention<Cuda>;
  CHECK_THAT(
      A::forward(context, {1, 1, 2, 2, 8}, 1.0f, {}, {}, {}, {allowed.data(), 0, 0}, {}, {}, {})
          .failure,
      contains("takes lengths, but no mask"));
  CHECK_THAT(A::forward(context, {1, 1, 2, 2, 8}, 1.0f, {}, {}, {}, {}, {}, {}, {}).failure,
             contains("scratch is smaller"));
}

TEST_CASE("cuda cudnn attention: which of the two runs is a table", "[cuda]") {
  constexpr auto library = kernel::attention_library;
  constexpr auto low = Precision::bfloat16;
  CHECK(library({1, 1, 1024, 1024, 64}, low, false) == AttentionLibrary::cudnn);
  CHECK(library({1, 1, 4096, 1024, 128}, low, false) == AttentionLibrary::cudnn);
  CHECK(library({1, 1, 1024, 1024, 64}, low, true) == AttentionLibrary::own);
  CHECK(library({1, 1, 1024, 1023, 64}, low, false) == AttentionLibrary::own);
  CHECK(library({1, 1, 1023, 1024, 64}, low, false) == AttentionLibrary::own);
  CHECK(library({1, 1, 1024, 1024, 84}, low, false) == AttentionLibrary::own);
  CHECK(library({1, 1, 1024, 1024, 64}, Precision::tf32, false) == AttentionLibrary::own);
}

#if defined(VCELL_EMULATE_CUDA)  // by what the stand-in counts and refuses
namespace {

auto& cudnn() { return vcell_emulation::CudnnState::instance(); }

/// In place of one of cuDNN's functions: counts calls and does nothing. Forward wants the scratch
/// that was asked for.
size_t calls[4] = {};
template <size_t which, class R, class... A>
R counted(A... arguments) {
  ++calls[which];
  if constexpr (std::is_same_v<R, size_t>) {
    return 64;
  } else {
    const auto all = std::tie(arguments...);
    return {std::get<sizeof...(A) - 1>(all).count() == 64 ? nullptr : "of other scratch"};
  }
}

}  // namespace

TEST_CASE("cuda cudnn attention: plans are made once a shape, and are given back", "[cuda]") {
  const size_t handles = cudnn().handles.size(), live = cudnn().live.size();
  {
    const Context<Cuda> context(Precision::bfloat16);
    const UseContext use(context);
    const Case c{{1, 2, 3, 4, 8}};
    const size_t plans = cudnn().plans, executions = cudnn().executions;
    run<Cuda, kernel::CudnnAttention>(c);
    run<Cuda, kernel::CudnnAttention>(c);
    CHECK(cudnn().plans == plans + 2);
    CHECK(cudnn().executions == executions + 4);
    run<Cuda, kernel::CudnnAttention>({{1, 2, 3, 5, 8}});
    CHECK(cudnn().plans == plans + 4);
    CHECK(cudnn().handles.size() == handles + 1);
  }
  CHECK(cudnn().handles.size() == handles);
  CHECK(cudnn().live.size() == live);
}

TEST_CASE("cuda cudnn attention: a call that fails is named", "[cuda]") {
  const Context<Cuda> context(Precision::bfloat16);
  const UseContext use(context);
  const auto of = [](const char* call, size_t n, cudnnStatus_t status) {
    cudnn().fail(call, n, status);
    const auto why = reason([] { run<Cuda, kernel::CudnnAttention>({{1, 1, 2, 3, 8}}); });
    cudnn().failing = nullptr;
    return why;
  };
  CHECK(of("cudnnCreate", 0, CUDNN_STATUS_NOT_INITIALIZED) ==
        "CudnnHandle: cudnnCreate failed: CUDNN_STATUS_NOT_INITIALIZED (as the test wants it)");
  CHECK(of("cudnnBackendExecute", 0, CUDNN_STATUS_EXECUTION_FAILED) ==
        "test: the kernel did not start: cudnnBackendExecute failed: "
        "CUDNN_STATUS_EXECUTION_FAILED (as the test wants it)");
  // A shape that failed is asked for again: once for its scratch, once for the work.
  run<Cuda, kernel::CudnnAttention>({{1, 1, 2, 3, 8}});
  const auto of_version = [](size_t version) {
    cudnn().version = version;
    const Context<Cuda> other(Precision::bfloat16);
    const UseContext use_other(other);
    const auto why = reason([] { run<Cuda, kernel::CudnnAttention>({{1, 1, 2, 3, 8}}); });
    cudnn().version = CUDNN_VERSION;
    return why;
  };
  CHECK_THAT(of_version(90700), contains("is of version 90700, expected at least 90800"));
  CHECK_THAT(of_version(91001), contains("cuDNN 9.10.0 and 9.10.1"));
  CHECK(of_version(91002).empty());
}

TEST_CASE("cuda cudnn attention: not started while work is recorded", "[cuda]") {
  const Context<Cuda> context(Precision::bfloat16), started(Precision::bfloat16);
  kernel::use_cudnn_attention(started);
  detail::CudaBlocks blocks;
  detail::CudaWork work(blocks);
  context.keep_work(&work);
  started.keep_work(&work);
  work.begin_recording();
  CHECK_THAT(kernel::CudnnAttention<Cuda>::forward(started, {1, 1, 2, 2, 8}, 1.0f, {}, {}, {}, {},
                                                   {}, {}, {})
                 .failure,
             contains("first attention of this shape, in work that is recorded"));
  started.keep_work(nullptr);
  CHECK_THROWS_WITH(kernel::use_cudnn_attention(context), contains("in work that is recorded"));
  context.keep_work(nullptr);
}

TEST_CASE("cuda cudnn attention: a context goes to it when told to", "[cuda]") {
  const auto goes = [](bool is_told, size_t cells, bool is_masked) {
    const Context<Cuda> context(Precision::bfloat16);
    if (is_told) kernel::use_cudnn_attention(context);
    const bool allowed[1] = {true};
    kernel::AttentionMask<Cuda> mask;
    if (is_masked) mask.data = allowed;
    return kernel::detail::GivenAttention::find(context, {1, 1, cells, cells, 64}, mask) != nullptr;
  };
  CHECK(goes(true, 1024, false));
  CHECK_FALSE(goes(false, 1024, false));
  CHECK_FALSE(goes(true, 1023, false));
  CHECK_FALSE(goes(true, 1024, true));
  // The operation itself: all four functions are called in place of vcell's own.
  const Context<Cuda> context(Precision::bfloat16);
  const UseContext use(context);
  kernel::use_cudnn_attention(context);
  context.own<kernel::detail::GivenAttention>().functions = {counted<0>, counted<1>, counted<2>,
                                                             counted<3>};
  const Variable<float, 3, Cuda> x(Tensor<float, 3, Cuda>({1, 1024, 192}), true);
  const auto y = self_attention(x, 1);
  CHECK((calls[0] == 1 && calls[1] == 1 && calls[2] == 0));
  backward(y, Tensor<float, 3, Cuda>(y.shape()).view());
  CHECK((calls[2] == 1 && calls[3] == 1));
  const Context<Cuda> other(Precision::bfloat16);
  CHECK_FALSE(other.own<kernel::detail::GivenAttention>().is_given);
}

TEST_CASE("cuda cudnn attention: the stand-in notices a wrong graph", "[cuda]") {
  const Context<Cuda> context(Precision::bfloat16);
  const CudnnHandle handle(context);
  const auto place = CudnnPlace::dense(1, 1, 2, 8);
  const auto ways = [&](const CudnnGraph& graph) {
    return CudnnPlan::engines(graph.operation_graph(), handle.properties()).size();
  };
  CHECK(ways(kernel::cudnn_attention_forward({1, 2, 3, 4, 8, false})) == 2);
  CHECK(ways(kernel::cudnn_attention_backward({1, 2, 3, 4, 128, true})) == 2);
  // Heads that it has no engine for, and what is no attention.
  CHECK(ways(kernel::cudnn_attention_forward({1, 2, 3, 4, 84, false})) == 0);
  CHECK_THROWS_WITH(
      CudnnPlan(kernel::cudnn_attention_forward({1, 2, 3, 4, 136, false}), handle.properties()),
      contains("cuDNN has no way to do it on this device, of 0 that"));
  CudnnGraph sum;
  const auto x = sum.tensor(1, CUDNN_DATA_BFLOAT16, place);
  sum.pointwise(CUDNN_POINTWISE_ADD, x, x, sum.tensor(2, CUDNN_DATA_BFLOAT16, place));
  CHECK(ways(sum) == 0);
  // Sizes that do not fit, a tensor that nobody wrote, a number that is missing.
  CHECK_THROWS_WITH(sum.product(x, x, x, {}),
                    contains("cudnnBackendFinalize of a product failed: CUDNN_STATUS_BAD_PARAM "
                             "(sizes of a product)"));
  CHECK_THROWS_WITH(sum.pointwise(CUDNN_POINTWISE_EXP, x, x, x), contains("operands"));
  CudnnGraph unwritten;
  unwritten.pointwise(CUDNN_POINTWISE_EXP, unwritten.between(CUDNN_DATA_FLOAT, place), nullptr,
                      unwritten.tensor(1, CUDNN_DATA_FLOAT, place));
  CHECK_THROWS_WITH(unwritten.operation_graph(), contains("read before it is written"));
  CudnnDescriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR, "a tensor");
  CHECK_THROWS_WITH(tensor.finalize(), contains("an attribute is missing"));
  CHECK_THROWS_WITH(tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, true),
                    contains("CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE"));
  CHECK_THROWS_WITH(tensor.set(CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_DATA_FLOAT),
                    contains("cudnnBackendSetAttribute 1500 of a tensor failed"));
}

TEST_CASE("cuda cudnn attention: the stand-in minds addresses", "[cuda]") {
  const Context<Cuda> context(Precision::bfloat16);
  const UseContext use(context);
  CudnnHandle handle(context);
  const CudnnPlan plan(kernel::cudnn_attention_forward({1, 1, 2, 2, 8, false}),
                       handle.properties());
  Buffer<std::byte, Cuda> memory(4096);
  const auto at = [&](size_t byte) { return static_cast<void*>(memory.data() + byte); };
  float scale = 1;
  const CudnnHandle::Places places{{Id::q, at(512)}, {Id::k, at(576)},        {Id::v, at(640)},
                                   {Id::o, at(704)}, {Id::row_sums, at(768)}, {Id::scale, &scale}};
  const auto changed = [&](int64_t id, void* to) {
    auto other = places;
    other[id] = to;
    return reason([&] { handle.execute(plan, other, memory.data()); });
  };
  std::byte host[64];
  CHECK(changed(Id::scale, &scale).empty());
  CHECK_THAT(changed(Id::q, host), contains("does not lie on the device"));
  CHECK_THAT(changed(Id::o, at(4090)), contains("does not lie on the device"));
  CHECK_THAT(changed(Id::k, at(578)), contains("MISALIGNED_POINTER"));
  CHECK_THAT(changed(Id::v, at(16)), contains("lies in the workspace"));
  CHECK_THAT(changed(Id::scale, at(1024)), contains("is on the device"));
  CHECK_THAT(reason([&] { handle.execute(plan, places, at(4000)); }),
             contains("the workspace is too small"));
  auto fewer = places;
  fewer.erase(Id::o);
  CHECK_THAT(reason([&] { handle.execute(plan, fewer, at(0)); }), contains("has no address"));
}
#endif
