// Descriptors of the stand-in for cuDNN's backend (toolkit/cudnn.h): what they may be given, and
// which graphs are attention.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cuda/emulation/order.hpp"

namespace vcell_emulation {

struct CudnnDescriptor;
/// What an attribute was set to.
struct CudnnValue {
  cudnnBackendAttributeType_t type;
  std::vector<char> bytes;
  std::vector<std::shared_ptr<const CudnnDescriptor>> descriptors;

  template <class T>
  std::vector<T> all() const {
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
};
struct CudnnDescriptor {
  cudnnBackendDescriptorType_t type;
  bool is_final = false;
  std::map<int, CudnnValue> values{};
  // Of an engine: whether its results differ from run to run, and what it does.
  bool is_random = false;
  std::shared_ptr<const CudnnDescriptor> graph{};

  bool has(int name) const { return values.count(name); }
  template <class T>
  T get(int name, T otherwise = {}) const {
    if (has(name)) std::memcpy(&otherwise, values.at(name).bytes.data(), sizeof(T));
    return otherwise;
  }
  template <class T>
  std::vector<T> all(int name) const {
    return has(name) ? values.at(name).all<T>() : std::vector<T>{};
  }
  /// A descriptor that it was given, null if it was not.
  const CudnnDescriptor* part(int name) const {
    return has(name) ? values.at(name).descriptors.at(0).get() : nullptr;
  }
};

/// What tests ask of the stand-in, and tell it.
struct CudnnState {
  std::map<const void*, std::shared_ptr<CudnnDescriptor>> live;
  std::set<const cudnnContext*> handles;
  size_t version = CUDNN_VERSION;
  size_t plans = 0, executions = 0;  ///< that were made
  std::string reason;                ///< of the last call that failed
  const char* failing = nullptr;  ///< the call that is to fail, if any: so many calls from now on
  size_t after = 0;
  cudnnStatus_t failure = CUDNN_STATUS_SUCCESS;

