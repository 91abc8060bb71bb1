#pragma once

#include <type_traits>

#include "vcell/core/device.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Which argument of a function a derivative is taken by, from 0 (kernels/elementwise.hpp).
template <int k>
using Argument = std::integral_constant<int, k>;

}  // namespace kernel
VCELL_END_NAMESPACE
