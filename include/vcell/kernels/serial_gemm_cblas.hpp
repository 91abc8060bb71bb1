#pragma once

#include "vcell/core/abi.hpp"

#if defined(VCELL_BLAS_OPENBLAS) || defined(VCELL_BLAS_BLIS)

#include <cblas.h>

#include <type_traits>

#include "vcell/kernels/product_blocks.hpp"

#if defined(VCELL_BLAS_OPENBLAS)
// Part of OpenBLAS, in its cblas.h as well; repeated for builds that link it under another one's.
extern "C" void openblas_set_num_threads(int);
#else
extern "C" void bli_thread_set_num_threads(long);
#endif

VCELL_BEGIN_NAMESPACE
namespace kernel::detail {

/// Keeps the library to the calling thread: vcell spreads tiles over its own pool.
struct OneBlasThread {
  OneBlasThread() {
#if defined(VCELL_BLAS_OPENBLAS)
    static const bool once = (openblas_set_num_threads(1), true);
#else
    // The setting is one of each thread's own.
    static thread_local const bool once = (bli_thread_set_num_threads(1), true);
#endif
    static_cast<void>(once);
  }
};

/// float and double by cblas. Its sizes are of type int: larger products are done in parts.
template <class T>
void backend_gemm(bool transpose_a, bool transpose_b, size_t depth, T alpha, MatrixView<const T> a,
                  MatrixView<const T> b, T beta, MatrixView<T> c) {
  constexpr size_t most = size_t(1) << 30;
  const auto given = [](bool transpose) { return transpose ? CblasTrans : CblasNoTrans; };
  product_in_blocks(
      most, transpose_a, transpose_b, depth, a, b, beta, c,
      [&](size_t k, MatrixView<const T> ak, MatrixView<const T> bk, T beta_k, MatrixView<T> ck) {
        const auto gemm = [&](auto f) {
          f(CblasRowMajor, given(transpose_a), given(transpose_b), int(ck.rows), int(ck.columns),
            int(k), alpha, ak.data, int(block_stride(ak)), bk.data, int(block_stride(bk)), beta_k,
            ck.data, int(block_stride(ck)));
        };
        if constexpr (std::is_same_v<T, float>)
          gemm(cblas_sgemm);
        else
          gemm(cblas_dgemm);
      });
}

}  // namespace kernel::detail
VCELL_END_NAMESPACE

#endif
