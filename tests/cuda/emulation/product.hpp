// The product of a stand-in for cuBLASLt (toolkit/cublasLt.h): its descriptors, what is refused,
// and plain loops.
#pragma once

#include <cmath>
#include <cstring>
#include <set>

#include "cuda/emulation/order.hpp"
#include "vcell/core/bfloat16.hpp"

enum cublasStatus_t {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_ALLOC_FAILED = 3,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_EXECUTION_FAILED = 13,
  CUBLAS_STATUS_NOT_SUPPORTED = 15
};
enum cudaDataType { CUDA_R_32F = 0, CUDA_R_64F = 1, CUDA_R_16BF = 14 };
enum cublasComputeType_t {
  CUBLAS_COMPUTE_32F = 68,
  CUBLAS_COMPUTE_64F = 70,
  CUBLAS_COMPUTE_32F_FAST_16BF = 75,
  CUBLAS_COMPUTE_32F_FAST_TF32 = 77
};
enum cublasOperation_t { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1 };
enum cublasLtEpilogue_t {
  CUBLASLT_EPILOGUE_DEFAULT = 1,
  CUBLASLT_EPILOGUE_BIAS = 4,
  CUBLASLT_EPILOGUE_GELU = 32,
  CUBLASLT_EPILOGUE_GELU_BIAS = 36,
  CUBLASLT_EPILOGUE_GELU_AUX = 160,
  CUBLASLT_EPILOGUE_GELU_AUX_BIAS = 164
};
enum cublasLtMatmulDescAttributes_t {
  CUBLASLT_MATMUL_DESC_TRANSA = 3,
  CUBLASLT_MATMUL_DESC_TRANSB = 4,
  CUBLASLT_MATMUL_DESC_EPILOGUE = 7,
  CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8,
  CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE = 10,
  CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER = 11,
  CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD = 12,
  CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE = 13
};
enum cublasLtMatrixLayoutAttribute_t {
  CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5,
  CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6
};
enum cublasLtMatmulPreferenceAttributes_t {
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8
};

struct cublasLtMatmulDescOpaque_t {
  cublasComputeType_t compute;
  cudaDataType scale;
  int32_t transpose[2];  // cublasOperation_t, of A and B
  uint32_t epilogue;
  const void* bias;
  int64_t bias_step;
  void* stored;
  int64_t stored_stride, stored_step;
};
struct cublasLtMatrixLayoutOpaque_t {
  cudaDataType type;
  uint64_t rows, columns;
  int64_t stride;
  int32_t count;
  int64_t step;
};
struct cublasLtMatmulPreferenceOpaque_t {
  uint64_t workspace;
  uint32_t alignment[4];  // of A, B, C, D
};
/// An algorithm works for what it was asked for, and nothing else.
struct cublasLtMatmulAlgo_t {
  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t matrix[4];
  uint32_t alignment[4];
  size_t workspace;
};
struct cublasLtMatmulHeuristicResult_t {
  cublasLtMatmulAlgo_t algo;
  size_t workspaceSize;
  cublasStatus_t state;
  float wavesCount;
  int reserved[4];
};
using cublasLtMatmulDesc_t = cublasLtMatmulDescOpaque_t*;
using cublasLtMatrixLayout_t = cublasLtMatrixLayoutOpaque_t*;
using cublasLtMatmulPreference_t = cublasLtMatmulPreferenceOpaque_t*;

namespace vcell_emulation {

struct Cublas {};

/// What tests ask of the stand-in, and tell it.
struct CublasState {
  std::set<const Cublas*> live;
  size_t heuristics = 0, products = 0, with_epilogue = 0;  ///< calls that were made
  const char* failing = nullptr;  ///< the call that is to fail, if any: so many calls from now on
  size_t after = 0;
  cublasStatus_t failure = CUBLAS_STATUS_SUCCESS;

