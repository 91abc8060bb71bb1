#pragma once

#include "vcell/core/device.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// What a kernel says of itself. Kernels never throw: the operation that called one asks here. On
/// the GPU only the launch has been seen by then; what goes wrong while a kernel runs is reported
/// by a later call that waits for it.
struct [[nodiscard]] Status {
  /// Why it did not run, in static storage; null when it did.
  const char* failure = nullptr;
  bool ok() const { return failure == nullptr; }
};

/// What every kernel is for a device that has none: `template <class Device> struct Foo :
/// Missing<Device> {}` is the declaration, `struct Foo<Cpu>` its first kernel.
template <class Device>
struct Missing {
  static_assert(sizeof(Device) == 0,
                "vcell: this operation has no kernel for this device in this translation unit: for "
                "Cuda compile it with nvcc and include <vcell/cuda.cuh>");
};

}  // namespace kernel
VCELL_END_NAMESPACE
