// Included before everything else in the program, tests and benchmarks: Eigen's matrix products are
// instantiated once, in eigen_products.cpp, and not for seven seconds in every source.
#pragma once

#include "vcell/kernels/serial_gemm_eigen.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel::detail {

extern template void eigen_gemm(bool, bool, size_t, float, MatrixView<const float>,
                                MatrixView<const float>, float, MatrixView<float>);
extern template void eigen_gemm(bool, bool, size_t, double, MatrixView<const double>,
                                MatrixView<const double>, double, MatrixView<double>);

}  // namespace kernel::detail
VCELL_END_NAMESPACE