  static CudnnState& instance() {
    static CudnnState& state = *new CudnnState;
    return state;
  }
  void fail(const char* call, size_t n, cudnnStatus_t status) {
    failing = call, after = n, failure = status;
  }
  bool fails(const char* call) {
    if (!failing || std::strcmp(failing, call) != 0 || after-- != 0) return false;
    failing = nullptr;
    return true;
  }
  cudnnStatus_t refuse(cudnnStatus_t status, std::string why) {
    reason = std::move(why);
    return status;
  }
  const void* add(std::shared_ptr<CudnnDescriptor> descriptor) {
    const void* const key = descriptor.get();
    live[key] = std::move(descriptor);
    return key;
  }
  void* make(cudnnBackendDescriptorType_t type) {
    return const_cast<void*>(add(std::make_shared<CudnnDescriptor>(CudnnDescriptor{type})));
  }
  /// Null if there is none.
  std::shared_ptr<CudnnDescriptor> at(const void* key) const {
    const auto found = live.find(key);
    return found == live.end() ? nullptr : found->second;
  }
};

/// What an attribute is: of which descriptor, of which type, how many at most, whether it must be
/// set.
struct CudnnAttribute {
  cudnnBackendDescriptorType_t of;
  cudnnBackendAttributeType_t type;
  int64_t most;
  bool is_needed;
};
inline const std::map<int, CudnnAttribute>& cudnn_attributes() {
  constexpr auto part = CUDNN_TYPE_BACKEND_DESCRIPTOR;
  constexpr auto tensor = CUDNN_BACKEND_TENSOR_DESCRIPTOR;
  constexpr auto how_pointwise = CUDNN_BACKEND_POINTWISE_DESCRIPTOR;
  constexpr auto pointwise = CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR;
  constexpr auto product = CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR;
  constexpr auto how_reduction = CUDNN_BACKEND_REDUCTION_DESCRIPTOR;
  constexpr auto reduction = CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR;
  constexpr auto reshape = CUDNN_BACKEND_OPERATION_RESHAPE_DESCRIPTOR;
  constexpr auto heuristic = CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR;
  constexpr auto plan = CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR;
  constexpr auto pack = CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR;
  static const std::map<int, CudnnAttribute> all{
      {CUDNN_ATTR_TENSOR_UNIQUE_ID, {tensor, CUDNN_TYPE_INT64, 1, true}},
      {CUDNN_ATTR_TENSOR_DATA_TYPE, {tensor, CUDNN_TYPE_DATA_TYPE, 1, true}},
      {CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {tensor, CUDNN_TYPE_INT64, 1, true}},
      {CUDNN_ATTR_TENSOR_DIMENSIONS, {tensor, CUDNN_TYPE_INT64, 8, true}},
      {CUDNN_ATTR_TENSOR_STRIDES, {tensor, CUDNN_TYPE_INT64, 8, true}},
      {CUDNN_ATTR_TENSOR_IS_VIRTUAL, {tensor, CUDNN_TYPE_BOOLEAN, 1, false}},
      {CUDNN_ATTR_TENSOR_IS_BY_VALUE, {tensor, CUDNN_TYPE_BOOLEAN, 1, false}},
      {CUDNN_ATTR_POINTWISE_MODE, {how_pointwise, CUDNN_TYPE_POINTWISE_MODE, 1, true}},
      {CUDNN_ATTR_POINTWISE_MATH_PREC, {how_pointwise, CUDNN_TYPE_DATA_TYPE, 1, true}},
      {CUDNN_ATTR_POINTWISE_AXIS, {how_pointwise, CUDNN_TYPE_INT64, 1, false}},
      {CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, {pointwise, part, 1, true}},
      {CUDNN_ATTR_OPERATION_POINTWISE_XDESC, {pointwise, part, 1, true}},
      {CUDNN_ATTR_OPERATION_POINTWISE_BDESC, {pointwise, part, 1, false}},
      {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, {pointwise, part, 1, true}},
      {CUDNN_ATTR_OPERATION_POINTWISE_TDESC, {pointwise, part, 1, false}},
      {CUDNN_ATTR_MATMUL_COMP_TYPE,
       {CUDNN_BACKEND_MATMUL_DESCRIPTOR, CUDNN_TYPE_DATA_TYPE, 1, true}},
      {CUDNN_ATTR_OPERATION_MATMUL_ADESC, {product, part, 1, true}},
      {CUDNN_ATTR_OPERATION_MATMUL_BDESC, {product, part, 1, true}},
      {CUDNN_ATTR_OPERATION_MATMUL_CDESC, {product, part, 1, true}},
      {CUDNN_ATTR_OPERATION_MATMUL_DESC, {product, part, 1, true}},
      {CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC, {product, part, 1, false}},
      {CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC, {product, part, 1, false}},
      {CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC, {product, part, 1, false}},
      {CUDNN_ATTR_REDUCTION_OPERATOR, {how_reduction, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1, true}},
      {CUDNN_ATTR_REDUCTION_COMP_TYPE, {how_reduction, CUDNN_TYPE_DATA_TYPE, 1, true}},
      {CUDNN_ATTR_OPERATION_REDUCTION_XDESC, {reduction, part, 1, true}},
      {CUDNN_ATTR_OPERATION_REDUCTION_YDESC, {reduction, part, 1, true}},
      {CUDNN_ATTR_OPERATION_REDUCTION_DESC, {reduction, part, 1, true}},
      {CUDNN_ATTR_OPERATION_RESHAPE_XDESC, {reshape, part, 1, true}},
      {CUDNN_ATTR_OPERATION_RESHAPE_YDESC, {reshape, part, 1, true}},
      {CUDNN_ATTR_OPERATIONGRAPH_OPS, {CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, part, 1000, true}},
      {CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, {heuristic, part, 1, true}},
      {CUDNN_ATTR_ENGINEHEUR_MODE, {heuristic, CUDNN_TYPE_HEUR_MODE, 1, true}},
      {CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, {heuristic, part, 1, true}},
      {CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, {plan, part, 1, true}},
      {CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, {plan, part, 1, true}},
      {CUDNN_ATTR_DEVICEPROP_HANDLE,
       {CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, CUDNN_TYPE_HANDLE, 1, true}},
      {CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, {pack, CUDNN_TYPE_INT64, 1000, true}},
      {CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, {pack, CUDNN_TYPE_VOID_PTR, 1000, true}},
      {CUDNN_ATTR_VARIANT_PACK_WORKSPACE, {pack, CUDNN_TYPE_VOID_PTR, 1, true}}};
  return all;
}
inline size_t bytes_of(cudnnBackendAttributeType_t type) {
  return type == CUDNN_TYPE_BOOLEAN || type == CUDNN_TYPE_CHAR ? 1
         : type == CUDNN_TYPE_INT64 || type == CUDNN_TYPE_VOID_PTR || type == CUDNN_TYPE_HANDLE ||
                 type == CUDNN_TYPE_BACKEND_DESCRIPTOR
             ? 8
             : 4;
}

inline cudnnStatus_t set_attribute(const std::shared_ptr<CudnnDescriptor>& d,
                                   cudnnBackendAttributeName_t name,
                                   cudnnBackendAttributeType_t type, int64_t count,
                                   const void* values) {
  auto& state = CudnnState::instance();
  const auto known = cudnn_attributes().find(name);
  if (!d || d->is_final || known == cudnn_attributes().end() || known->second.of != d->type)
    return state.refuse(CUDNN_STATUS_BAD_PARAM, "not an attribute of a descriptor to be finalized");
  if (known->second.type != type) return CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE;
  if (count < 1 || count > known->second.most || !values)
    return state.refuse(CUDNN_STATUS_BAD_PARAM, "the number of values");
  CudnnValue value{type, {}, {}};
  value.bytes.resize(size_t(count) * bytes_of(type));
  std::memcpy(value.bytes.data(), values, value.bytes.size());
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
    for (const auto key : value.all<const void*>()) {
      const auto part = state.at(key);
      if (!part || !part->is_final) return CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED;
      value.descriptors.push_back(part);
    }
  d->values[name] = std::move(value);
  return CUDNN_STATUS_SUCCESS;
}

// Of a tensor.
inline std::vector<int64_t> sizes_of(const CudnnDescriptor& t) {
  return t.all<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS);
}
inline cudnnDataType_t type_of(const CudnnDescriptor& t) {
  return t.get<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
}
inline int64_t id_of(const CudnnDescriptor& t) {
  return t.get<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID);
}
inline bool is_virtual(const CudnnDescriptor& t) {
  return t.get<bool>(CUDNN_ATTR_TENSOR_IS_VIRTUAL);
}
inline bool is_by_value(const CudnnDescriptor& t) {
  return t.get<bool>(CUDNN_ATTR_TENSOR_IS_BY_VALUE);
}

