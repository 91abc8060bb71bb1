// The CUDA kernels that exchange axes against those of the CPU.
#include "vcell/kernels/swap_axes.cuh"

#include "support/catch.hpp"
//
#include "cuda/support/in_every_order.hpp"
#include "support/largest_error.hpp"
#include "support/random_tensor.hpp"
#include "vcell/kernels/launch.hpp"
#include "vcell/tensor/copy.hpp"
#include "vcell/tensor/memory_cuda.hpp"

namespace {

using namespace vcell;
using kernel::Target;
using vcell_test::in_every_order;
using vcell_test::random_tensor;

/// @param skip  elements before the first one, so that packs of 16 bytes cannot begin there
template <class T>
void check_swap(const Shape<5>& shape, bool accumulate, size_t skip) {
  INFO(message(shape) << (accumulate ? " added" : "") << ", skip " << skip);
  const Shape<5> swapped{shape[0], shape[3], shape[2], shape[1], shape[4]};
  const auto x = random_tensor<T, 1>({count(shape) + skip}, 1);
  const auto before = random_tensor<T, 1>({count(shape) + skip}, 2);
  const auto run = [&]<class Device>(Device) {
    const auto from = to_device<Device>(x);
    auto to = to_device<Device>(before);
    kernel::run<kernel::SwapAxes, Device>(
        "test", from.view().slice(skip, from.count()).template reshape<5>(shape),
        Target<T, 5, Device>{to.view().slice(skip, to.count()).template reshape<5>(swapped),
                             accumulate});
    return to_host(std::as_const(to).view());
  };
  const auto found = in_every_order([&] { return run(Cuda()); });
  CHECK(vcell_test::largest_difference(found.values(), run(Cpu()).values()) == 0);
}

}  // namespace

TEMPLATE_TEST_CASE("cuda swap_axes: runs and tiles, assigned or added", "[cuda]", float, double) {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  for (const auto& shape :
       {Shape<5>{1, 1, 1, 1, 1}, Shape<5>{2, 33, 1, 35, 1}, Shape<5>{1, 70, 2, 3, 1},
        Shape<5>{3, 2, 2, 34, 2}, Shape<5>{1, 33, 2, 3, 2}, Shape<5>{1, 17, 3, 18, 3},
        Shape<5>{1, 19, 1, 5, 7}, Shape<5>{2, 3, 1, 5, 8}, Shape<5>{2, 4, 3, 5, 12},
        Shape<5>{2, 3, 1, 7, 33}, Shape<5>{0, 3, 1, 2, 2}, Shape<5>{2, 3, 1, 2, 0}})
    for (const bool accumulate : {false, true})
      for (const size_t skip : {0, 1}) check_swap<TestType>(shape, accumulate, skip);
}

TEST_CASE("cuda swap_axes: tiles beyond the grid", "[cuda]") {
  if (const auto reason = vcell_test::no_device(); !reason.empty()) VCELL_SKIP(reason);
  const auto x = random_tensor<float, 2>({70, 40}, 1);
  const auto device_x = to_device<Cuda>(x);
  auto y = Tensor<float, 2, Cuda>::uninitialized({40, 70});
  kernel::check_status(
      "test",
      device::launch(current_context<Cuda>(), kernel::detail::swap_axes_in_tiles<false, float>,
                     dim3{2}, dim3{kernel::detail::swap_axes_threads}, device_x.data(), y.data(),
                     kernel::detail::SwappedAxes{1, 70, 1, 40, 1}, 32u));
  const auto found = to_host(y.view());
  size_t wrong = 0;
  for (size_t i = 0; i < 70; ++i)
    for (size_t j = 0; j < 40; ++j) wrong += found(j, i) != x(i, j);
  CHECK(wrong == 0);
}
