#pragma once

#include <algorithm>
#include <cstddef>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Of a matrix with so many columns, enough rows to be worth a thread's while where each element
/// takes an exponential or so.
constexpr size_t rows_at_a_time(size_t columns) {
  return std::max<size_t>(1, (size_t(1) << 13) / std::max<size_t>(columns, 1));
}

}  // namespace kernel
VCELL_END_NAMESPACE
