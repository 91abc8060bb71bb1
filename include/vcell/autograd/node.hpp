#pragma once

#include <atomic>
#include <utility>

#include "vcell/kernels/target.hpp"
#include "vcell/tensor/buffer.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// One result of the graph, whatever its type: what backward walks over. Nodes live in the
/// allocator's cache and are counted by the handles that point to them.
struct Node {
  std::atomic<size_t> references{0};
  bool requires_gradient = false;
  bool released = false;          // its pull-back has run and is gone
  size_t pending = 0;             // within backward: results that have yet to add to its gradient
  const void* visitor = nullptr;  // within backward: which one
  Node* next = nullptr;           // within backward and destroy: the node below on a stack
  Node* const* inputs = nullptr;
  size_t input_count = 0;
  void (*pull_back)(Node&) = nullptr;  // none: a leaf
  void (*release)(Node&) = nullptr;    // drops the pull-back, the inputs and the gradient
  void (*destroy)(Node*) = nullptr;
};

/// Destroys a node that nothing points to, and then those that it alone kept alive, one after the
/// other: a long chain of results must not become a deep recursion of destructors.
inline void destroy(Node* node) {
  static thread_local Node* waiting = nullptr;
  static thread_local bool under_way = false;
  node->next = waiting;
  waiting = node;
  if (under_way) return;
  under_way = true;
  while (waiting) {
    Node* n = waiting;
    waiting = n->next;
    n->destroy(n);
  }
  under_way = false;
}

/// A counted pointer to a node or something derived from it.
template <class N>
class NodePointer {
 public:
  NodePointer() = default;
  explicit NodePointer(N* node) : node_(node) { acquire(); }
  NodePointer(const NodePointer& other) : node_(other.node_) { acquire(); }
  NodePointer(NodePointer&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  NodePointer& operator=(NodePointer other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodePointer() {
    if (node_ && node_->references.fetch_sub(1, std::memory_order_acq_rel) == 1)
      detail::destroy(node_);
  }
  N* get() const { return node_; }
  N* operator->() const { return node_; }
  explicit operator bool() const { return node_; }

 private:
  void acquire() {
    if (node_) node_->references.fetch_add(1, std::memory_order_relaxed);
  }
  N* node_ = nullptr;
};

/// A node with its elements and, once something has flowed back, their gradient. Either is a block
/// of its own or a slice of one that several nodes share. The rank is the handle's business, so
/// that a reshape is another handle to the same node.
template <class T, class Device>
struct ValueNode : Node {
  explicit ValueNode(Buffer<T, Device> elements) : own(std::move(elements)), count(own.count()) {
    value.store(own.data(), std::memory_order_relaxed);
  }
  /// A slice of what another node keeps. @param elements  null: it is laid out at first use
  ValueNode(NodePointer<Node> keeper, T* elements, size_t n) : owner(std::move(keeper)), count(n) {
    value.store(elements, std::memory_order_relaxed);
  }

  T* value_data() {
    if (lay_out) [[unlikely]]
      if (!value.load(std::memory_order_acquire)) lay_out(*this);
    return value.load(std::memory_order_relaxed);
  }
  /// Makes room for the gradient, unless there is: not initialised.
  T* gradient_room() {
    if (!gradient) {
      own_gradient = Buffer<T, Device>(count);
      gradient = own_gradient.data();
    }
    return gradient;
  }
  /// The gradient to be read: zeros where nothing has flowed back.
  T* gradient_data() {
    T* g = gradient_room();
    if (!std::exchange(gradient_is_set, true))
      Memory<Device>::zero(current_context<Device>(), g, count * sizeof(T));
    return g;
  }

  Buffer<T, Device> own, own_gradient;
  NodePointer<Node> owner;         // keeps alive what this is a slice of
  std::atomic<T*> value{nullptr};  // atomic, because several threads may see a layout at once
  T* gradient = nullptr;
  size_t count;
  bool gradient_is_set = false;
  void (*lay_out)(ValueNode&) = nullptr;  // of parameters: sets value
};

/// Makes a node of a concrete type in the allocator's cache.
template <class N, class... Arguments>
NodePointer<N> make_node(Arguments&&... arguments) {
  static_assert(alignof(N) <= BlockCache::alignment);
  void* block = Memory<Cpu>::allocate({}, sizeof(N));
  try {
    N* node = new (block) N(std::forward<Arguments>(arguments)...);
    node->destroy = [](Node* n) {
      static_cast<N*>(n)->~N();
      Memory<Cpu>::deallocate({}, static_cast<N*>(n), sizeof(N));
    };
    return NodePointer<N>(node);
  } catch (...) {
    Memory<Cpu>::deallocate({}, block, sizeof(N));
    throw;
  }
}

}  // namespace detail
VCELL_END_NAMESPACE
