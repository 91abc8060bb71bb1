#pragma once

#include <cudnn.h>

#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "vcell/tensor/check_cudnn.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// What cuDNN's backend calls the type of an attribute.
template <class T>
constexpr cudnnBackendAttributeType_t cudnn_attribute_type() {
  if constexpr (std::is_same_v<T, int64_t>)
    return CUDNN_TYPE_INT64;
  else if constexpr (std::is_same_v<T, bool>)
    return CUDNN_TYPE_BOOLEAN;
  else if constexpr (std::is_same_v<T, char>)
    return CUDNN_TYPE_CHAR;
  else if constexpr (std::is_same_v<T, void*>)  // a descriptor is one, too: see set()
    return CUDNN_TYPE_VOID_PTR;
  else if constexpr (std::is_same_v<T, cudnnHandle_t>)
    return CUDNN_TYPE_HANDLE;
  else if constexpr (std::is_same_v<T, cudnnDataType_t>)
    return CUDNN_TYPE_DATA_TYPE;
  else if constexpr (std::is_same_v<T, cudnnPointwiseMode_t>)
    return CUDNN_TYPE_POINTWISE_MODE;
  else if constexpr (std::is_same_v<T, cudnnReduceTensorOp_t>)
    return CUDNN_TYPE_REDUCTION_OPERATOR_TYPE;
  else if constexpr (std::is_same_v<T, cudnnBackendNumericalNote_t>)
    return CUDNN_TYPE_NUMERICAL_NOTE;
  else {
    static_assert(std::is_same_v<T, cudnnBackendHeurMode_t>, "vcell: no such attribute");
    return CUDNN_TYPE_HEUR_MODE;
  }
}

}  // namespace detail

/// A descriptor of cuDNN's backend: attributes are set, then it is finalized and can be used.
/// Every function throws CudaError, which names the call, the descriptor and what cuDNN said.
class CudnnDescriptor {
 public:
  /// @param what  names it in messages: "a tensor"; in static storage
  CudnnDescriptor(cudnnBackendDescriptorType_t type, const char* what) : what_(what) {
    check_cudnn(cudnnBackendCreateDescriptor(type, &descriptor_),
                "cudnnBackendCreateDescriptor of ", what);
  }
  ~CudnnDescriptor() {
    if (descriptor_) cudnnBackendDestroyDescriptor(descriptor_);
  }
  CudnnDescriptor(CudnnDescriptor&& other) noexcept
      : what_(other.what_), descriptor_(std::exchange(other.descriptor_, nullptr)) {}
  CudnnDescriptor& operator=(CudnnDescriptor&& other) noexcept {
    std::swap(what_, other.what_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

  cudnnBackendDescriptor_t get() const { return descriptor_; }

  /// @param values  count of them
  template <class T>
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, const T* values, size_t count) {
    return put(name, detail::cudnn_attribute_type<T>(), values, count);
  }
  template <class T>
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, const T& value) {
    return put(name, detail::cudnn_attribute_type<T>(), &value, 1);
  }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value) {
    return put(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, &value.descriptor_, 1);
  }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name,
                       const std::vector<CudnnDescriptor>& values) {
    std::vector<cudnnBackendDescriptor_t> all;
    for (const CudnnDescriptor& value : values) all.push_back(value.descriptor_);
    return put(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, all.data(), all.size());
  }
  CudnnDescriptor& finalize() {
    check_cudnn(cudnnBackendFinalize(descriptor_), "cudnnBackendFinalize of ", what_);
    return *this;
  }

  /// At most `most` values.
  template <class T>
  std::vector<T> get(cudnnBackendAttributeName_t name, size_t most) const {
    std::vector<T> values(most);
    values.resize(fill(name, detail::cudnn_attribute_type<T>(), values.data(), most));
    return values;
  }
  /// Fills a descriptor that was made and is not finalized.
  void get(cudnnBackendAttributeName_t name, CudnnDescriptor& value) const {
    if (fill(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, &value.descriptor_, 1) != 1)
      throw CudaError(
          message("cudnnBackendGetAttribute of ", what_, ": there is no ", value.what_));
  }
  /// As many as there are, of one type.
  std::vector<CudnnDescriptor> get(cudnnBackendAttributeName_t name,
                                   cudnnBackendDescriptorType_t type, const char* what) const {
    std::vector<CudnnDescriptor> values;
    std::vector<cudnnBackendDescriptor_t> all;
    for (size_t most = fill(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, nullptr, 0); most; --most)
      all.push_back(values.emplace_back(type, what).descriptor_);
    if (all.empty()) return values;
    const size_t count = fill(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, all.data(), all.size());
    while (values.size() > count) values.pop_back();
    return values;
  }

 private:
  CudnnDescriptor& put(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                       const void* values, size_t count) {
    check_cudnn(cudnnBackendSetAttribute(descriptor_, name, type, int64_t(count), values),
                "cudnnBackendSetAttribute ", int(name), " of ", what_);
    return *this;
  }
  size_t fill(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, void* values,
              size_t most) const {
    int64_t count = 0;
    check_cudnn(cudnnBackendGetAttribute(descriptor_, name, type, int64_t(most), &count, values),
                "cudnnBackendGetAttribute ", int(name), " of ", what_);
    return size_t(count);
  }

  const char* what_;
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

VCELL_END_NAMESPACE
