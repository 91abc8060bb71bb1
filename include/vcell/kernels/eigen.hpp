#pragma once

// <Eigen/Core>, without what nvcc says of it: that annotations of defaulted functions are ignored.
#if defined(__CUDACC__)
#pragma nv_diagnostic push
#pragma nv_diag_suppress 20012
#endif
#include <Eigen/Core>
#if defined(__CUDACC__)
#pragma nv_diagnostic pop
#endif