/// What an operation reads, and what it writes last.
inline std::vector<const CudnnDescriptor*> tensors_of(const CudnnDescriptor& operation) {
  std::vector<const CudnnDescriptor*> all;
  for (const int name :
       {CUDNN_ATTR_OPERATION_POINTWISE_XDESC, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
        CUDNN_ATTR_OPERATION_POINTWISE_TDESC, CUDNN_ATTR_OPERATION_POINTWISE_YDESC,
        CUDNN_ATTR_OPERATION_REDUCTION_XDESC, CUDNN_ATTR_OPERATION_REDUCTION_YDESC,
        CUDNN_ATTR_OPERATION_RESHAPE_XDESC, CUDNN_ATTR_OPERATION_RESHAPE_YDESC,
        CUDNN_ATTR_OPERATION_MATMUL_GEMM_M_OVERRIDE_DESC,
        CUDNN_ATTR_OPERATION_MATMUL_GEMM_N_OVERRIDE_DESC,
        CUDNN_ATTR_OPERATION_MATMUL_GEMM_K_OVERRIDE_DESC, CUDNN_ATTR_OPERATION_MATMUL_ADESC,
        CUDNN_ATTR_OPERATION_MATMUL_BDESC, CUDNN_ATTR_OPERATION_MATMUL_CDESC})
    if (const auto* const t = operation.part(name)) all.push_back(t);
  return all;
}

