#pragma once

#include "vcell/core/abi.hpp"

#if defined(VCELL_BLAS_OPENBLAS) || defined(VCELL_BLAS_BLIS)

#include <cblas.h>

#include "vcell/kernels/matrix_view.hpp"

#if defined(VCELL_BLAS_OPENBLAS)
// Part of OpenBLAS, in its cblas.h as well; repeated for builds that link it under another one's.
extern "C" void openblas_set_num_threads(int);
#else
extern "C" void bli_thread_set_num_threads(long);
#endif

VCELL_BEGIN_NAMESPACE
namespace kernel::detail {

/// Keeps the library to the calling thread: vcell spreads tiles over its own pool. Once a process.
inline void one_blas_thread() {
#if defined(VCELL_BLAS_OPENBLAS)
  static const bool once = (openblas_set_num_threads(1), true);
  static_cast<void>(once);
#else
  // The setting is one of each thread's own.
  static thread_local const bool once = (bli_thread_set_num_threads(1), true);
  static_cast<void>(once);
#endif
}

inline CBLAS_TRANSPOSE cblas_transpose(bool transpose) {
  return transpose ? CblasTrans : CblasNoTrans;
}

inline void backend_gemm(bool transpose_a, bool transpose_b, size_t depth, float alpha,
                         MatrixView<const float> a, MatrixView<const float> b, float beta,
                         MatrixView<float> c) {
  one_blas_thread();
  cblas_sgemm(CblasRowMajor, cblas_transpose(transpose_a), cblas_transpose(transpose_b),
              int(c.rows), int(c.columns), int(depth), alpha, a.data, int(a.stride), b.data,
              int(b.stride), beta, c.data, int(c.stride));
}

inline void backend_gemm(bool transpose_a, bool transpose_b, size_t depth, double alpha,
                         MatrixView<const double> a, MatrixView<const double> b, double beta,
                         MatrixView<double> c) {
  one_blas_thread();
  cblas_dgemm(CblasRowMajor, cblas_transpose(transpose_a), cblas_transpose(transpose_b),
              int(c.rows), int(c.columns), int(depth), alpha, a.data, int(a.stride), b.data,
              int(b.stride), beta, c.data, int(c.stride));
}

}  // namespace kernel::detail
VCELL_END_NAMESPACE

#endif
