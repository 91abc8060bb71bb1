// The CUDA kernels of attention against those of the CPU.
#include "vcell/kernels/attention.cuh"

#include <cstring>

#include "support/attention_rounding.hpp"
#include "support/catch.hpp"
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
using kernel::AttentionRow;
using kernel::AttentionShape;
using kernel::HeadsView;

/// How the rows of heads lie in memory.
enum class Layout { heads_first, heads_last, interleaved, unaligned };

struct Case {
  AttentionShape n;
  Layout layout = Layout::heads_first;
  size_t mask_batch = 0, mask_heads = 0;  // 0: no mask
  std::vector<int32_t> lengths{};
  double scale = 0.7;
};

/// One operand: numbers of the memory that its heads lie in, and what lies between them.
template <class T>
struct Operand {
  HeadsView<T> place;  // without memory
  size_t rows;
  Tensor<T, 1> memory;

  Operand(const Case& c, size_t n_rows, uint64_t seed, T between) : rows(n_rows) {
    const auto& n = c.n;
    const size_t width = n.heads * n.head_dim;
    place = c.layout == Layout::heads_first
                ? HeadsView<T>{nullptr, rows * width, rows * n.head_dim, n.head_dim}
                : HeadsView<T>{nullptr, rows * width, n.head_dim, width};
    if (c.layout == Layout::interleaved) place.batch_stride *= 3, place.row_stride *= 3;
    memory = Tensor<T, 1>({offset(c) + n.batch * place.batch_stride});
    for (T& x : memory.values()) x = between;
    Rng rng(seed);
    for (size_t b = 0; b < n.batch; ++b)
      for (size_t h = 0; h < n.heads; ++h)
        for (size_t i = 0; i < rows; ++i)
          for (size_t j = 0; j < n.head_dim; ++j) {
            const T x = T(rng.normal());
            // What is padding must not be read.
            const bool real = c.lengths.empty() || i < size_t(c.lengths[b]);
            if (real || !std::isnan(between)) at(c, b, h, i, j) = x;
          }
  }
  static size_t offset(const Case& c) { return c.layout == Layout::unaligned ? 1 : 0; }
  T& at(const Case& c, size_t b, size_t h, size_t i, size_t j) {
    return memory.data()[offset(c) + b * place.batch_stride + h * place.head_stride +
                         i * place.row_stride + j];
  }
  template <class U, class Device>
  HeadsView<U, Device> view(const Case& c, U* data, bool accumulate = false) const {
    return {data ? data + offset(c) : nullptr, place.batch_stride, place.head_stride,
            place.row_stride, accumulate};
  }
};

template <class T>
struct Results {
  Tensor<T, 1> o, dq, dk, dv;
  Tensor<AttentionRow<T>, 1> r;
};

struct Wanted {
  bool dq = true, dk = true, dv = true, accumulate = false;
};

template <class T>
struct Inputs {
  Case c;
  Operand<T> q, k, v, d_o;
  Tensor<bool, 1> mask;
  Tensor<int32_t, 1> lengths;

  explicit Inputs(const Case& of)
      : c(of),
        q(c, c.n.queries, 1, T(NAN)),
        k(c, c.n.keys, 2, T(NAN)),
        v(c, c.n.keys, 3, T(NAN)),
        d_o(c, c.n.queries, 4, T(NAN)),
        mask({c.mask_batch * c.mask_heads * c.n.queries * c.n.keys}),
        lengths({c.lengths.size()}, c.lengths) {
    Rng rng(5);
    for (bool& m : mask.values()) m = rng.uniform() < 0.6;
    if (mask.count() && c.n.queries > 1)  // a query without a key
      for (size_t j = 0; j < c.n.keys; ++j) mask.data()[c.n.keys + j] = false;
  }

