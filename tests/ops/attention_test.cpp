#include "vcell/ops/attention.hpp"

#include <cmath>
#include <limits>

#include "support/check_op.hpp"
#include "support/threads.hpp"

using namespace vcell;
using namespace vcell_test;

namespace {

constexpr size_t more_than_a_tile = kernel::Attention<Cpu>::tile + 6;  // of queries

struct Sizes {
  size_t batch, heads, queries, keys, head_dim;
  Shape<4> q() const { return {batch, heads, queries, head_dim}; }
  Shape<4> k() const { return {batch, heads, keys, head_dim}; }
};

using V4 = Variable<double, 4>;
using MaskTensor = Tensor<bool, 4>;

AttentionMask<> allowed(const MaskTensor& mask) { return {Variable<bool, 4>(mask), {}}; }

/// By the formula, one query at a time.
std::vector<double> plain(const V4& q, const V4& k, const V4& v, const MaskTensor& mask,
                          double scale) {
  std::vector<double> y;
  const auto [batch, heads, queries, d] = q.shape();
  const size_t keys = k.shape(2);
  for (size_t b = 0; b < batch; ++b)
    for (size_t h = 0; h < heads; ++h)
      for (size_t i = 0; i < queries; ++i) {
        std::vector<double> weight(keys);
        double sum = 0;
        for (size_t j = 0; j < keys; ++j) {
          double logit = 0;
          for (size_t c = 0; c < d; ++c) logit += q.value()(b, h, i, c) * k.value()(b, h, j, c);
          const bool attends = mask.count() == 0 ||
                               mask(mask.shape(0) == 1 ? 0 : b, mask.shape(1) == 1 ? 0 : h, i, j);
          sum += weight[j] = attends ? std::exp(scale * logit) : 0;
        }
        for (size_t c = 0; c < d; ++c) {
          double out = 0;
          for (size_t j = 0; j < keys && sum > 0; ++j)
            out += weight[j] / sum * v.value()(b, h, j, c);
          y.push_back(out);
        }
      }
  return y;
}

MaskTensor random_mask(const Shape<4>& shape, uint64_t seed) {
  MaskTensor mask(shape);
  Rng rng(seed);
  for (bool& m : mask.values()) m = rng.uniform() < 0.6;
  return mask;
}

}  // namespace

TEST_CASE("attention: value, gradient", "[ops]") {
  const auto op = [](const auto& q, const auto& k, const auto& v) { return attention(q, k, v); };
  for (const Sizes& n : {Sizes{2, 3, 4, 5, 3},
                         {1, 1, 1, 1, 1},
                         {1, 2, more_than_a_tile, 3, 2},
                         {2, 1, 3, 0, 2},
                         {1, 2, 0, 3, 2},
                         {0, 2, 3, 3, 2}}) {
    const auto q = parameter<4>(n.q(), 1), k = parameter<4>(n.k(), 2), v = parameter<4>(n.k(), 3);
    check_op(op, n.q(), plain(q, k, v, {}, 1 / std::sqrt(double(n.head_dim))), {}, q, k, v);
  }
}

TEST_CASE("attention: masks are broadcast over batch and heads", "[ops]") {
  const Sizes n{2, 3, 4, 5, 3};
  const auto q = parameter<4>(n.q(), 1), k = parameter<4>(n.k(), 2), v = parameter<4>(n.k(), 3);
  for (const size_t b : {size_t(1), n.batch})
    for (const size_t h : {size_t(1), n.heads}) {
      auto mask = random_mask({b, h, n.queries, n.keys}, 10 * b + h);
      for (size_t j = 0; j < n.keys; ++j) mask(0, 0, 1, j) = false;  // a query without a key
      check_op([&](const auto& a, const auto& c,
                   const auto& d) { return attention(a, c, d, allowed(mask), {.scale = 0.7}); },
               n.q(), plain(q, k, v, mask, 0.7), {}, q, k, v);
      const auto y = attention(q, k, v, allowed(mask));
      for (size_t c = 0; c < n.head_dim; ++c) CHECK(y.value()(0, 0, 1, c) == 0);
    }
}

