#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// Tags: where a tensor's elements are and which kernels work on them. The device is part of the
/// type, so an operation that has no kernel for it does not compile.
struct Cpu {};
struct Cuda {};

VCELL_END_NAMESPACE