  /// Forward and backward.
  template <class Device>
  Results<T> run(const Wanted& wanted = {}) const {
    const auto put = [](const auto& x) { return to_device<Device>(x); };
    const auto at_q = put(q.memory), at_k = put(k.memory), at_v = put(v.memory),
               at_do = put(d_o.memory);
    const auto at_mask = put(mask);
    const auto at_lengths = put(lengths);
    const auto filled = [&](const Operand<T>& like, uint64_t seed) {
      return put(Operand<T>(c, like.rows, seed, T(-7)).memory);
    };
    auto o = filled(q, 11), dq = filled(q, 12), dk = filled(k, 13), dv = filled(v, 14);
    auto r = put(Tensor<AttentionRow<T>, 1>({c.n.batch * c.n.heads * c.n.queries}));
    const size_t head = c.n.queries * c.n.keys;
    kernel::AttentionMask<Device> m;
    if (c.mask_batch)
      m = {at_mask.data(), c.mask_batch == 1 ? 0 : c.mask_heads * head,
           c.mask_heads == 1 ? 0 : head};
    if (!c.lengths.empty()) m.lengths = at_lengths.view();
    const auto read = [&](const Operand<T>& like, const Tensor<T, 1, Device>& x) {
      return like.template view<const T, Device>(c, x.data());
    };
    const auto grad = [&](const Operand<T>& like, Tensor<T, 1, Device>& x, bool is_wanted) {
      return like.template view<T, Device>(c, is_wanted ? x.data() : nullptr, wanted.accumulate);
    };
    const T scale = T(c.scale);
    kernel::forward<kernel::Attention, Device>("test", c.n, scale, read(q, at_q), read(k, at_k),
                                               read(v, at_v), m, grad(q, o, true), r.view());
    const auto result = to_host(o.view());
    // As on the CPU, where rows that are added to are none of forward's.
    const auto assigned = put(result);
    kernel::backward<kernel::Attention, Device>(
        "test", c.n, scale, read(q, at_do), read(q, assigned), read(q, at_q), read(k, at_k),
        read(v, at_v), m, std::as_const(r).view(), grad(q, dq, wanted.dq), grad(k, dk, wanted.dk),
        grad(v, dv, wanted.dv));
    return {result, to_host(dq.view()), to_host(dk.view()), to_host(dv.view()), to_host(r.view())};
  }
};

/// The largest difference, as a part of the largest number expected if that is more than 1;
/// infinite when one is not-a-number and the other is not.
template <class Found, class Expected>
double error(const Found& found, const Expected& expected) {
  REQUIRE(found.size() == expected.size());
  double most = 0, scale = 1;
  for (size_t i = 0; i < found.size(); ++i) {
    const double x = double(found[i]), y = double(expected[i]);
    if (std::isfinite(y)) scale = std::max(scale, std::abs(y));
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double d = std::abs(x - y);
    most = std::isnan(d) ? std::numeric_limits<double>::infinity() : std::max(most, d);
  }
  return most / scale;
}

template <class T>
std::vector<T> numbers(const Tensor<AttentionRow<T>, 1>& r) {
  std::vector<T> all;
  for (const auto& row : r.values()) all.insert(all.end(), {row.largest, row.inverse});
  return all;
}

template <class T>
constexpr double tolerance = 100 * double(std::numeric_limits<T>::epsilon());

template <class T>
void check_same(const Results<T>& found, const Results<T>& expected) {
  CHECK(error(found.o.values(), expected.o.values()) <= tolerance<T>);
  CHECK(error(numbers(found.r), numbers(expected.r)) <= tolerance<T>);
  CHECK(error(found.dq.values(), expected.dq.values()) <= tolerance<T>);
  CHECK(error(found.dk.values(), expected.dk.values()) <= tolerance<T>);
  CHECK(error(found.dv.values(), expected.dv.values()) <= tolerance<T>);
}

template <class T>
void check(const Case& c, const Wanted& wanted = {}) {
  INFO(message(Shape<5>{c.n.batch, c.n.heads, c.n.queries, c.n.keys, c.n.head_dim}));
  INFO("layout " << int(c.layout) << ", mask " << c.mask_batch << " x " << c.mask_heads);
  const Inputs<T> inputs(c);
  check_same(inputs.template run<Cuda>(wanted), inputs.template run<Cpu>(wanted));
}

bool same_bytes(const auto& a, const auto& b) {
  return a.count() == b.count() && !std::memcmp(a.data(), b.data(), a.count() * sizeof(*a.data()));
}

