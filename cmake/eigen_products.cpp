#include "eigen_products.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel::detail {

template void eigen_gemm(bool, bool, size_t, float, MatrixView<const float>,
                         MatrixView<const float>, float, MatrixView<float>);
template void eigen_gemm(bool, bool, size_t, double, MatrixView<const double>,
                         MatrixView<const double>, double, MatrixView<double>);

}  // namespace kernel::detail
VCELL_END_NAMESPACE
