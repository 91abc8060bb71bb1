// Functions of elements, softmax along any axis, embedding and the squared error on the GPU against
// goldens.
#include "support/catch.hpp"
#include "vcell/kernels/copy.cuh"
#include "vcell/kernels/elementwise.cuh"
#include "vcell/kernels/embedding.cuh"
#include "vcell/kernels/mean_error.cuh"
#include "vcell/kernels/softmax.cuh"
#include "vcell/kernels/swap_axes.cuh"
//
#include "cuda/support/device.hpp"
#include "support/golden_op.hpp"
#include "vcell/ops/embedding.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/leaky_relu.hpp"
#include "vcell/ops/mean_squared_error.hpp"
#include "vcell/ops/relu.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/ops/softmax.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;

template <class Run>
void check_golden(const std::string& name, Run run) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto folder = vcell_test::golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  vcell_test::check_golden_op<Cuda>(*folder, name, run);
}

/// op(x) for an input x of any rank.
template <class Op>
void check_unary(const std::string& name, Op op) {
  check_golden(name, [&](auto& c) {
    vcell_test::with_rank(c.rank("x"),
                          [&](auto rank) { c.check(op(c.template input<rank>("x"), c)); });
  });
}

}  // namespace

TEST_CASE("cuda gelu, silu and relu: golden", "[cuda][golden]") {
  check_unary("gelu", [](const auto& x, const auto& c) {
    return c.attributes.at("approximate") == "tanh" ? gelu_tanh(x) : gelu(x);
  });
  check_unary("silu", [](const auto& x, const auto&) { return silu(x); });
  check_unary("relu", [](const auto& x, const auto&) { return relu(x); });
  check_unary("leaky_relu", [](const auto& x, const auto& c) {
    return leaky_relu(x, {.slope = c.attributes.at("slope").template get<double>()});
  });
}

TEST_CASE("cuda softmax along any axis: golden", "[cuda][golden]") {
  check_unary("softmax", [](const auto& x, auto& c) {
    // Where one weight is nearly 1, dx = y (dy - sum y dy) is what cancellation leaves of dy.
    if (c.name == "large")
      c.bounds.rounding["grad.x"] =
          2 *
          (c.is_float ? std::numeric_limits<float>::epsilon()
                      : std::numeric_limits<double>::epsilon()) *
          vcell_test::largest_magnitude(c.array(".cot").template as<double>());
    const int dim = c.attributes.at("dim").template get<int>();
    return dim == -1 ? softmax(x) : softmax(x, dim < 0 ? dim + int(x.shape().size()) : dim);
  });
}

TEST_CASE("cuda embedding: golden", "[cuda][golden]") {
  check_golden("embedding", [](auto& c) {
    vcell_test::with_rank(c.rank("index"), [&](auto rank) {
      c.check(embedding(c.template data<int32_t, rank>("index"), c.template input<2>("weight")));
    });
  });
}

TEST_CASE("cuda mean_squared_error: golden", "[cuda][golden]") {
  check_golden("mse", [](auto& c) {
    const auto reduction = c.attributes.at("reduction").template get<std::string>();
    REQUIRE((reduction == "mean" || reduction == "sum"));
    vcell_test::with_rank(c.rank("x"), [&](auto rank) {
      c.check(mean_squared_error(c.template input<rank>("x"), c.template input<rank>("y"),
                                 reduction == "mean" ? Reduction::mean : Reduction::sum));
    });
  });
}
