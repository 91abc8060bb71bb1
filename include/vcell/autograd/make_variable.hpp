#pragma once

#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "vcell/autograd/grad_mode.hpp"
#include "vcell/autograd/variable.hpp"

VCELL_BEGIN_NAMESPACE

/// Whether an operation on these inputs records how its gradient flows back. An operation asks
/// before it keeps anything for that.
template <class... Variables>
bool records(const Variables&... inputs) {
  return detail::grad_mode() && (inputs.requires_gradient() || ...);
}

namespace detail {

/// A result with the inputs that it was made from and the way back to them.
template <class T, int rank, class Device, class Pullback, class... Inputs>
struct OperationNode : ValueNode<T, Device> {
  using Sources = std::array<Node*, sizeof...(Inputs)>;

  /// @param value  what a ValueNode is made of
  template <class... Value>
  OperationNode(const Shape<rank>& result_shape, Pullback f, const std::tuple<Inputs...>& from,
                Value&&... value)
      : ValueNode<T, Device>(std::forward<Value>(value)...),
        shape(result_shape),
        pullback(std::in_place, std::move(f)),
        variables(from),
        sources(std::apply([](const Inputs&... x) { return Sources{x.node()...}; }, from)) {
    this->requires_gradient = true;
    this->inputs = sources.data();
    this->input_count = sources.size();
    this->pull_back = [](Node& node) {
      auto& self = static_cast<OperationNode&>(node);
      const View<const T, rank, Device> y{self.value_data(), self.shape},
          dy{self.gradient_data(), self.shape};
      std::apply([&](const Inputs&... x) { (*self.pullback)(dy, y, x...); }, self.variables);
    };
    this->release = [](Node& node) {
      auto& self = static_cast<OperationNode&>(node);
      self.released = true;
      self.inputs = nullptr;
      self.input_count = 0;
      self.own_gradient = {};
      self.gradient = nullptr;
      self.gradient_is_set = false;
      self.pullback.reset();
      self.variables = {};
    };
  }

  Shape<rank> shape;
  std::optional<Pullback> pullback;
  std::tuple<Inputs...> variables;
  Sources sources;
};

/// The result of an operation that is recorded in any case.
/// @param value  what a ValueNode is made of
template <class T, int rank, class Device, class Pullback, class... Inputs, class... Value>
Variable<T, rank, Device> make_recorded(const Shape<rank>& shape, Pullback pullback,
                                        const std::tuple<Inputs...>& inputs, Value&&... value) {
  using N = OperationNode<T, rank, Device, Pullback, Inputs...>;
  auto node = make_node<N>(shape, std::move(pullback), inputs, std::forward<Value>(value)...);
  return {shape, NodePointer<ValueNode<T, Device>>(node.get())};
}

}  // namespace detail

/// The result of an operation, and how its gradient flows back.
///
/// @param value     the result
/// @param pullback  called as pullback(dy, y, inputs...) with the gradient and the value of the
///                  result, both View<const T, rank, Device>, and the variables given here: puts
///                  the inputs' gradients into their gradient_target() (or with_targets). It need
///                  not and should not hold a variable itself
/// @param inputs    the variables that the result was made from; an empty one stands for nothing
/// The pull-back is dropped at once when no input wants a gradient or NoGrad is active.
template <class T, int rank, class Device, class Pullback, class... Inputs>
Variable<T, rank, Device> make_variable(Tensor<T, rank, Device> value, Pullback pullback,
                                        const Inputs&... inputs) {
  if (!records(inputs...)) return Variable<T, rank, Device>(std::move(value));
  const Shape<rank> shape = value.shape();
  return detail::make_recorded<T, rank, Device>(
      shape, std::move(pullback), std::tuple<Inputs...>(inputs...), std::move(value).release());
}

VCELL_END_NAMESPACE
