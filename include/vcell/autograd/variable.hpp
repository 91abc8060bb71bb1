#pragma once

#include "vcell/autograd/node.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE

/// A tensor in a computation whose gradient can be had. A variable is a handle: copies refer to the
/// same value and the same gradient.
///
///   Variable<float, 2> w(Tensor<float, 2>({3, 4}), true);   // a parameter
///   auto y = linear(x, w);
///   backward(mean(y));
///   w.gradient();                                            // d mean(y) / d w
///
/// Data that no gradient belongs to, such as indices or a mask, can be one too (of int32_t, bool).
template <class T, int rank, class Device = Cpu>
class Variable {
 public:
  using scalar_type = T;

  /// No value; only to be assigned to, or to stand for something optional that is not there.
  Variable() = default;
  /// A leaf: data, or with requires_gradient a parameter.
  explicit Variable(Tensor<T, rank, Device> value, bool requires_gradient = false)
      : shape_(value.shape()),
        node_(detail::make_node<detail::ValueNode<T, Device>>(std::move(value).release())) {
    node_->requires_gradient = requires_gradient;
  }
  /// A handle to a node, as operations make it (make_variable).
  Variable(const Shape<rank>& shape, detail::NodePointer<detail::ValueNode<T, Device>> node)
      : shape_(shape), node_(std::move(node)) {}

  explicit operator bool() const { return bool(node_); }
  const Shape<rank>& shape() const { return shape_; }
  size_t shape(int axis) const { return shape_[size_t(axis)]; }
  size_t count() const { return vcell::count(shape_); }

  /// @throws Error if the variable is empty
  View<const T, rank, Device> value() const { return {node_or_fail().value_data(), shape_}; }
  /// For optimisers and loaders: never change a value that a recorded operation still needs.
  /// @throws Error if the variable is empty
  View<T, rank, Device> mutable_value() const { return {node_or_fail().value_data(), shape_}; }

  bool requires_gradient() const { return node_ && node_->requires_gradient; }
  /// What has flowed back so far: zeros before the first. A null view when no gradient is wanted.
  View<T, rank, Device> gradient() const {
    return {requires_gradient() ? node_->gradient_data() : nullptr, shape_};
  }
  /// Where a pull-back puts a contribution: it assigns the first one and adds later ones. Null when
  /// no gradient is wanted. For pull-backs: from now on the gradient counts as set.
  kernel::Target<T, rank, Device> gradient_target() const {
    if (!requires_gradient()) return {};
    T* room = node_->gradient_room();
    return {{room, shape_}, std::exchange(node_->gradient_is_set, true)};
  }
  /// Forgets the gradient; nothing is written. Makes room for it if there is none yet: a loop whose
  /// steps start with this has all that lasts before its first step, which then leaves every block
  /// it needed to the next.
  void clear_gradient() const {
    if (!requires_gradient()) return;
    node_->gradient_room();
    node_->gradient_is_set = false;
  }

  /// The same value and gradient under another shape, without a copy.
  /// @throws ShapeError if it has another number of elements
  template <int other>
  Variable<T, other, Device> reshape(const Shape<other>& to) const {
    View<const T, rank, Device>{nullptr, shape_}.template reshape<other>(to);
    return {to, node_};
  }
  /// A copy of the value, cut off from what made it: nothing flows back through it.
  Variable detach() const {
    auto copy = Tensor<T, rank, Device>::uninitialized(shape_);
    Memory<Device>::copy(current_context<Device>(), copy.data(), value().data, count() * sizeof(T));
    return Variable(std::move(copy));
  }

  detail::ValueNode<T, Device>* node() const { return node_.get(); }

 private:
  detail::ValueNode<T, Device>& node_or_fail() const {
    if (!node_) [[unlikely]]
      detail::fail<Error>("Variable: an empty one of rank ", rank,
                          " was used as if it had a value; assign one to it first");
    return *node_.get();
  }

  Shape<rank> shape_{};
  detail::NodePointer<detail::ValueNode<T, Device>> node_;
};

VCELL_END_NAMESPACE
