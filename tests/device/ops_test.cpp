// Every operation on a device whose memory the host may not touch gives the bytes of the Cpu.
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "support/catch.hpp"
#include "support/guarded_kernels.hpp"
#include "support/random_tensor.hpp"
#include "vcell/autograd/recompute.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/add_to_sets.hpp"
#include "vcell/ops/attention.hpp"
#include "vcell/ops/binary_cross_entropy.hpp"
#include "vcell/ops/concatenate.hpp"
#include "vcell/ops/cross_entropy.hpp"
#include "vcell/ops/dropout.hpp"
#include "vcell/ops/elementwise.hpp"
#include "vcell/ops/embedding.hpp"
#include "vcell/ops/energy_distance.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/indices.hpp"
#include "vcell/ops/l2_normalize.hpp"
#include "vcell/ops/layer_norm.hpp"
#include "vcell/ops/leaky_relu.hpp"
#include "vcell/ops/linear.hpp"
#include "vcell/ops/linear_add.hpp"
#include "vcell/ops/linear_gelu.hpp"
#include "vcell/ops/linear_silu_gate.hpp"
#include "vcell/ops/log_softmax.hpp"
#include "vcell/ops/maximum_mean_discrepancy.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/ops/mean_absolute_error.hpp"
#include "vcell/ops/mean_error.hpp"
#include "vcell/ops/mean_of_sets.hpp"
#include "vcell/ops/mean_pairwise.hpp"
#include "vcell/ops/mean_squared_error.hpp"
#include "vcell/ops/mmd_estimator.hpp"
#include "vcell/ops/multiply.hpp"
#include "vcell/ops/negative_binomial_loss.hpp"
#include "vcell/ops/plus.hpp"
#include "vcell/ops/reduction.hpp"
#include "vcell/ops/relu.hpp"
#include "vcell/ops/rms_norm.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/ops/self_attention.hpp"
#include "vcell/ops/set_discrepancy.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/ops/sinkhorn_divergence.hpp"
#include "vcell/ops/slice.hpp"
#include "vcell/ops/softmax.hpp"
#include "vcell/ops/softplus.hpp"
#include "vcell/ops/swap_axes.hpp"

using namespace vcell;
using vcell_test::Guarded;
namespace fs = std::filesystem;

namespace {

constexpr size_t B = 3, S = 5, D = 12;  // sets, cells, columns

/// Leaves by number, which collect what is compared in the end.
template <class Device>
class Leaves {
 public:
  template <class... Sizes>
  auto operator()(Sizes... sizes) {
    constexpr int rank = sizeof...(sizes);
    auto host = vcell_test::random_tensor<float, rank>({sizes...}, seed_++);
    const Variable<float, rank, Device> x(to_device<Device>(std::move(host)), true);
    leaves_.push_back(x.template reshape<1>({x.count()}));
    return x;
  }
  std::vector<std::vector<float>> gradients() const {
    std::vector<std::vector<float>> all;
    for (const auto& x : leaves_) {
      const auto g = to_host(x.gradient());
      all.emplace_back(g.values().begin(), g.values().end());
    }
    return all;
  }