/// Operations of a graph in one word each.
inline std::string words_of(const CudnnDescriptor& graph) {
  std::string words;
  for (const auto& o : graph.values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).descriptors) {
    if (const auto* const how = o->part(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR))
      words +=
          std::map<int, const char*>{
              {CUDNN_POINTWISE_ADD, "add "},         {CUDNN_POINTWISE_MUL, "mul "},
              {CUDNN_POINTWISE_DIV, "div "},         {CUDNN_POINTWISE_SUB, "sub "},
              {CUDNN_POINTWISE_EXP, "exp "},         {CUDNN_POINTWISE_LOG, "log "},
              {CUDNN_POINTWISE_CMP_LT, "less "},     {CUDNN_POINTWISE_LOGICAL_AND, "and "},
              {CUDNN_POINTWISE_GEN_INDEX, "index "}, {CUDNN_POINTWISE_BINARY_SELECT, "select "}}
              .at(how->get<int>(CUDNN_ATTR_POINTWISE_MODE));
    else if (const auto* const what = o->part(CUDNN_ATTR_OPERATION_REDUCTION_DESC))
      words += what->get<int>(CUDNN_ATTR_REDUCTION_OPERATOR) == CUDNN_REDUCE_TENSOR_MAX ? "max "
                                                                                        : "sum ";
    else
      words += o->type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR ? "product " : "reshape ";
  }
  return words;
}

/// Whether cuDNN has an engine for a graph: attention of bfloat16, forward or backward, with
/// padding or without, of heads of a multiple of 8 to 128 columns.
inline bool is_attention(const CudnnDescriptor& graph) {
  const std::string words = words_of(graph), scores = "product mul ",
                    padded = scores + "index index less less and select ",
                    forward = "max sub exp sum log add div product ", along = "mul sum mul ",
                    backward =
                        "sub exp reshape product product sub mul mul reshape product reshape "
                        "product ";
  if (words != scores + forward && words != padded + forward &&
      words != along + scores + backward && words != along + padded + backward)
    return false;
  for (const auto& o : graph.values.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).descriptors)
    if (o->type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR) {
      const auto &a = *o->part(CUDNN_ATTR_OPERATION_MATMUL_ADESC),
                 &b = *o->part(CUDNN_ATTR_OPERATION_MATMUL_BDESC),
                 &c = *o->part(CUDNN_ATTR_OPERATION_MATMUL_CDESC);
      if (type_of(a) != CUDNN_DATA_BFLOAT16 || type_of(b) != CUDNN_DATA_BFLOAT16) return false;
      if (!is_virtual(c) && type_of(c) != CUDNN_DATA_BFLOAT16) return false;
      for (const auto* const t : {&a, &b, &c}) {
        if (is_virtual(*t)) continue;
        const auto strides = t->all<int64_t>(CUDNN_ATTR_TENSOR_STRIDES);
        const size_t column = strides[3] == 1 ? 3 : 2;  // a transposed one has rows side by side
        const int64_t head_dim = sizes_of(*t)[column];
        if (strides[column] != 1 || head_dim % 8 || head_dim > 128) return false;
      }
    }
  return true;
}

}  // namespace vcell_emulation

#include "cuda/emulation/cudnn_execution.hpp"
