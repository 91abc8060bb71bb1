// Attention on a GPU: sequences of several lengths, value and gradient, and the same on the CPU
// beside them.
//
//   cmake -B build -DVCELL_WITH_CUDA=ON && cmake --build build --target vcell_example_attention_gpu
//   build/examples/attention_gpu
//
// Ends with 77 where there is no GPU.

#include <array>
#include <cmath>
#include <cstdio>

#include "vcell/cuda.cuh"
//
#include "vcell/autograd/backward.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/ops/attention.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;

constexpr size_t batch = 3, tokens = 33, heads = 2, width = 2 * 84;

Tensor<float, 3> draw(uint64_t seed) {
  Tensor<float, 3> x({batch, tokens, width});
  Rng rng(seed);
  for (float& v : x.values()) v = float(rng.normal());
  return x;
}

struct Outcome {
  Tensor<float, 3> value, gradient;  // of the output; by the queries
};

/// The same lines on every device.
template <class Device>
Outcome attend() {
  const auto leaf = [](uint64_t seed) {
    return Variable<float, 3, Device>(to_device<Device>(draw(seed)), /*requires_gradient=*/true);
  };
  const auto q = leaf(1), k = leaf(2), v = leaf(3);
  const std::array<int32_t, batch> lengths = {33, 20, 1};  // tokens beyond are padding
  const Variable<int32_t, 1, Device> known(Tensor<int32_t, 1, Device>({batch}, lengths));
  const auto y = attention(q, k, v, heads, {.lengths = known});
  const auto cotangent = to_device<Device>(draw(4));
  backward(y, cotangent.view());
  return {to_host(y.value()), to_host(q.gradient())};
}

float largest_difference(const Tensor<float, 3>& a, const Tensor<float, 3>& b) {
  float most = 0;
  for (size_t i = 0; i < a.count(); ++i)
    most = std::fmax(most, std::fabs(a.data()[i] - b.data()[i]));
  return most;
}

int main() {
  const CudaDevices found = cuda_devices();
  if (found.devices.empty()) {
    std::printf("attention_gpu: %s\n", found.reason.c_str());
    return 77;
  }
  std::printf("on %s\n", found.devices[0].name.c_str());
  const Outcome gpu = attend<Cuda>(), cpu = attend<Cpu>();
  const float value = largest_difference(gpu.value, cpu.value);
  const float gradient = largest_difference(gpu.gradient, cpu.gradient);
  std::printf("largest difference from the CPU: %.2g of the value, %.2g of the gradient\n",
              double(value), double(gradient));
  return value < 1e-4f && gradient < 1e-3f ? 0 : 1;
}
