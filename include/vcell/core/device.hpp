#pragma once

#include <type_traits>

#include "vcell/core/abi.hpp"

// A function that kernels on the device call too; elsewhere the words mean nothing.
#if defined(__CUDACC__)
#define VCELL_HOST_DEVICE __host__ __device__
#else
#define VCELL_HOST_DEVICE
#endif

// The same for a function of one element that loops call: it becomes part of them whatever its
// size, since a loop with a call in it does not vectorise.
#if defined(__GNUC__)
#define VCELL_IN_LOOPS [[gnu::always_inline]] VCELL_HOST_DEVICE inline
#else
#define VCELL_IN_LOOPS VCELL_HOST_DEVICE inline
#endif

VCELL_BEGIN_NAMESPACE

/// Tags: where a tensor's elements are and which kernels work on them. The device is part of the
/// type, so an operation that has no kernel for it, or that mixes two of them, does not compile.
struct Cpu {};
struct Cuda {};

/// Whether the host may touch what lies on a device: elements are read on the Cpu alone. Elsewhere
/// copy them first (tensor/copy.hpp).
template <class Device>
concept readable_on_host = std::is_same_v<Device, Cpu>;

VCELL_END_NAMESPACE
