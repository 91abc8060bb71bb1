#pragma once

#include <type_traits>

#include "vcell/kernels/matrix_view.hpp"
#include "vcell/kernels/product_session.hpp"
#include "vcell/kernels/serial_gemm_cblas.hpp"
#include "vcell/kernels/serial_gemm_dnnl.hpp"
#include "vcell/kernels/serial_gemm_eigen.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// C = alpha op(A) op(B) + beta C on the calling thread, by the product backend that vcell was
/// configured with. float and double.
///
/// @param session      of the calling thread, made once for many products
/// @param transpose_a  op(A) is A (m, k), or the transpose of A (k, m)
/// @param transpose_b  op(B) is B (k, n), or the transpose of B (n, k)
/// @param c            (m, n); must not overlap A or B. beta 0 ignores what C held, NaN included
/// @throws std::bad_alloc if the backend finds no memory for itself: vcell takes none here, product
///         libraries do
/// 2 m n k flops.
template <class T>
void serial_gemm(const ProductSession& session, bool transpose_a, bool transpose_b, T alpha,
                 std::type_identity_t<MatrixView<const T>> a,
                 std::type_identity_t<MatrixView<const T>> b, T beta, MatrixView<T> c) {
  static_cast<void>(session);
  const size_t depth = transpose_a ? a.rows : a.columns;
  if (c.rows == 0 || c.columns == 0) return;
  if (depth == 0) {
    for (size_t i = 0; i < c.rows; ++i)
      for (size_t j = 0; j < c.columns; ++j) c.row(i)[j] = beta == T(0) ? T(0) : beta * c.row(i)[j];
    return;
  }
  detail::backend_gemm(transpose_a, transpose_b, depth, alpha, a, b, beta, c);
}

/// The same for one product by itself.
template <class T>
void serial_gemm(bool transpose_a, bool transpose_b, T alpha, MatrixView<const T> a,
                 MatrixView<const T> b, T beta, MatrixView<T> c) {
  const ProductSession session;
  serial_gemm<T>(session, transpose_a, transpose_b, alpha, a, b, beta, c);
}

}  // namespace kernel
VCELL_END_NAMESPACE
