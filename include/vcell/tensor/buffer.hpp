#pragma once

#include <type_traits>
#include <utility>

#include "vcell/tensor/memory_cpu.hpp"

VCELL_BEGIN_NAMESPACE

/// A fixed number of plain elements on a device, owned. Copying copies the elements. A buffer
/// belongs to the context that it was made in: it keeps it alive and is freed in its order. Work of
/// another context may use it after `other.wait_for(context)`.
template <class T, class Device>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Buffer() = default;
  /// Elements that are not initialised, made in the current context.
  explicit Buffer(size_t count)
      : data_(count ? static_cast<T*>(home_.allocate(count * sizeof(T))) : nullptr),
        count_(count) {}
  Buffer(const Buffer& other) : Buffer(other.count_) {
    Memory<Device>::copy(current_context<Device>(), data_, other.data_, count_ * sizeof(T));
  }
  Buffer(Buffer&& other) noexcept
      : home_(std::move(other.home_)),
        data_(std::exchange(other.data_, nullptr)),
        count_(std::exchange(other.count_, 0)) {}
  Buffer& operator=(Buffer other) noexcept {
    home_.swap(other.home_);
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~Buffer() {
    if (data_) home_.deallocate(data_, count_ * sizeof(T));
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t count() const { return count_; }
  void zero() { Memory<Device>::zero(current_context<Device>(), data_, count_ * sizeof(T)); }

 private:
  [[no_unique_address]] MemoryHome<Device> home_;
  T* data_ = nullptr;
  size_t count_ = 0;
};

VCELL_END_NAMESPACE