void check_every_order(const Inputs<float>& inputs) {
  Results<float> first;
  vcell_test::in_several_orders([&] {
    const auto found = inputs.run<Cuda>();
    if (first.o.count() == 0) first = found;
    CHECK(same_bytes(found.o, first.o));
    CHECK(same_bytes(found.r, first.r));
    CHECK(same_bytes(found.dq, first.dq));
    CHECK(same_bytes(found.dk, first.dk));
    CHECK(same_bytes(found.dv, first.dv));
  });
}

}  // namespace

TEMPLATE_TEST_CASE("cuda attention: value and gradients", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const AttentionShape& n : {AttentionShape{1, 1, 1, 1, 1},
                                  {2, 3, 5, 7, 3},
                                  {1, 1, 70, 35, 20},
                                  {1, 1, 20, 130, 8},
                                  {2, 1, 17, 17, 40},
                                  {1, 1, 9, 66, 84},
                                  {1, 1, 5, 6, 128},
                                  {1, 1, 3, 5, 130},
                                  {1, 2, 3, 0, 4},
                                  {1, 2, 0, 3, 4},
                                  {0, 2, 3, 3, 4},
                                  {2, 0, 3, 3, 4},
                                  {1, 1, 3, 3, 0}})
    check<TestType>({n});
}

TEMPLATE_TEST_CASE("cuda attention: layouts, and gradients that are added to", "[cuda]", float,
                   double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto layout :
       {Layout::heads_first, Layout::heads_last, Layout::interleaved, Layout::unaligned})
    for (const size_t head_dim : {size_t(8), size_t(5)})
      for (const bool accumulate : {false, true})
        check<TestType>({{2, 2, 9, 6, head_dim}, layout}, {.accumulate = accumulate});
}

TEMPLATE_TEST_CASE("cuda attention: masks are broadcast over batches and heads", "[cuda]", float,
                   double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t b : {size_t(1), size_t(2)})
    for (const size_t h : {size_t(1), size_t(3)})
      check<TestType>({{2, 3, 3, 66, 4}, Layout::heads_last, b, h});
}

TEMPLATE_TEST_CASE("cuda attention: padding is not read, its results are zeros", "[cuda]", float,
                   double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const size_t mask : {size_t(0), size_t(1)}) {
    const Case c{{4, 1, 68, 68, 6}, Layout::heads_last, mask, mask, {0, 1, 65, 68}};
    check<TestType>(c, {.accumulate = mask == 1});
  }
}

TEMPLATE_TEST_CASE("cuda attention: gradients that are not wanted", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Case c{{1, 2, 4, 5, 3}};
  check<TestType>(c, {.dk = false, .dv = false});
  check<TestType>(c, {.dq = false, .dv = false});
  check<TestType>(c, {.dq = false, .dk = false});
  check<TestType>(c, {.dq = false, .dk = false, .dv = false});
}

TEMPLATE_TEST_CASE("cuda attention: what is not a number shows where it does on the CPU", "[cuda]",
                   float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  using T = TestType;
  const Case c{{1, 1, 6, 70, 4}, Layout::heads_first, 1, 1};
  const auto changed = [&](const auto& change) {
    Inputs<T> inputs(c);
    change(inputs);
    const auto found = inputs.template run<Cuda>();
    check_same(found, inputs.template run<Cpu>());
    return found;
  };
  // Of a query; query 1 may attend to nothing, and query 3 to what is in the second tile alone.
  const auto of_query = changed([&](Inputs<T>& x) {
    for (size_t j = 0; j < 66; ++j) x.mask.data()[3 * 70 + j] = false;
    for (const size_t i : {size_t(0), size_t(1), size_t(3)}) x.q.at(c, 0, 0, i, 2) = T(NAN);
  });
  CHECK(std::isnan(of_query.o.data()[0]));
  CHECK(of_query.o.data()[4] == 0);
  CHECK(std::isnan(of_query.o.data()[12]));
  CHECK(std::isfinite(of_query.o.data()[8]));
  // Of a key, a value, a score.
  changed([&](Inputs<T>& x) { x.k.at(c, 0, 0, 67, 1) = T(NAN); });
  changed([&](Inputs<T>& x) { x.v.at(c, 0, 0, 3, 1) = T(NAN); });
  changed([&](Inputs<T>& x) {
    for (size_t j = 0; j < 4; ++j) x.q.at(c, 0, 0, 2, j) = 1, x.k.at(c, 0, 0, 5, j) = 1;
    x.q.at(c, 0, 0, 2, 0) = std::numeric_limits<T>::infinity();
  });
  changed([&](Inputs<T>& x) { x.d_o.at(c, 0, 0, 2, 0) = T(NAN); });
}

