// Runs a kernel: its blocks one after the other, in an order drawn from a seed.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "cuda/emulation/block.hpp"
#include "cuda/emulation/toolkit/cuda_runtime_api.h"

namespace vcell_emulation {

/// What the order of blocks and threads is drawn from.
inline uint64_t& seed() {
  static thread_local uint64_t value = 1;
  return value;
}

/// What a device refuses before anything runs.
inline bool launchable(dim3 grid, dim3 block) {
  const size_t threads = size_t(block.x) * block.y * block.z;
  return grid.x && grid.y && grid.z && grid.x <= 0x7fffffffu && grid.y <= 65535 &&
         grid.z <= 65535 && threads && threads <= 1024 && block.z <= 64;
}

/// Notes what a kernel is given: a pointer is to memory of the device, read where it is to const.
template <class P>
void note_argument(const Stream& stream, P argument) {
  if constexpr (std::is_pointer_v<P>) {
    if (!argument) return;
    Device& device = Device::instance();
    if (!device.holds(argument, 0))
      throw Failure("emulation: a kernel is given memory that is not the device's");
    device.note_use(stream, argument, !std::is_const_v<std::remove_pointer_t<P>>);
  }
}

}  // namespace vcell_emulation

VCELL_BEGIN_NAMESPACE
namespace device::detail {

/// @throws vcell_emulation::Failure for what a kernel does wrong, which a device does not notice
template <class... P>
void run_kernel(void (*kernel)(P...), dim3 grid, dim3 block, vcell_emulation::Stream& stream,
                P... arguments) {
  {
    auto& device = vcell_emulation::Device::instance();
    const std::lock_guard lock(device.mutex);
    device.step(stream);
    (vcell_emulation::note_argument(stream, arguments), ...);
  }
  gridDim = grid;
  blockDim = block;
  Rng rng(vcell_emulation::seed());
  vcell_emulation::Block threads(block, rng);
  const std::function<void()> body = [&] { kernel(arguments...); };
  for (const size_t i : permutation(size_t(grid.x) * grid.y * grid.z, rng))
    threads.run({unsigned(i % grid.x), unsigned(i / grid.x % grid.y),
                 unsigned(i / (size_t(grid.x) * grid.y))},
                body);
}

template <class... P>
cudaError_t launch_kernel(void (*kernel)(P...), dim3 grid, dim3 block, cudaStream_t stream,
                          P... arguments) {
  if (!vcell_emulation::launchable(grid, block)) return cudaErrorInvalidConfiguration;
  {
    auto& device = vcell_emulation::Device::instance();
    const std::lock_guard lock(device.mutex);
    if (!device.is_live(stream) || !vcell_emulation::is_current(stream))
      return cudaErrorInvalidResourceHandle;
  }
  const auto work = [=](vcell_emulation::Stream& on) {
    run_kernel(kernel, grid, block, on, arguments...);
  };
  if (stream->recording)
    stream->recording->work.push_back(work);
  else
    work(*stream);
  return cudaSuccess;
}

}  // namespace device::detail
VCELL_END_NAMESPACE
