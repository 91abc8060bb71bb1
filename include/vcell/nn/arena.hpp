#pragma once

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "vcell/autograd/node.hpp"
#include "vcell/core/instantiate.hpp"
#include "vcell/nn/initial.hpp"
#include "vcell/tensor/copy.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The memory of a model's parameters: one block of values, one of gradients. Entries start on 64
/// bytes, what is between them stays zero. Kept alive by every node that is a slice of it.
template <class T, class Device>
struct Arena : Node {
  /// Values that have a name of their own.
  struct Part {
    std::string name;
    size_t offset, count;
    Initial initial;
    std::vector<T> loaded;  // in place of initial ones, where not empty
  };

  explicit Arena(uint64_t s) : seed(s) {}

  static size_t padded(size_t count) {
    constexpr size_t whole = 64 / sizeof(T);
    return (count + whole - 1) / whole * whole;
  }

  /// Makes the block of values, where it is not there yet: what was loaded, the rest drawn.
  T* lay_out() {
    if (!laid_out.load(std::memory_order_acquire)) {
      const std::lock_guard lock(mutex);
      if (!laid_out.load(std::memory_order_relaxed)) {
        values = host_values().release();
        laid_out.store(true, std::memory_order_release);
      }
    }
    return values.data();
  }

  const uint64_t seed;
  size_t size = 0;  // elements of `values`, padding included
  std::vector<Part> parts;
  std::mutex mutex;
  std::atomic<bool> laid_out{false};
  bool sealed = false;  // something was laid out for the entries that there are
  Buffer<T, Device> values, gradients;
  std::vector<size_t> gradient_offsets;  // of each entry, once they are laid out

 private:
  Tensor<T, 1, Device> host_values();
};

template <class T, class Device>
Tensor<T, 1, Device> Arena<T, Device>::host_values() {
  auto all = Tensor<T, 1>::uninitialized({size});
  size_t end = 0;
  for (Part& part : parts) {
    std::fill(all.data() + end, all.data() + part.offset, T(0));
    end = part.offset + part.count;
    const std::span<T> out(all.data() + part.offset, part.count);
    if (part.loaded.empty())
      draw_initial(part.initial, seed, part.name, out);
    else
      std::copy(part.loaded.begin(), part.loaded.end(), out.begin());
    std::vector<T>().swap(part.loaded);
  }
  std::fill(all.data() + end, all.data() + size, T(0));
  return to_device<Device>(std::move(all));
}

/// One entry of an arena.
template <class T, class Device>
struct ParameterNode : ValueNode<T, Device> {
  ParameterNode(NodePointer<Arena<T, Device>> in, size_t place, size_t n)
      : ValueNode<T, Device>(NodePointer<Node>(in.get()), nullptr, n),
        arena(in.get()),
        offset(place) {
    this->requires_gradient = true;
    this->lay_out = [](ValueNode<T, Device>& node) {
      auto& self = static_cast<ParameterNode&>(node);
      self.value.store(self.arena->lay_out() + self.offset, std::memory_order_release);
    };
  }
  Arena<T, Device>* arena;
  size_t offset;  // of its values
};

VCELL_INSTANTIATE(models, struct Arena<float, Cpu>);

}  // namespace detail
VCELL_END_NAMESPACE