TEMPLATE_TEST_CASE("cuda attention: large scores", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  using T = TestType;
  // Scores of 8192 and 8193, exact in float, on both sides of the end of a tile.
  Inputs<T> exact({{1, 1, 1, 80, 2}, Layout::heads_first, 0, 0, {}, 1});
  exact.q.memory = Tensor<T, 1>({2}, std::vector<T>{128, 1});
  for (size_t j = 0; j < 80; ++j)
    exact.k.at(exact.c, 0, 0, j, 0) = 64, exact.k.at(exact.c, 0, 0, j, 1) = T(j % 2);
  const auto found = exact.template run<Cuda>();
  check_same(found, exact.template run<Cpu>());
  CHECK(found.r.data()[0].largest == 8193);
  Inputs<T> big(Case{{1, 1, 3, 70, 4}});
  for (T& x : big.q.memory.values()) x *= T(1e15);
  const auto without_overflow = big.template run<Cuda>();
  for (const auto* x :
       {&without_overflow.o, &without_overflow.dq, &without_overflow.dk, &without_overflow.dv})
    for (const T y : x->values()) CHECK(std::isfinite(y));
}

TEST_CASE("cuda attention: the same bytes in every order", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Inputs<float> inputs({{1, 2, 5, 70, 12}, Layout::heads_last, 1, 2});
  check_every_order(inputs);
}

TEST_CASE("cuda attention: on tensor cores", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto precision : {Precision::tf32, Precision::bfloat16}) {
    const Context<Cuda> context(precision);
    const UseContext use(context);
    const double bound = precision == Precision::tf32 ? std::ldexp(1, -9) : std::ldexp(1, -6);
    for (const Case& c : {Case{{1, 1, 1, 1, 1}},
                          {{2, 2, 9, 70, 20}, Layout::interleaved, 2, 1},
                          {{1, 1, 70, 17, 84}, Layout::heads_last},
                          {{1, 1, 20, 33, 128}, Layout::unaligned},
                          {{1, 1, 3, 5, 130}},
                          {{1, 2, 3, 0, 4}},
                          {{3, 1, 66, 66, 70}, Layout::heads_last, 1, 1, {0, 5, 66}}}) {
      INFO((precision == Precision::tf32 ? "tf32, " : "bfloat16, ")
           << c.n.queries << " queries, " << c.n.head_dim << " columns");
      Inputs<float> inputs(c);
      // Numbers that have few digits: what is rounded is the weights and their gradients.
      for (auto* x : {&inputs.q, &inputs.k, &inputs.v, &inputs.d_o})
        for (float& y : x->memory.values()) y = std::round(4 * y) / 4;
      inputs.c.scale = 1 / std::sqrt(double(c.n.head_dim));
      for (const bool accumulate : {false, true}) {
        if (accumulate && c.n.head_dim > 20) continue;  // one size tells
        const auto found = inputs.run<Cuda>({.accumulate = accumulate}),
                   expected = inputs.run<Cpu>({.accumulate = accumulate});
        CHECK(error(numbers(found.r), numbers(expected.r)) <= tolerance<float>);
        CHECK(error(found.o.values(), expected.o.values()) <= bound);
        CHECK(error(found.dq.values(), expected.dq.values()) <= bound);
        CHECK(error(found.dk.values(), expected.dk.values()) <= bound);
        CHECK(error(found.dv.values(), expected.dv.values()) <= bound);
        if (c.n.keys > 1)  // rounded they are
          CHECK(error(found.o.values(), expected.o.values()) > bound / 256);
      }
    }
  }
}

