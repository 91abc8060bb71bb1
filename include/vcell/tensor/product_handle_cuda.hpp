#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "vcell/tensor/check_cublas.hpp"
#include "vcell/tensor/context_cuda.hpp"

VCELL_BEGIN_NAMESPACE

/// A matrix, or a batch of them, as cuBLASLt sees it: column by column.
struct CublasMatrix {
  cudaDataType type = CUDA_R_32F;
  uint64_t rows = 0, columns = 0;
  int64_t stride = 0;        ///< elements from one column to the next
  int64_t batch_stride = 0;  ///< elements from one matrix to the next; 0: the same one for all
  uint32_t alignment = 256;  ///< bytes that all its addresses are a multiple of
  auto operator<=>(const CublasMatrix&) const = default;
};

/// Everything that the choice of an algorithm depends on:
///
///   D = epilogue(alpha op(A) op(B) + beta C)
///
/// where the epilogue may add a bias, one for every row of D, apply GELU in its tanh form, and
/// store what GELU is applied to.
struct CublasProduct {
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  cudaDataType scale = CUDA_R_32F;  ///< the type of alpha and beta
  bool transpose_a = false, transpose_b = false;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  int32_t batch = 1;
  CublasMatrix a, b, c, d;
  int64_t bias_batch_stride = 0;
  int64_t stored_stride = 0, stored_batch_stride = 0;
  auto operator<=>(const CublasProduct&) const = default;

  /// What bias and `stored` are aligned to: no algorithm asks for more.
  static constexpr uint32_t alignment = 16;
  bool has_bias() const { return epilogue & CUBLASLT_EPILOGUE_BIAS; }
  /// Whether it stores what GELU is applied to.
  bool stores() const {
    return epilogue == CUBLASLT_EPILOGUE_GELU_AUX || epilogue == CUBLASLT_EPILOGUE_GELU_AUX_BIAS;
  }
};

namespace detail {

/// The descriptors of a product. They own nothing.
class CublasDescriptors {
 public:
  /// @param bias, stored  where they lie
  CublasDescriptors(const CublasProduct& p, const void* bias, void* stored) {
    note("cublasLtMatmulDescInit", cublasLtMatmulDescInit(&operation, p.compute, p.scale));
    set(CUBLASLT_MATMUL_DESC_TRANSA, int32_t(p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N));
    set(CUBLASLT_MATMUL_DESC_TRANSB, int32_t(p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N));
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, uint32_t(p.epilogue));
    if (p.has_bias()) {
      set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
      if (p.batch > 1) set(CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE, p.bias_batch_stride);
    }
    if (p.stores()) {
      set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, stored);
      set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, p.stored_stride);
      if (p.batch > 1) set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE, p.stored_batch_stride);
    }
    lay_out(a, p.a, p.batch);
    lay_out(b, p.b, p.batch);
    lay_out(c, p.c, p.batch);
    lay_out(d, p.d, p.batch);
  }

  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t a, b, c, d;
  const char* call = nullptr;  ///< the first that failed
  cublasStatus_t status = CUBLAS_STATUS_SUCCESS;

 private:
  void note(const char* made, cublasStatus_t returned) {
    if (status != CUBLAS_STATUS_SUCCESS || returned == CUBLAS_STATUS_SUCCESS) return;
    call = made;
    status = returned;
  }
  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, T value) {
    note("cublasLtMatmulDescSetAttribute",
         cublasLtMatmulDescSetAttribute(&operation, attribute, &value, sizeof value));
  }
  void lay_out(cublasLtMatrixLayoutOpaque_t& layout, const CublasMatrix& m, int32_t batch) {
    note("cublasLtMatrixLayoutInit",
         cublasLtMatrixLayoutInit(&layout, m.type, m.rows, m.columns, m.stride));
    if (batch == 1) return;
    const auto set_layout = [&](cublasLtMatrixLayoutAttribute_t attribute, auto value) {
      note("cublasLtMatrixLayoutSetAttribute",
           cublasLtMatrixLayoutSetAttribute(&layout, attribute, &value, sizeof value));
    };
    set_layout(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, batch);
    set_layout(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, m.batch_stride);
  }
};

}  // namespace detail

/// A context's own handle of cuBLASLt, with memory to work in and an algorithm for every product
/// that was asked for. cuBLASLt's heuristic names the algorithm, once and without trying: the same
/// product gets the same one every time, on every context of a device. Calls may come from several
/// threads at a time. Had by `context.own<ProductHandle>()`.
class ProductHandle {
 public:
  /// For algorithms that put sums of parts of the depth together: what NVIDIA advises for Hopper.
  static constexpr size_t workspace_bytes = size_t(32) << 20;

