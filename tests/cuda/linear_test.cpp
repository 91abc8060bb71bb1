// Linear maps and what they are fused with on the GPU, against the Cpu's and their goldens.
#include "vcell/ops/linear.hpp"

#include "support/catch.hpp"
//
#include "cuda/support/device.hpp"
#include "support/golden_op.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/copy.cuh"
#include "vcell/kernels/elementwise.cuh"
#include "vcell/kernels/gemm.cuh"
#include "vcell/kernels/sum_rows.cuh"
#include "vcell/ops/linear_add.hpp"
#include "vcell/ops/linear_gelu.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using vcell_test::random_tensor;

/// Value and gradients of op(x, w, b), each used twice, so that gradients are assigned and added.
template <class Device, class T, class F>
std::vector<Tensor<T, 1>> results(F op, const Tensor<T, 3>& x, const Tensor<T, 2>& w,
                                  const Tensor<T, 1>& b) {
  const Variable<T, 3, Device> vx(to_device<Device>(x), true);
  const Variable<T, 2, Device> vw(to_device<Device>(w), true);
  const Variable<T, 1, Device> vb(to_device<Device>(b), true);
  std::vector<Tensor<T, 1>> found;
  for (int times = 0; times < 2; ++times) {
    const auto y = op(vx, vw, vb);
    const auto dy = to_device<Device>(random_tensor<T, 3>(y.shape(), 9));
    backward(y, dy.view());
    found.push_back(to_host(y.value().flat()));
  }
  found.push_back(to_host(vx.gradient().flat()));
  found.push_back(to_host(vw.gradient().flat()));
  found.push_back(to_host(vb.gradient().flat()));
  return found;
}

/// @param square  op asks for as many outputs as inputs
template <class T, class F>
void check(F op, double rounding = std::numeric_limits<T>::epsilon(), bool square = false) {
  struct Sizes {
    size_t sets, rows, in, out;
  };
  for (const auto& [sets, rows, in, out] : {Sizes{2, 3, 5, 5},
                                            {1, 1, 1, 1},
                                            {0, 3, 2, 2},
                                            {2, 17, 33, 33},
                                            {1, 40, 24, 24},
                                            {2, 3, 5, 7},
                                            {1, 1, 9, 1},
                                            {3, 8, 16, 40}}) {
    if (square && in != out) continue;
    const auto x = random_tensor<T, 3>({sets, rows, in}, 1);
    const auto w = random_tensor<T, 2>({out, in}, 2);
    const auto b = random_tensor<T, 1>({out}, 3);
    const auto expected = results<Cpu, T>(op, x, w, b), found = results<Cuda, T>(op, x, w, b);
    REQUIRE(found.size() == expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      INFO("of " << sets << " x " << rows << " x " << in << ", result " << i);
      CHECK(vcell_test::largest_error(found[i].values(), expected[i].values()) <= 40 * rounding);
    }
  }
}

const auto plain = [](const auto& x, const auto& w, const auto& b) { return linear(x, w, b); };
const auto with_gelu = [](const auto& x, const auto& w, const auto& b) {
  return linear_gelu(x, w, b);
};
const auto added = [](const auto& x, const auto& w, const auto& b) {
  return linear_add(x, x, w, b);
};

}  // namespace

TEMPLATE_TEST_CASE("cuda linear: values and gradients", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  check<TestType>(plain);
  check<TestType>(with_gelu);
  check<TestType>(added, std::numeric_limits<TestType>::epsilon(), true);
}

TEST_CASE("cuda linear: values and gradients by tf32 and bfloat16 products", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto precision : {Precision::tf32, Precision::bfloat16}) {
    const Context<Cuda> context(precision);
    const UseContext use(context);
    const double rounding = precision == Precision::tf32 ? 0x1p-11 : 0x1p-8;
    check<float>(plain, rounding);
    check<float>(with_gelu, rounding);
  }
}

TEST_CASE("cuda linear: golden", "[cuda][golden]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto folder = vcell_test::golden_folder("ops");
  if (!folder) VCELL_SKIP("golden folder ops is absent");
  vcell_test::check_golden_op<Cuda>(*folder, "linear", [](auto& c) {
    vcell_test::with_rank(c.rank("x"), [&](auto rank) {
      const auto x = c.template input<rank>("x");
      const auto w = c.template input<2>("weight");
      c.check(c.has("bias") ? linear(x, w, c.template input<1>("bias")) : linear(x, w));
    });
  });
}
