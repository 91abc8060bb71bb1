// Stands in for cuBLASLt where kernels run as plain C++: the calls that vcell makes. A product is
// computed on the host, in double, from the descriptors as NVIDIA's documentation means them; what
// it says is refused is refused with the same status.
#pragma once

#include "cuda/emulation/product.hpp"
#include "cuda/emulation/toolkit/cuda_runtime_api.h"

using cublasLtHandle_t = vcell_emulation::Cublas*;

inline const char* cublasLtGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
  }
  return "CUBLAS_STATUS_UNKNOWN";
}
inline const char* cublasLtGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "the resource allocation failed";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "the functionality requested is not supported";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "an unsupported value or parameter was passed to the function";
    default:
      return "another failure";
  }
}

inline cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  auto& state = vcell_emulation::CublasState::instance();
  if (state.fails("cublasLtCreate")) return state.failure;
  *handle = new vcell_emulation::Cublas;
  state.live.insert(*handle);
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  if (!vcell_emulation::CublasState::instance().live.erase(handle))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

inline cublasStatus_t cublasLtMatmulDescInit(cublasLtMatmulDesc_t o, cublasComputeType_t compute,
                                             cudaDataType scale) {
  *o = {compute, scale, {CUBLAS_OP_N, CUBLAS_OP_N}, CUBLASLT_EPILOGUE_DEFAULT, nullptr, 0, nullptr,
        0,       0};
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t o,
                                                     cublasLtMatmulDescAttributes_t attribute,
                                                     const void* value, size_t bytes) {
  using vcell_emulation::set_field;
  switch (attribute) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      return set_field(o->transpose[0], value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB:
      return set_field(o->transpose[1], value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      return set_field(o->epilogue, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      return set_field(o->bias, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE:
      return set_field(o->bias_step, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER:
      return set_field(o->stored, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD:
      return set_field(o->stored_stride, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE:
      return set_field(o->stored_step, value, bytes);
  }
  return CUBLAS_STATUS_INVALID_VALUE;
}
inline cublasStatus_t cublasLtMatrixLayoutInit(cublasLtMatrixLayout_t m, cudaDataType type,
                                               uint64_t rows, uint64_t columns, int64_t stride) {
  *m = {type, rows, columns, stride, 1, 0};
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t m,
                                                       cublasLtMatrixLayoutAttribute_t attribute,
                                                       const void* value, size_t bytes) {
  if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT)
    return vcell_emulation::set_field(m->count, value, bytes);
  return vcell_emulation::set_field(m->step, value, bytes);
}
inline cublasStatus_t cublasLtMatmulPreferenceInit(cublasLtMatmulPreference_t preference) {
  *preference = {0, {256, 256, 256, 256}};
  return CUBLAS_STATUS_SUCCESS;
}
inline cublasStatus_t cublasLtMatmulPreferenceSetAttribute(
    cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute,
    const void* value, size_t bytes) {
  if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
    return vcell_emulation::set_field(preference->workspace, value, bytes);
  const size_t i = size_t(attribute) - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
  return vcell_emulation::set_field(preference->alignment[i], value, bytes);
}

/// Bias and stored are there for their alignment alone.
inline cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t handle, cublasLtMatmulDesc_t o, cublasLtMatrixLayout_t a,
    cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
    cublasLtMatmulPreference_t preference, int wanted, cublasLtMatmulHeuristicResult_t* results,
    int* count) {
  auto& device = vcell_emulation::Device::instance();
  const std::lock_guard lock(device.mutex);
  auto& state = vcell_emulation::CublasState::instance();
  *count = 0;
  if (!state.live.count(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (wanted < 1) return CUBLAS_STATUS_INVALID_VALUE;
  ++state.heuristics;
  if (state.fails("cublasLtMatmulAlgoGetHeuristic")) return state.failure;
  const cublasStatus_t status = vcell_emulation::check_product(*o, *a, *b, *c, *d);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const cublasLtMatrixLayoutOpaque_t* matrices[] = {a, b, c, d};
  results[0] = {};
  for (size_t i = 0; i < 4; ++i) {
    if (preference->alignment[i] % vcell_emulation::element_bytes(matrices[i]->type))
      return CUBLAS_STATUS_NOT_SUPPORTED;
    results[0].algo.alignment[i] = preference->alignment[i];
    results[0].algo.matrix[i] = *matrices[i];
  }
  results[0].algo.operation = *o;
  results[0].algo.workspace = results[0].workspaceSize = size_t(preference->workspace);
  *count = 1;
  return CUBLAS_STATUS_SUCCESS;
}

/// @throws vcell_emulation::Failure if work of another stream on these matrices may be under way
inline cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t o,
                                     const void* alpha, const void* a, cublasLtMatrixLayout_t of_a,
                                     const void* b, cublasLtMatrixLayout_t of_b, const void* beta,
                                     const void* c, cublasLtMatrixLayout_t of_c, void* d,
                                     cublasLtMatrixLayout_t of_d, const cublasLtMatmulAlgo_t* algo,
                                     void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  using namespace vcell_emulation;
  Device& device = Device::instance();
  const std::lock_guard lock(device.mutex);
  auto& state = CublasState::instance();
  if (!state.live.count(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!device.is_live(stream) || !is_current(stream)) return CUBLAS_STATUS_EXECUTION_FAILED;
  ++state.products;
  if (state.fails("cublasLtMatmul")) return state.failure;
  const cublasStatus_t status = check_product(*o, *of_a, *of_b, *of_c, *of_d);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const cublasLtMatmulDescOpaque_t& known = algo->operation;
  if (known.compute != o->compute || known.epilogue != o->epilogue ||
      known.transpose[0] != o->transpose[0] || known.transpose[1] != o->transpose[1] ||
      known.bias_step != o->bias_step || known.stored_stride != o->stored_stride ||
      known.stored_step != o->stored_step)
    return CUBLAS_STATUS_INVALID_VALUE;
  double factor[2];
  for (size_t i = 0; i < 2; ++i) {
    const void* const from = i == 0 ? alpha : beta;
    factor[i] = o->scale == CUDA_R_64F ? *static_cast<const double*>(from)
                                       : double(*static_cast<const float*>(from));
  }
  const void* data[] = {a, b, c, d};
  const cublasLtMatrixLayoutOpaque_t* layout[] = {of_a, of_b, of_c, of_d};
  for (size_t i = 0; i < 4; ++i) {
    if (!same_layout(*layout[i], algo->matrix[i])) return CUBLAS_STATUS_INVALID_VALUE;
    const uintptr_t every =
        layout[i]->count > 1 ? uintptr_t(layout[i]->step) * element_bytes(layout[i]->type) : 0;
    if ((reinterpret_cast<uintptr_t>(data[i]) | every) % algo->alignment[i])
      return CUBLAS_STATUS_INVALID_VALUE;
    if (!(i == 2 && factor[1] == 0) && !device.holds(data[i], extent(*layout[i])))
      return CUBLAS_STATUS_INVALID_VALUE;
  }
  // In place where C is D; else nothing that is read may be written.
  if (c == d && !same_layout(*of_c, *of_d)) return CUBLAS_STATUS_INVALID_VALUE;
  if (overlap(a, *of_a, d, *of_d) || overlap(b, *of_b, d, *of_d) ||
      (c != d && factor[1] != 0 && overlap(c, *of_c, d, *of_d)))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (workspace_bytes < algo->workspace || reinterpret_cast<uintptr_t>(workspace) % 16 ||
      !device.holds(workspace, workspace_bytes))
    return CUBLAS_STATUS_INVALID_VALUE;
  const size_t bytes = element_bytes(of_d->type);
  if (o->epilogue & CUBLASLT_EPILOGUE_BIAS &&
      !device.holds(o->bias, bytes * (size_t(of_d->count - 1) * size_t(o->bias_step) + of_d->rows)))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (o->epilogue & 128) {
    auto of_stored = *of_d;
    of_stored.stride = o->stored_stride, of_stored.step = o->stored_step;
    if (!device.holds(o->stored, extent(of_stored))) return CUBLAS_STATUS_INVALID_VALUE;
  }

  state.with_epilogue += o->epilogue != CUBLASLT_EPILOGUE_DEFAULT;
  do_or_record(stream, [=, o = *o, of_a = *of_a, of_b = *of_b, of_c = *of_c, of_d = *of_d,
                        by = factor[0], beta_is = factor[1]](Device& there, Stream& on) {
    there.step(on);
    there.note_use(on, a, false);
    there.note_use(on, b, false);
    if (beta_is != 0) there.note_use(on, c, false);
    if (o.epilogue & CUBLASLT_EPILOGUE_BIAS) there.note_use(on, o.bias, false);
    if (o.epilogue & 128) there.note_use(on, o.stored, true);
    there.note_use(on, d, true);
    there.note_use(on, workspace, true);
    multiply(o, by, a, of_a, b, of_b, beta_is, c, of_c, d, of_d);
  });
  return CUBLAS_STATUS_SUCCESS;
}
