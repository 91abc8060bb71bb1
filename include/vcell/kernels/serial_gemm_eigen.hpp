#pragma once

#include "vcell/core/instantiate.hpp"
#include "vcell/kernels/eigen.hpp"
#include "vcell/kernels/matrix_view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel::detail {

template <class T, int order>
auto eigen_map(T* data, size_t rows, size_t columns, size_t stride) {
  using M = Eigen::Matrix<std::remove_const_t<T>, Eigen::Dynamic, Eigen::Dynamic, order>;
  return Eigen::Map<std::conditional_t<std::is_const_v<T>, const M, M>, Eigen::Unaligned,
                    Eigen::OuterStride<>>(data, Eigen::Index(rows), Eigen::Index(columns),
                                          Eigen::OuterStride<>(Eigen::Index(stride)));
}

/// The product by Eigen, which needs no other library. Every layout is its own instantiation, some
/// two seconds of compile time each.
template <class T>
void eigen_gemm(bool transpose_a, bool transpose_b, size_t depth, T alpha, MatrixView<const T> a,
                MatrixView<const T> b, T beta, MatrixView<T> c) {
  constexpr int row_major = Eigen::RowMajor, column_major = Eigen::ColMajor;
  auto y = eigen_map<T, row_major>(c.data, c.rows, c.columns, c.stride);
  if (beta == T(0))
    y.setZero();
  else if (beta != T(1))
    y *= beta;
  // The transpose of a row-major matrix is a column-major one on the same elements.
  const auto a_n = eigen_map<const T, row_major>(a.data, c.rows, depth, a.stride);
  const auto a_t = eigen_map<const T, column_major>(a.data, c.rows, depth, a.stride);
  const auto b_n = eigen_map<const T, row_major>(b.data, depth, c.columns, b.stride);
  const auto b_t = eigen_map<const T, column_major>(b.data, depth, c.columns, b.stride);
  if (transpose_a && transpose_b)
    y.noalias() += alpha * (a_t * b_t);
  else if (transpose_a)
    y.noalias() += alpha * (a_t * b_n);
  else if (transpose_b)
    y.noalias() += alpha * (a_n * b_t);
  else
    y.noalias() += alpha * (a_n * b_n);
}

/// Whether the product backend takes long for a transposed B of type T, longer than a copy of it
/// with rows and columns exchanged: oneDNN, at times as long again as the product of 100 rows.
template <class T>
inline constexpr bool slow_transposed_b =
#if defined(VCELL_BLAS_DNNL)
    std::is_same_v<T, float>;
#else
    false;
#endif

#if !defined(VCELL_BLAS_DNNL) && !defined(VCELL_BLAS_OPENBLAS) && !defined(VCELL_BLAS_BLIS)
template <class T>
void backend_gemm(bool transpose_a, bool transpose_b, size_t depth, T alpha, MatrixView<const T> a,
                  MatrixView<const T> b, T beta, MatrixView<T> c) {
  eigen_gemm(transpose_a, transpose_b, depth, alpha, a, b, beta, c);
}
#endif

VCELL_INSTANTIATE(products, void eigen_gemm(bool, bool, size_t, float, MatrixView<const float>,
                                            MatrixView<const float>, float, MatrixView<float>));
VCELL_INSTANTIATE(products, void eigen_gemm(bool, bool, size_t, double, MatrixView<const double>,
                                            MatrixView<const double>, double, MatrixView<double>));

}  // namespace kernel::detail
VCELL_END_NAMESPACE
