#pragma once

#include "vcell/core/abi.hpp"

#if defined(VCELL_BLAS_DNNL)
#include "vcell/kernels/serial_gemm_dnnl.hpp"
#elif defined(VCELL_BLAS_OPENBLAS) || defined(VCELL_BLAS_BLIS)
#include "vcell/kernels/serial_gemm_cblas.hpp"
#endif

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// What the product backend wants set up on a thread before it multiplies, put back at the end: a
/// thread of its own alone, no signals. Make one for each piece of a parallel_for and hand it to
/// every serial_gemm in there, so that many small products pay for it once. It belongs to the
/// thread that made it.
class ProductSession {
 public:
  ProductSession() {}  // written out: a session that does nothing is not an unused variable
  ProductSession(const ProductSession&) = delete;
  ProductSession& operator=(const ProductSession&) = delete;

#if defined(VCELL_BLAS_DNNL)
 private:
  detail::OneOpenMpThread one_;
  detail::NoSignals undisturbed_;
#elif defined(VCELL_BLAS_OPENBLAS) || defined(VCELL_BLAS_BLIS)
 private:
  detail::OneBlasThread one_;
#endif
};

}  // namespace kernel
VCELL_END_NAMESPACE
