#pragma once

#include <optional>
#include <utility>

#include "vcell/autograd/grad_mode.hpp"
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
template <class T, int rank, class Device = Cpu>
class Variable {
 public:
  using scalar_type = T;

  /// No value; only to be assigned to.
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

  View<const T, rank> value() const { return {node_->value.data(), shape_}; }
  /// For optimisers and loaders: never change a value that a recorded operation still needs.
  View<T, rank> mutable_value() const { return {node_->value.data(), shape_}; }

  bool requires_gradient() const { return node_ && node_->requires_gradient; }
  /// Where pull-backs add; zeros before the first. A null view when no gradient is wanted: kernels
  /// then skip the work.
  View<T, rank> gradient() const {
    return {requires_gradient() ? node_->gradient_data() : nullptr, shape_};
  }
  /// Sets the gradient to zero, and makes it if there is none yet: a loop whose steps start with
  /// this has all that lasts before its first step, which then leaves every block it needed to the
  /// next.
  void zero_gradient() const {
    if (!requires_gradient()) return;
    node_->gradient_data();
    node_->gradient.zero();
  }

  /// The same value and gradient under another shape, without a copy.
  /// @throws ShapeError if it has another number of elements
  template <int other>
  Variable<T, other, Device> reshape(const Shape<other>& to) const {
    value().template reshape<other>(to);
    return {to, node_};
  }
  /// The same value, cut off from what made it: nothing flows back through it.
  Variable detach() const {
    auto copy = Tensor<T, rank, Device>::uninitialized(shape_);
    Memory<Device>::copy(copy.data(), node_->value.data(), count() * sizeof(T));
    return Variable(std::move(copy));
  }

  detail::ValueNode<T, Device>* node() const { return node_.get(); }

 private:
  Shape<rank> shape_{};
  detail::NodePointer<detail::ValueNode<T, Device>> node_;
};

/// Whether an operation on these inputs records how its gradient flows back. An operation asks
/// before it keeps anything for that.
template <class... Variables>
bool records(const Variables&... inputs) {
  return detail::grad_mode() && (inputs.requires_gradient() || ...);
}

namespace detail {

template <class T, class Device, class Pullback, size_t n>
struct OperationNode : ValueNode<T, Device> {
  OperationNode(Buffer<T, Device> elements, Pullback f, std::array<Node*, n> from)
      : ValueNode<T, Device>(std::move(elements)), sources(from), pullback(std::move(f)) {
    this->requires_gradient = true;
    this->inputs = sources.data();
    this->input_count = n;
    this->pull_back = [](Node& node) {
      auto& self = static_cast<OperationNode&>(node);
      (*self.pullback)(self.gradient_data());
    };
    this->release = [](Node& node) {
      auto& self = static_cast<OperationNode&>(node);
      self.released = true;
      self.inputs = nullptr;
      self.input_count = 0;
      self.gradient = {};
      self.pullback.reset();
    };
  }
  std::array<Node*, n> sources;
  std::optional<Pullback> pullback;  // holds the inputs, so the plain pointers stay good
};

}  // namespace detail

/// The result of an operation, and how its gradient flows back.
///
/// @param value     the result
/// @param pullback  called as pullback(View<const T, rank> dy): adds to the gradients of the inputs
///                  it holds; must hold every one of `inputs`
/// @param inputs    the variables that the result was made from; an empty one is left out
/// The pull-back is dropped at once when no input wants a gradient or NoGrad is active.
template <class T, int rank, class Device, class Pullback, class... Inputs>
Variable<T, rank, Device> make_variable(Tensor<T, rank, Device> value, Pullback pullback,
                                        const Inputs&... inputs) {
  if (!records(inputs...)) return Variable<T, rank, Device>(std::move(value));
  const Shape<rank> shape = value.shape();
  auto f = [pullback = std::move(pullback), shape](const T* dy) mutable {
    pullback(View<const T, rank>{dy, shape});
  };
  using N = detail::OperationNode<T, Device, decltype(f), sizeof...(Inputs)>;
  auto node = detail::make_node<N>(std::move(value).release(), std::move(f),
                                   std::array<detail::Node*, sizeof...(Inputs)>{inputs.node()...});
  return {shape, detail::NodePointer<detail::ValueNode<T, Device>>(node.get())};
}

VCELL_END_NAMESPACE
