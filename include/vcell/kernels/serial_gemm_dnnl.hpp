#pragma once

#include "vcell/core/abi.hpp"

#if defined(VCELL_BLAS_DNNL)

#include <dnnl.h>
#include <signal.h>

#include <new>

#include "vcell/kernels/serial_gemm_eigen.hpp"

// From the OpenMP run-time that oneDNN itself uses. Declared here because a compiler may come
// without its own <omp.h>.
extern "C" int omp_get_max_threads(void);
extern "C" void omp_set_num_threads(int);

VCELL_BEGIN_NAMESPACE
namespace kernel::detail {

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

/// Puts off signals to the calling thread. Some products of oneDNN have their stack in a small
/// piece of the heap (seen in 2.6), and a signal handler that runs on it destroys what lies beside.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&all, fault);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t before_;
};

/// float by oneDNN within a ProductSession, double by Eigen: oneDNN has no such product. A
/// template, so that Eigen's is compiled where it is called and not wherever this is read.
/// @throws std::bad_alloc if oneDNN finds no memory for itself
template <class T>
void backend_gemm(bool transpose_a, bool transpose_b, size_t depth, T alpha, MatrixView<const T> a,
                  MatrixView<const T> b, T beta, MatrixView<T> c) {
  if constexpr (std::is_same_v<T, float>) {
    const auto status =
        dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', dnnl_dim_t(c.rows),
                   dnnl_dim_t(c.columns), dnnl_dim_t(depth), alpha, a.data, dnnl_dim_t(a.stride),
                   b.data, dnnl_dim_t(b.stride), beta, c.data, dnnl_dim_t(c.stride));
    if (status == dnnl_success) return;
    // Not done by Eigen then: whether there is memory must not decide on the bytes of a result.
    if (status == dnnl_out_of_memory) throw std::bad_alloc();
    // A processor it has no product for: Eigen has one, there and in every call.
  }
  eigen_gemm(transpose_a, transpose_b, depth, alpha, a, b, beta, c);
}

}  // namespace kernel::detail
VCELL_END_NAMESPACE

#endif