  static CublasState& instance() {
    static CublasState& state = *new CublasState;
    return state;
  }
  /// The n-th call of a function from now on fails, the first is 0.
  void fail(const char* call, size_t n, cublasStatus_t status) {
    failing = call, after = n, failure = status;
  }
  bool fails(const char* call) {
    if (!failing || std::strcmp(failing, call) != 0 || after-- != 0) return false;
    failing = nullptr;
    return true;
  }
};

inline size_t element_bytes(cudaDataType type) {
  return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2;
}
inline double element(cudaDataType type, const void* data, size_t i) {
  if (type == CUDA_R_64F) return static_cast<const double*>(data)[i];
  if (type == CUDA_R_32F) return static_cast<const float*>(data)[i];
  return float(static_cast<const vcell::bfloat16*>(data)[i]);
}
inline void put_element(cudaDataType type, void* data, size_t i, double value) {
  if (type == CUDA_R_64F)
    static_cast<double*>(data)[i] = value;
  else if (type == CUDA_R_32F)
    static_cast<float*>(data)[i] = float(value);
  else
    static_cast<vcell::bfloat16*>(data)[i] = vcell::bfloat16(float(value));
}
/// A factor as tensor cores take it.
inline double rounded_factor(cublasComputeType_t compute, cudaDataType type, double x) {
  if (type != CUDA_R_32F || !std::isfinite(x) || x == 0) return x;
  const int bits = compute == CUBLAS_COMPUTE_32F_FAST_TF32   ? 11
                   : compute == CUBLAS_COMPUTE_32F_FAST_16BF ? 8
                                                             : 24;
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(mantissa, bits)), exponent - bits);
}