 private:
  uint64_t seed_ = 1;
  std::vector<Variable<float, 1, Device>> leaves_;
};

template <class T, int rank, class Device>
Variable<T, rank, Device> data(const Shape<rank>& shape, std::initializer_list<T> values) {
  return Variable<T, rank, Device>(
      Tensor<T, rank, Device>(shape, std::span<const T>(values.begin(), values.size())));
}

/// One graph in which every operation has a place. Its value, then the gradient of every leaf.
template <class Device>
std::vector<std::vector<float>> whole_graph() {
  Leaves<Device> leaf;
  const auto x = leaf(B, S, D);
  const auto lengths = data<int32_t, 1, Device>({B}, {5, 3, 4});
  const bool t = true, f = false;
  const auto allowed = data<bool, 4, Device>(
      {1, 1, S, S}, {t, f, t, t, t, t, t, t, f, t, t, t, t, t, f, t, t, f, t, t, f, t, t, t, t});

  auto h = rms_norm(x, leaf(D));
  h = add(l2_normalize(h), layer_norm(x, leaf(D), leaf(D)));
  h = add(layer_norm(h), h);
  h = add_to_sets(
      h, embedding(Tensor<int32_t, 1>({B}, std::array<int32_t, B>{2, 0, 2}), leaf(size_t(4), D)));
  h = add(h, linear_silu_gate(h, leaf(2 * D, D), leaf(2 * D)));
  h = linear_gelu(h, leaf(D, D), leaf(D));
  h = linear(linear(h, leaf(D, D), leaf(D)), leaf(D, D));
  h = linear_add(h, leaky_relu(h, {.slope = 0.2}), leaf(D, D));
  h = dropout(h, {.probability = 0.25, .seed = 3, .stream = 4});

  const auto qkv = linear(h, leaf(3 * D, D));
  const auto own = self_attention(qkv, 3, {.allowed = allowed});
  const auto padded = self_attention(qkv, 2, {.lengths = lengths});
  const auto q = slice(qkv, 2, 0, D), kv = slice(qkv, 2, D, 3 * D);
  const auto k = slice(kv, 2, 0, D), v = slice(kv, 2, D, 2 * D);
  const auto by_rows = attention(q, k, v, 4, {.lengths = lengths});
  const auto split = [](const auto& y) {
    return swap_axes(y.template reshape<4>({B, S, 4, D / 4}), 1, 2);
  };
  const auto by_heads = attention(split(q), split(k), split(k), {.allowed = allowed});  // k twice
  h = add(add(own, padded), add(by_rows, swap_axes(by_heads, 1, 2).template reshape<3>({B, S, D})));

  h = add(multiply(h, silu(h)), scale(gelu_tanh(gelu(h)), 0.5));
  h = add(h, add(softmax(h), softmax(h, 1)));
  h = add(h, scale(add(log_softmax(h), log_softmax(h, 1)), 0.1));
  h = recompute([w = leaf(D, D)](const auto& y) { return relu(linear(y, w)); }, h);
  const auto other = leaf(B, S + 1, D);
  const auto longer = concatenate(h, slice(other, 1, 0, 2), 1);  // (B, S + 2, D)
  const auto distance = energy_distance(h, other, {.floor_squared = 1e-8}, lengths,
                                        data<int32_t, 1, Device>({B}, {6, 1, 2}));
  auto gaps = add(maximum_mean_discrepancy(h, other, {.sigmas = {1, 2}, .median_heuristic = true}),
                  maximum_mean_discrepancy(h, other, {.kernel = MmdKernel::laplacian}, lengths));
  gaps = add(gaps, add(sinkhorn_divergence(h, other, {}, lengths), sinkhorn_divergence(h, x)));
  gaps = add(gaps, add(mean_pairwise(h, other, PairDistance::squared_euclidean),
                       mean_pairwise(h, other, PairDistance::manhattan, lengths)));
  const auto surprise = cross_entropy(slice(h, 1, 0, 1).template reshape<2>({B, D}),
                                      Tensor<int32_t, 1>({B}, std::array<int32_t, B>{7, 0, 11}));
  const auto errors = mean_absolute_error(softplus(x), h, plus(lengths, -1));
  const auto drift = mean_of_sets(softplus(other), plus(lengths, 1));
  const auto loss = add(add(add(mean(distance), mean(gaps)),
                            add(add(errors, drift), mean(energy_distance(longer, other)))),
                        add(add(mean_squared_error(x, h), mean_squared_error(x, h, lengths)),
                            mean_squared_error(h, h.detach(), Reduction::sum)));
  const auto counts = data<float, 1, Device>({D}, {0, 1, 2, 3, 0, 7, 1, 40, 0, 5, 2, 1});
  const auto mu = leaf(D), theta = leaf(D);
  const auto unlikely = mean(
      negative_binomial_loss(counts, multiply(mu, mu), multiply(theta, theta), {.epsilon = 1e-8}));
  backward(add(add(loss, unlikely), add(binary_cross_entropy(h, x), surprise)));
  auto all = leaf.gradients();
  all.push_back({to_host(loss.value())()});
  all.push_back({to_host(surprise.value())()});
  all.push_back({to_host(unlikely.value())()});
  return all;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("device: values and gradients of every operation are those of the Cpu", "[device]") {
  const auto expected = whole_graph<Cpu>();
  REQUIRE(expected.size() == 21);
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO("leaf " << i);
    double sum = 0;
    for (const float v : expected[i]) sum += std::abs(v);
    CHECK(std::isfinite(sum));
    CHECK(sum > 0);  // it takes part
  }
  const size_t before = vcell_test::guarded_waits;
  const auto found = whole_graph<Guarded>();
  CHECK(vcell_test::guarded_waits - before == expected.size());  // those that fetch the results
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO("leaf " << i);
    REQUIRE(found[i].size() == expected[i].size());
    CHECK(std::memcmp(found[i].data(), expected[i].data(), found[i].size() * sizeof(float)) == 0);
  }
}

TEST_CASE("device: every operation has a place in this room, and every kernel is forwarded",
          "[device]") {
  const fs::path source = VCELL_TEST_SOURCE;
  const std::string here = text_of(source / "tests/device/ops_test.cpp");
  for (const auto& file : fs::directory_iterator(source / "include/vcell/ops")) {
    const std::string include = "vcell/ops/" + file.path().filename().string();
    INFO(include);
    CHECK(here.find(include) != here.npos);
  }
  const std::string forwarded = text_of(source / "tests/support/guarded_kernels.hpp");
  size_t kernels = 0;
  for (const auto& file : fs::directory_iterator(source / "include/vcell/kernels")) {
    if (file.path().extension() != ".hpp" || file.path().stem() == "status") continue;
    const std::string text = text_of(file.path());
    const std::regex kernel("struct (\\w+) : Missing<Device>");
    for (std::sregex_iterator i(text.begin(), text.end(), kernel), end; i != end; ++i, ++kernels) {
      const std::string name = (*i)[1];
      INFO(name);
      CHECK(forwarded.find("struct " + name + "<Guarded>") != forwarded.npos);
    }
  }
  CHECK(kernels > 15);
}