TEST_CASE("attention: on projections, heads side by side", "[ops]") {
  const Sizes n{2, 3, 4, 5, 2};
  const auto q = parameter<4>(n.q(), 1), k = parameter<4>(n.k(), 2), v = parameter<4>(n.k(), 3);
  const auto flat = [&](const V4& x) {  // (B, S, heads head_dim)
    Tensor<double, 3> y({n.batch, x.shape(2), n.heads * n.head_dim});
    for (size_t b = 0; b < n.batch; ++b)
      for (size_t h = 0; h < n.heads; ++h)
        for (size_t s = 0; s < x.shape(2); ++s)
          for (size_t c = 0; c < n.head_dim; ++c)
            y(b, s, h * n.head_dim + c) = x.value()(b, h, s, c);
    return Variable<double, 3>(std::move(y), true);
  };
  const auto mask = random_mask({1, n.heads, n.queries, n.keys}, 4);
  const auto expected = flat(attention(q, k, v, allowed(mask)));
  const auto qf = flat(q), kf = flat(k), vf = flat(v);
  check_op([&](const auto& a, const auto& c,
               const auto& d) { return attention(a, c, d, n.heads, allowed(mask)); },
           qf.shape(), {expected.value().begin(), expected.value().end()}, {}, qf, kf, vf);
  const auto nobody = parameter<3>({2, 0, 6}, 1);  // keys, and then queries
  const auto by_heads = [](const auto& a, const auto& c, const auto& d) {
    return attention(a, c, d, 3);
  };
  check_op(by_heads, qf.shape(), std::vector<double>(qf.count()), {}, qf, nobody, nobody);
  check_op(by_heads, nobody.shape(), {}, {}, nobody, kf, vf);
  check_error<ShapeError>([&] { attention(qf, kf, vf, 4); }, {"attention", "4 heads", "(2, 4, 6)"});
  check_error<ShapeError>([&] { attention(qf, kf, vf, 0); }, {"attention", "0 heads"});
  check_error<ShapeError>(
      [&] {
        attention(qf, parameter<3>({2, 5, 9}, 1), vf, 3);
      },
      {"attention", "6", "9"});
}

TEST_CASE("attention: one variable as query, key and value", "[ops]") {
  for (const size_t cells : {size_t(1), size_t(5), more_than_a_tile}) {
    // Finite differences of many cells take long, so these have one set, one head and two features.
    const bool many = cells == more_than_a_tile;
    const size_t heads = many ? 1 : 2;
    const auto x =
        parameter<3>({many ? size_t(1) : size_t(2), cells, many ? size_t(2) : size_t(6)}, 1);
    const auto apart = attention(x, x.detach(), x.detach(), heads);
    check_op([=](const auto& v) { return attention(v, v, v, heads); }, x.shape(),
             {apart.value().begin(), apart.value().end()}, {}, x);
    check_op(
        [=](const auto& v) { return attention(v, v.template reshape<3>(v.shape()), v, heads); },
        x.shape(), {apart.value().begin(), apart.value().end()}, {}, x);
  }
}

TEST_CASE("attention: errors name both sides", "[ops]") {
  const auto p = [](Shape<4> shape) { return parameter<4>(shape, 1); };
  const auto q = p({2, 3, 4, 5}), k = p({2, 3, 6, 5});
  check_error<ShapeError>(
      [&] {
        attention(q, k, p({2, 3, 7, 5}));
      },
      {"attention", "(2, 3, 6, 5)", "(2, 3, 7, 5)"});
  const auto with_key = [&](Shape<4> shape) { attention(q, p(shape), p(shape)); };
  check_error<ShapeError>([&] { with_key({1, 3, 6, 5}); }, {"attention", "batch", "2", "1"});
  check_error<ShapeError>([&] { with_key({2, 1, 6, 5}); }, {"attention", "heads", "3", "1"});
  check_error<ShapeError>([&] { with_key({2, 3, 6, 4}); }, {"attention", "head_dim", "5", "4"});
  for (const Shape<4>& shape :
       {Shape<4>{3, 1, 4, 6}, {1, 2, 4, 6}, {1, 1, 1, 6}, {1, 1, 4, 5}, {1, 1, 0, 6}})
    check_error<ShapeError>([&] { attention(q, k, k, allowed(MaskTensor(shape))); },
                            {"attention: mask", message(shape), "(2 or 1, 3 or 1, 4, 6)"});
}

