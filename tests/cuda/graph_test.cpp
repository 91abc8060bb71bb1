// Operations on the GPU from end to end: values and gradients against the same on the CPU.
#include "support/catch.hpp"
#include "vcell/kernels/copy.cuh"
#include "vcell/kernels/elementwise.cuh"
#include "vcell/kernels/softmax.cuh"
//
#include "cuda/support/device.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/autograd/backward.hpp"
#include "vcell/ops/add.hpp"
#include "vcell/ops/concatenate.hpp"
#include "vcell/ops/gelu.hpp"
#include "vcell/ops/multiply.hpp"
#include "vcell/ops/relu.hpp"
#include "vcell/ops/scale.hpp"
#include "vcell/ops/silu.hpp"
#include "vcell/ops/softmax.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;

/// What came out, on the host.
struct Outcome {
  Tensor<float, 3> y, da, db;
};

/// Every operation that the GPU has; both leaves are used several times, so that gradients add up.
template <class Device>
Outcome compute(const Tensor<float, 3>& a_values, const Tensor<float, 3>& b_values,
                const Tensor<float, 3>& cotangent) {
  const Variable<float, 3, Device> a(to_device<Device>(a_values), true);
  const Variable<float, 3, Device> b(to_device<Device>(b_values), true);
  const auto gate = multiply(silu(a), gelu(b));
  const auto weights = softmax(add(scale(a, 0.5), relu(b)));
  const auto parts = concatenate(gate, slice(gelu_tanh(weights), 1, 1, 3), 1);
  const auto y = multiply(parts, parts);
  const auto pull = to_device<Device>(cotangent);
  backward(y, pull.view());
  return {to_host(y.value()), to_host(a.gradient()), to_host(b.gradient())};
}

double difference(const Tensor<float, 3>& found, const Tensor<float, 3>& expected) {
  REQUIRE(found.shape() == expected.shape());
  return vcell_test::largest_error(found.values(), expected.values());
}

}  // namespace

TEST_CASE("cuda graph: forward and backward as on the CPU", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto a = vcell_test::random_tensor<float, 3>({2, 4, 37}, 1);
  const auto b = vcell_test::random_tensor<float, 3>({2, 4, 37}, 2);
  const auto cotangent = vcell_test::random_tensor<float, 3>({2, 6, 37}, 3);
  const auto expected = compute<Cpu>(a, b, cotangent);
  vcell_test::in_several_orders([&] {
    const auto found = compute<Cuda>(a, b, cotangent);
    CHECK(difference(found.y, expected.y) < 2e-6);
    CHECK(difference(found.da, expected.da) < 5e-6);
    CHECK(difference(found.db, expected.db) < 5e-6);
  });
}

TEST_CASE("cuda graph: a number goes backward by itself, in the context that is current",
          "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const Context<Cuda> context;
  const UseContext use(context);
  Tensor<float, 0> three;
  *three.data() = 3;
  const Variable<float, 0, Cuda> x(to_device<Cuda>(three), true);
  backward(multiply(x, multiply(x, x)));
  CHECK(*to_host(x.gradient()).data() == 27);
  x.clear_gradient();
  backward(scale(x, 2));
  CHECK(*to_host(x.gradient()).data() == 2);
}
