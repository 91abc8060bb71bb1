#pragma once

#include "vcell/core/abi.hpp"

#if defined(VCELL_BLAS_DNNL)

#include <dnnl.h>

#include "vcell/kernels/serial_gemm_eigen.hpp"

// From the OpenMP run-time that oneDNN itself uses. Declared here because a compiler may come
// without its own <omp.h>.
extern "C" int omp_get_max_threads(void);
extern "C" void omp_set_num_threads(int);

namespace vcell::inline VCELL_ABI::kernel::detail {

/// Keeps oneDNN to the calling thread: vcell spreads tiles over its own pool. The setting is one
/// of the calling thread's and is put back, so the user's own OpenMP code is not touched.
class OneOpenMpThread {
 public:
  OneOpenMpThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneOpenMpThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneOpenMpThread(const OneOpenMpThread&) = delete;
  OneOpenMpThread& operator=(const OneOpenMpThread&) = delete;

 private:
  int before_;
};

/// float by oneDNN.
inline void backend_gemm(bool transpose_a, bool transpose_b, size_t depth, float alpha,
                         MatrixView<const float> a, MatrixView<const float> b, float beta,
                         MatrixView<float> c) {
  const OneOpenMpThread one;
  const auto status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', dnnl_dim_t(c.rows),
                 dnnl_dim_t(c.columns), dnnl_dim_t(depth), alpha, a.data, dnnl_dim_t(a.stride),
                 b.data, dnnl_dim_t(b.stride), beta, c.data, dnnl_dim_t(c.stride));
  // What it may refuse (memory, an unknown processor) Eigen does as well, only slower.
  if (status != dnnl_success) eigen_gemm(transpose_a, transpose_b, depth, alpha, a, b, beta, c);
}

/// double by Eigen: oneDNN has no such product.
inline void backend_gemm(bool transpose_a, bool transpose_b, size_t depth, double alpha,
                         MatrixView<const double> a, MatrixView<const double> b, double beta,
                         MatrixView<double> c) {
  eigen_gemm(transpose_a, transpose_b, depth, alpha, a, b, beta, c);
}

}  // namespace vcell::inline VCELL_ABI::kernel::detail

#endif