/// The tables of types and conditions in the documentation of cublasLtMatmul.
inline cublasStatus_t check_product(const cublasLtMatmulDescOpaque_t& o,
                                    const cublasLtMatrixLayoutOpaque_t& a,
                                    const cublasLtMatrixLayoutOpaque_t& b,
                                    const cublasLtMatrixLayoutOpaque_t& c,
                                    const cublasLtMatrixLayoutOpaque_t& d) {
  const auto size = [](const cublasLtMatrixLayoutOpaque_t& m, int32_t transpose, bool rows) {
    return (transpose == CUBLAS_OP_N) == rows ? m.rows : m.columns;
  };
  for (const auto* m : {&a, &b, &c, &d}) {
    if (m->rows == 0 || m->columns == 0 || m->count < 1) return CUBLAS_STATUS_INVALID_VALUE;
    if (m->stride < int64_t(m->rows) || m->count != d.count || m->step < 0)
      return CUBLAS_STATUS_INVALID_VALUE;
    if (m->rows > 0x7fffffff || m->columns > 0x7fffffff) return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  if (size(a, o.transpose[0], true) != d.rows || size(b, o.transpose[1], false) != d.columns ||
      size(a, o.transpose[0], false) != size(b, o.transpose[1], true) || c.rows != d.rows ||
      c.columns != d.columns || c.type != d.type)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (d.count > 1 && d.step == 0) return CUBLAS_STATUS_INVALID_VALUE;
  if (a.type != b.type) return CUBLAS_STATUS_NOT_SUPPORTED;
  const bool fits = o.compute == CUBLAS_COMPUTE_64F
                        ? o.scale == CUDA_R_64F && a.type == CUDA_R_64F && d.type == CUDA_R_64F
                    : a.type == CUDA_R_16BF
                        ? o.compute == CUBLAS_COMPUTE_32F && o.scale == CUDA_R_32F &&
                              (d.type == CUDA_R_16BF || d.type == CUDA_R_32F)
                        : o.scale == CUDA_R_32F && a.type == CUDA_R_32F && d.type == CUDA_R_32F;
  if (!fits) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (o.epilogue != CUBLASLT_EPILOGUE_DEFAULT && d.type == CUDA_R_64F)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (o.epilogue & CUBLASLT_EPILOGUE_BIAS) {
    if (!o.bias) return CUBLAS_STATUS_INVALID_VALUE;
    if (reinterpret_cast<uintptr_t>(o.bias) % 16) return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  if (o.epilogue & 128) {  // stores what GELU is applied to
    if (!o.stored || o.stored_stride < int64_t(d.rows) || o.stored_stride % 8 ||
        o.stored_step % 8 || (d.count > 1 && o.stored_step == 0))
      return CUBLAS_STATUS_INVALID_VALUE;
    if (reinterpret_cast<uintptr_t>(o.stored) % 16) return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  return CUBLAS_STATUS_SUCCESS;
}

inline bool same_layout(const cublasLtMatrixLayoutOpaque_t& x,
                        const cublasLtMatrixLayoutOpaque_t& y) {
  return x.type == y.type && x.rows == y.rows && x.columns == y.columns && x.stride == y.stride &&
         x.count == y.count && x.step == y.step;
}

/// Bytes from the first element of a batch to behind the last.
inline size_t extent(const cublasLtMatrixLayoutOpaque_t& m) {
  return element_bytes(m.type) *
         (size_t(m.count - 1) * size_t(m.step) + (m.columns - 1) * size_t(m.stride) + m.rows);
}

/// Whether two batches have an element in common; not where one lies beside the other in the
/// columns of a larger matrix.
inline bool overlap(const void* x, const cublasLtMatrixLayoutOpaque_t& of_x, const void* y,
                    const cublasLtMatrixLayoutOpaque_t& of_y) {
  const uintptr_t from_x = reinterpret_cast<uintptr_t>(x), from_y = reinterpret_cast<uintptr_t>(y);
  if (from_x >= from_y + extent(of_y) || from_y >= from_x + extent(of_x)) return false;
  const size_t bytes = element_bytes(of_x.type), stride = bytes * size_t(of_x.stride);
  if (of_x.type != of_y.type || of_x.stride != of_y.stride || of_x.step % of_x.stride ||
      of_y.step % of_x.stride)
    return true;
  const size_t apart = (from_x % stride + stride - from_y % stride) % stride;
  return apart < bytes * of_y.rows || apart + bytes * of_x.rows > stride;
}

/// The product itself. All is checked by now.
inline void multiply(const cublasLtMatmulDescOpaque_t& o, double alpha, const void* a,
                     const cublasLtMatrixLayoutOpaque_t& of_a, const void* b,
                     const cublasLtMatrixLayoutOpaque_t& of_b, double beta, const void* c,
                     const cublasLtMatrixLayoutOpaque_t& of_c, void* d,
                     const cublasLtMatrixLayoutOpaque_t& of_d) {
  const size_t depth = o.transpose[0] == CUBLAS_OP_N ? of_a.columns : of_a.rows;
  const auto factor = [&](const cublasLtMatrixLayoutOpaque_t& m, const void* data, size_t p,
                          size_t row, size_t column) {
    const double x = element(m.type, data, p * size_t(m.step) + column * size_t(m.stride) + row);
    return rounded_factor(o.compute, m.type, x);
  };
  for (size_t p = 0; p < size_t(of_d.count); ++p)
    for (size_t j = 0; j < of_d.columns; ++j)
      for (size_t i = 0; i < of_d.rows; ++i) {
        double sum = 0;
        for (size_t l = 0; l < depth; ++l)
          sum +=
              (o.transpose[0] == CUBLAS_OP_N ? factor(of_a, a, p, i, l)
                                             : factor(of_a, a, p, l, i)) *
              (o.transpose[1] == CUBLAS_OP_N ? factor(of_b, b, p, l, j) : factor(of_b, b, p, j, l));
        double z = alpha * sum;
        if (beta != 0)
          z += beta * element(of_c.type, c, p * size_t(of_c.step) + j * size_t(of_c.stride) + i);
        if (o.epilogue & CUBLASLT_EPILOGUE_BIAS)
          z += element(of_d.type, o.bias, p * size_t(o.bias_step) + i);
        if (o.epilogue & 128)
          put_element(of_d.type, o.stored,
                      p * size_t(o.stored_step) + j * size_t(o.stored_stride) + i, z);
        if (o.epilogue & CUBLASLT_EPILOGUE_GELU)
          z = 0.5 * z * (1 + std::tanh(0.7978845608028654 * (z + 0.044715 * z * z * z)));
        put_element(of_d.type, d, p * size_t(of_d.step) + j * size_t(of_d.stride) + i, z);
      }
}

/// Sets a field from what an attribute was set to, whose size must be the field's.
template <class T>
cublasStatus_t set_field(T& field, const void* value, size_t bytes) {
  if (!value || bytes != sizeof field) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&field, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace vcell_emulation
