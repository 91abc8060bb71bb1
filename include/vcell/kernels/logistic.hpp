#pragma once

#include "vcell/kernels/exponential.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The logistic function s = 1 / (1 + exp(-x)) and 1 - s, each with all its digits: neither is got
/// by subtracting the other from 1, and nothing overflows.
template <class T>
struct Logistic {
  T s, complement;

  VCELL_IN_LOOPS explicit Logistic(T x) {
    const T e = exponential(x < 0 ? x : -x), larger = 1 / (1 + e), smaller = e * larger;
    s = x < 0 ? smaller : larger;
    complement = x < 0 ? larger : smaller;
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
