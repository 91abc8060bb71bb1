// The operations without products against the reference's numbers.
#include "support/golden_op.hpp"
#include "vcell/ops/embedding.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/layer_norm.hpp"
#include "vcell/ops/leaky_relu.hpp"
#include "vcell/ops/mean_squared_error.hpp"
#include "vcell/ops/relu.hpp"
#include "vcell/ops/rms_norm.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/ops/softmax.hpp"

using namespace vcell;
using namespace vcell_test;

#define VCELL_OPS_FOLDER(folder)            \
  const auto folder = golden_folder("ops"); \
  if (!folder) VCELL_SKIP("golden folder ops is absent")

namespace {

/// op(x) for an input x of any rank.
template <class Op>
void check_unary(const std::filesystem::path& folder, const std::string& name, Op op) {
  check_golden_op(folder, name, [&](auto& c) {
    with_rank(c.rank("x"), [&](auto rank) { c.check(op(c.template input<rank>("x"), c)); });
  });
}

/// An optional input: empty where the case has none.
template <class T>
Variable<T, 1> vector_or_nothing(GoldenCase<T>& c, const std::string& name) {
  return c.has(name) ? c.template input<1>(name) : Variable<T, 1>();
}

}  // namespace

TEST_CASE("gelu: golden", "[ops][golden]") {
  VCELL_OPS_FOLDER(folder);
  check_unary(*folder, "gelu", [](const auto& x, const auto& c) {
    return c.attributes.at("approximate") == "tanh" ? gelu_tanh(x) : gelu(x);
  });
}

TEST_CASE("silu: golden", "[ops][golden]") {
  VCELL_OPS_FOLDER(folder);
  check_unary(*folder, "silu", [](const auto& x, const auto&) { return silu(x); });
}

TEST_CASE("relu: golden", "[ops][golden]") {
  VCELL_OPS_FOLDER(folder);
  check_unary(*folder, "relu", [](const auto& x, const auto&) { return relu(x); });
}

TEST_CASE("leaky_relu: golden", "[ops][golden]") {
  VCELL_OPS_FOLDER(folder);
  check_unary(*folder, "leaky_relu", [](const auto& x, const auto& c) {
    return leaky_relu(x, {.slope = c.attributes.at("slope")});
  });
}

TEST_CASE("softmax: golden", "[ops][golden]") {
  VCELL_OPS_FOLDER(folder);
  check_unary(*folder, "softmax", []<class T>(const auto& x, GoldenCase<T>& c) {
    // Where one weight is nearly 1, dx = y (dy - sum y dy) is what cancellation leaves of dy.
    if (c.name == "large")
      c.bounds.rounding["grad.x"] = 2 * std::numeric_limits<T>::epsilon() *
                                    largest_magnitude(c.array(".cot").template as<double>());
    const int dim = c.attributes.at("dim");
    return dim == -1 ? softmax(x) : softmax(x, dim < 0 ? dim + int(x.shape().size()) : dim);
  });
}

TEST_CASE("layer_norm: golden", "[ops][golden]") {
  VCELL_OPS_FOLDER(folder);
  check_unary(*folder, "layer_norm", [](const auto& x, auto& c) {
    if (c.name == "offset") c.bounds.out = c.bounds.gradient = c.is_float ? 1e-4 : 1e-10;
    const auto weight = vector_or_nothing(c, "weight"), bias = vector_or_nothing(c, "bias");
    return layer_norm(x, weight, bias, {.epsilon = c.attributes.at("eps")});
  });
}

TEST_CASE("rms_norm: golden", "[ops][golden]") {
  VCELL_OPS_FOLDER(folder);
  check_unary(*folder, "rms_norm", [](const auto& x, auto& c) {
    return rms_norm(x, c.template input<1>("weight"), {.epsilon = c.attributes.at("eps")});
  });
}

TEST_CASE("embedding: golden", "[ops][golden]") {
  VCELL_OPS_FOLDER(folder);
  check_golden_op(*folder, "embedding", [](auto& c) {
    with_rank(c.rank("index"), [&](auto rank) {
      c.check(embedding(c.template data<int32_t, rank>("index"), c.template input<2>("weight")));
    });
  });
}

TEST_CASE("mean_squared_error: golden", "[ops][golden]") {
  VCELL_OPS_FOLDER(folder);
  check_golden_op(*folder, "mse", [](auto& c) {
    const auto reduction = c.attributes.at("reduction").template get<std::string>();
    REQUIRE((reduction == "mean" || reduction == "sum"));
    with_rank(c.rank("x"), [&](auto rank) {
      c.check(mean_squared_error(c.template input<rank>("x"), c.template input<rank>("y"),
                                 reduction == "mean" ? Reduction::mean : Reduction::sum));
    });
  });
}