TEST_CASE("cuda attention: tensor cores give the same bytes in every order", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context(Precision::bfloat16);
  const UseContext use(context);
  const Inputs<float> inputs({{1, 2, 18, 70, 12}, Layout::heads_last, 1, 2});
  check_every_order(inputs);
}

TEST_CASE("cuda attention: rows beyond the grid", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  using Tile = device::FmaTile<float, 32>;
  const AttentionShape n{2, 3, 70, 5, 8};
  const Inputs<float> inputs(Case{n});
  const auto expected = inputs.run<Cuda>();
  const auto q = to_device<Cuda>(inputs.q.memory), k = to_device<Cuda>(inputs.k.memory),
             v = to_device<Cuda>(inputs.v.memory);
  auto o = Tensor<float, 1, Cuda>::uninitialized(q.shape());
  auto r = Tensor<AttentionRow<float>, 1, Cuda>::uninitialized({2 * 3 * 70});
  const auto strides = [](const HeadsView<float>& x) {
    return kernel::detail::HeadsStrides{x.batch_stride, x.head_stride, x.row_stride};
  };
  kernel::detail::AttentionPlan<float> plan;
  plan.n = n;
  plan.scale = float(inputs.c.scale);
  plan.a = plan.out = strides(inputs.q.place);
  plan.b = plan.c = strides(inputs.k.place);
  plan.row_tiles = 2;
  plan.column_blocks = 1;
  constexpr auto function =
      kernel::detail::attention_pass<kernel::detail::AttentionPass::output, Tile, float>;
  kernel::check_status(
      "test", device::launch(current_context<Cuda>(), function, dim3{5}, dim3{Tile::threads}, plan,
                             q.data(), k.data(), nullptr, nullptr, v.data(), nullptr, nullptr,
                             nullptr, nullptr, r.data(), o.data()));
  CHECK(same_bytes(to_host(o.view()), expected.o));
  CHECK(same_bytes(to_host(r.view()), expected.r));
}

TEST_CASE("cuda attention: the operation on sets with themselves", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto run = []<class Device>(Device, bool padded, bool shared) {
    const auto leaf = [](size_t columns, uint64_t seed) {
      return Variable<float, 3, Device>(
          to_device<Device>(vcell_test::random_tensor<float, 3>({3, 20, columns}, seed)), true);
    };
    AttentionMask<Device> mask;
    if (padded)
      mask.lengths = Variable<int32_t, 1, Device>(
          to_device<Device>(Tensor<int32_t, 1>({3}, std::vector<int32_t>{20, 0, 7})));
    const auto x = leaf(shared ? 36 : 108, 1);
    const auto y = shared ? attention(x, x, x, 3, mask) : self_attention(x, 3, mask);
    const auto dy = to_device<Device>(vcell_test::random_tensor<float, 3>(y.shape(), 2));
    backward(y, dy.view());
    return std::pair{to_host(y.value()), to_host(x.gradient())};
  };
  for (const bool padded : {false, true})
    for (const bool shared : {false, true}) {
      const auto found = run(Cuda(), padded, shared), expected = run(Cpu(), padded, shared);
      CHECK(error(found.first.values(), expected.first.values()) <= tolerance<float>);
      CHECK(error(found.second.values(), expected.second.values()) <= tolerance<float>);
    }
}

TEST_CASE("cuda attention: golden", "[cuda][golden]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto folder = vcell_test::golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  vcell_test::check_golden_op<Cuda>(
      *folder, "attention", []<class T>(vcell_test::GoldenCase<T, Cuda>& c) {
        AttentionMask<Cuda> mask;
        if (c.has("mask"))
          mask.allowed = Variable<bool, 4, Cuda>(to_device<Cuda>(c.template data<bool, 4>("mask")));
        const double scale = c.attributes.at("scale");
        if (c.name == "large") vcell_test::allow_rounding(c, scale);
        c.check(attention(c.template input<4>("q"), c.template input<4>("k"),
                          c.template input<4>("v"), mask, {.scale = scale}));
      });
}