  /// @throws CudaError if cuBLASLt cannot be started or there is no memory
  explicit ProductHandle(const Context<Cuda>& context)
      : stream_(context.stream()), device_(context.device()) {
    constexpr const char* function = "ProductHandle";
    if (context.kept_work() && context.kept_work()->is_recording())
      throw CudaError(message(function,
                              ": the first product of a context, in work that is "
                              "recorded; the run before had none"));
    const detail::OnCudaDevice there(function, device_);
    check_cublas(function, cublasLtCreate(&handle_), "cublasLtCreate");
    // Not by Memory: it stays when work that is recorded is over.
    const cudaError_t error =
        cudaMallocFromPoolAsync(&workspace_, workspace_bytes, context.memory_pool(), stream_);
    if (error != cudaSuccess) cublasLtDestroy(handle_);
    check_cuda(function, error, "cudaMallocFromPoolAsync of ", workspace_bytes, " bytes");
  }
  ~ProductHandle() {
    // Whoever owns one in static storage may come after the driver has gone.
    const detail::OnCudaDevice there(device_);
    if (cudaFreeAsync(workspace_, stream_) != cudaSuccess) cudaGetLastError();
    cublasLtDestroy(handle_);
  }
  ProductHandle(const ProductHandle&) = delete;
  ProductHandle& operator=(const ProductHandle&) = delete;

  /// Whether cuBLASLt has an algorithm for a product.
  bool supports(const CublasProduct& product) {
    const cublasStatus_t status = found(product).status;
    return status != CUBLAS_STATUS_NOT_SUPPORTED && status != CUBLAS_STATUS_INVALID_VALUE;
  }

  /// Queues a product.
  /// @param alpha, beta  of the type that the product names, on the host
  /// @param c            not read where beta is 0; it may be d
  /// @return             null, or why it was not queued, to be read as long as the handle is there
  const char* multiply(const CublasProduct& product, const void* alpha, const void* a,
                       const void* b, const void* beta, const void* c, void* d, const void* bias,
                       void* stored) {
    const Algorithm algorithm = found(product);
    if (algorithm.call) return failure(algorithm.call, algorithm.status);
    detail::CublasDescriptors s(product, bias, stored);
    if (s.call) return failure(s.call, s.status);
    const detail::OnCudaDevice there(device_);
    const cublasStatus_t status =
        cublasLtMatmul(handle_, &s.operation, alpha, a, &s.a, b, &s.b, beta, c, &s.c, d, &s.d,
                       &algorithm.algorithm, workspace_, workspace_bytes, stream_);
    return status == CUBLAS_STATUS_SUCCESS ? nullptr : failure("cublasLtMatmul", status);
  }

 private:
  struct Algorithm {
    const char* call = nullptr;  // that failed
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    cublasLtMatmulAlgo_t algorithm = {};
  };

  Algorithm found(const CublasProduct& product) {
    const std::lock_guard lock(mutex_);
    if (const auto known = algorithms_.find(product); known != algorithms_.end())
      return known->second;
    const Algorithm answer = ask(product);
    // Want of memory, or a driver that has gone, says nothing of the product.
    if (answer.status == CUBLAS_STATUS_SUCCESS || answer.status == CUBLAS_STATUS_NOT_SUPPORTED ||
        answer.status == CUBLAS_STATUS_INVALID_VALUE)
      algorithms_.emplace(product, answer);
    return answer;
  }

  Algorithm ask(const CublasProduct& product) const {
    // Only the alignment of these addresses counts here: they are not followed.
    const auto address = reinterpret_cast<void*>(uintptr_t(CublasProduct::alignment));
    detail::CublasDescriptors s(product, address, address);
    if (s.call) return {s.call, s.status, {}};
    cublasLtMatmulPreferenceOpaque_t preference;
    constexpr const char* init = "cublasLtMatmulPreferenceInit";
    if (const auto status = cublasLtMatmulPreferenceInit(&preference)) return {init, status, {}};
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
      return cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof value);
    };
    for (const cublasStatus_t status :
         {set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t(workspace_bytes)),
          set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, product.a.alignment),
          set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, product.b.alignment),
          set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, product.c.alignment),
          set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, product.d.alignment)})
      if (status != CUBLAS_STATUS_SUCCESS)
        return {"cublasLtMatmulPreferenceSetAttribute", status, {}};
    cublasLtMatmulHeuristicResult_t result = {};
    int results = 0;
    const detail::OnCudaDevice there(device_);
    cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle_, &s.operation, &s.a, &s.b, &s.c,
                                                           &s.d, &preference, 1, &result, &results);
    if (status == CUBLAS_STATUS_SUCCESS)
      status = results ? result.state : CUBLAS_STATUS_NOT_SUPPORTED;
    if (status != CUBLAS_STATUS_SUCCESS) return {"cublasLtMatmulAlgoGetHeuristic", status, {}};
    return {nullptr, status, result.algo};
  }

  /// There are as many texts as calls and statuses.
  const char* failure(const char* call, cublasStatus_t status) {
    const std::lock_guard lock(mutex_);
    return failures_.insert(cublas_failure(call, status)).first->c_str();
  }

  cublasLtHandle_t handle_ = nullptr;
  void* workspace_ = nullptr;
  cudaStream_t stream_;
  int device_;
  std::mutex mutex_;
  std::map<CublasProduct, Algorithm> algorithms_;
  std::set<std::string> failures_;
};

VCELL_END_NAMESPACE