TEST_CASE("attention: the order of the keys does not matter", "[ops]") {
  const Sizes n{1, 2, 3, 40, 6};
  const auto q = parameter<4>(n.q(), 1), k = parameter<4>(n.k(), 2), v = parameter<4>(n.k(), 3);
  Tensor<double, 4> ks(n.k()), vs(n.k());
  Rng rng(1);
  const auto order = permutation(n.keys, rng);
  for (size_t h = 0; h < n.heads; ++h)
    for (size_t j = 0; j < n.keys; ++j)
      for (size_t c = 0; c < n.head_dim; ++c) {
        ks(0, h, j, c) = k.value()(0, h, order[j], c);
        vs(0, h, j, c) = v.value()(0, h, order[j], c);
      }
  const auto y = attention(q, k, v), z = attention(q, V4(ks), V4(vs));
  CHECK(largest_error(z.value(), y.value()) < 1e-14);
}

TEST_CASE("attention: gradients keep their digits where logits are large", "[ops]") {
  // Logits of 8192 and 8193, exact in float: weights are those of 0 and 1.
  const auto run = []<class T>(T first) {
    const auto leaf = [](const Shape<4>& shape, const std::vector<T>& values) {
      return Variable<T, 4>(Tensor<T, 4>(shape, values), true);
    };
    const auto q = leaf({1, 1, 1, 2}, {128, 1}), k = leaf({1, 1, 2, 2}, {first, 0, first, 1}),
               v = leaf({1, 1, 2, 2}, {2, 0, -1, 3});
    const auto o = attention(q, k, v, {}, {.scale = 1});
    const Tensor<T, 4> cotangent({1, 1, 1, 2}, std::vector<T>{1, 0.5});
    backward(o, cotangent.view());
    std::vector<double> all(o.value().begin(), o.value().end());
    for (const auto& x : {k, v}) all.insert(all.end(), x.gradient().begin(), x.gradient().end());
    return all;
  };
  CHECK(largest_error(run(64.f), run(0.)) < 1e-6);
  CHECK(largest_error(run(64.), run(0.)) < 1e-14);
}

TEST_CASE("attention: large logits do not overflow, and what is not a number shows", "[ops]") {
  const Sizes n{1, 1, 3, 4, 2};
  Tensor<float, 4> big(n.q());
  for (float& x : big.values()) x = 1e15f;
  const Variable<float, 4> q(big, true);
  const auto k = parameter<4, float>(n.k(), 2), v = parameter<4, float>(n.k(), 3);
  const auto op = [](const auto& a, const auto& c, const auto& d) { return attention(a, c, d); };
  for (const float y : value_and_gradients(op, q, k, v)) CHECK(std::isfinite(y));
  q.mutable_value()[0][0](1, 0) = NAN;
  const auto y = attention(q, k, v);
  MaskTensor mask({1, 1, 3, 4});
  mask(0, 0, 0, 0) = mask(0, 0, 1, 0) = mask(0, 0, 2, 3) = true;
  const auto z = attention(q, k, v, allowed(mask));
  for (size_t i = 0; i < 3; ++i) {
    CHECK(std::isnan(y.value()(0, 0, i, 0)) == (i == 1));
    CHECK(std::isnan(z.value()(0, 0, i, 0)) == (i == 1));
  }
}

TEST_CASE("attention: the same bytes on any number of threads", "[ops]") {
  const Sizes n{2, 3, 150, 101, 16};
  const auto q = parameter<4, float>(n.q(), 1), k = parameter<4, float>(n.k(), 2),
             v = parameter<4, float>(n.k(), 3);
  const auto mask = random_mask({1, 1, n.queries, n.keys}, 4);
  check_same_on_any_threads([&] {
    return value_and_gradients([&](const auto& a, const auto& b,
                                   const auto& c) { return attention(a, b, c, allowed(mask)); },
                               q, k, v);
  });
}
