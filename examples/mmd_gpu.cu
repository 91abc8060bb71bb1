// How far apart sets of cells are by the maximum mean discrepancy, on a GPU: value and gradient,
// and the same on the CPU beside them.
//
//   cmake -B build -DVCELL_WITH_CUDA=ON && cmake --build build --target vcell_example_mmd_gpu
//   build/examples/mmd_gpu
//
// Ends with 77 where there is no GPU.

#include <cmath>
#include <cstdio>

#include "vcell/cuda.cuh"
//
#include "vcell/autograd/backward.hpp"
#include "vcell/core/rng.hpp"
#include "vcell/ops/maximum_mean_discrepancy.hpp"
#include "vcell/ops/mean.hpp"
#include "vcell/tensor/copy.hpp"

using namespace vcell;

Tensor<float, 3> draw(float shift, uint64_t seed) {
  Tensor<float, 3> x({3, 40, 30});  // three sets of 40 cells of 30 genes: (B, S, D)
  Rng rng(seed);
  for (float& v : x.values()) v = float(rng.normal()) + shift;
  return x;
}

struct Outcome {
  Tensor<float, 1> distances;  // of each pair of sets
  Tensor<float, 3> gradient;   // of their mean, by the predicted cells
};

/// The same lines on every device.
template <class Device>
Outcome compare(const Tensor<float, 3>& predicted, const Tensor<float, 3>& observed) {
  const Variable<float, 3, Device> x(to_device<Device>(predicted), /*requires_gradient=*/true);
  const Variable<float, 3, Device> y(to_device<Device>(observed));
  const auto distances =
      maximum_mean_discrepancy(x, y, {.sigmas = {1, 2, 4}, .median_heuristic = true});
  backward(mean(distances));
  return {to_host(distances.value()), to_host(x.gradient())};
}

int main() {
  const CudaDevices found = cuda_devices();
  if (found.devices.empty()) {
    std::printf("mmd_gpu: %s\n", found.reason.c_str());
    return 77;
  }
  std::printf("on %s\n", found.devices[0].name.c_str());
  const auto predicted = draw(0.5f, 1), observed = draw(0, 2);
  const Outcome gpu = compare<Cuda>(predicted, observed), cpu = compare<Cpu>(predicted, observed);
  float most = 0, largest = 0;
  for (size_t b = 0; b < gpu.distances.count(); ++b) {
    std::printf("pair %zu: %.6f, on the CPU %.6f\n", b, double(gpu.distances[b]),
                double(cpu.distances[b]));
    most = std::fmax(most, std::fabs(gpu.distances[b] - cpu.distances[b]));
  }
  for (size_t i = 0; i < gpu.gradient.count(); ++i) {
    largest = std::fmax(largest, std::fabs(cpu.gradient.data()[i]));
    most = std::fmax(most, std::fabs(gpu.gradient.data()[i] - cpu.gradient.data()[i]));
  }
  std::printf("largest element of the gradient: %.2g; largest difference of all: %.2g\n",
              double(largest), double(most));
  return most < 1e-4f ? 0 : 1;
}
