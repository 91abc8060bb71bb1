#pragma once

#include "vcell/core/abi.hpp"

namespace vcell::inline VCELL_ABI {

/// Tags: where a tensor's elements are and which kernels work on them. The device is part of the
/// type, so an operation that has no kernel for it does not compile.
struct Cpu {};
struct Cuda {};

}  // namespace vcell::inline VCELL_ABI
