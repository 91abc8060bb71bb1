#pragma once

#include <array>
#include <tuple>
#include <utility>

#include "vcell/autograd/backward.hpp"

VCELL_BEGIN_NAMESPACE

namespace detail {

/// Leaves with the values and the gradients of inputs, so that contributions add up in the order in
/// which they would have without them. A variable that is given twice is one leaf.
template <class... Inputs>
class StandIns {
 public:
  explicit StandIns(const Inputs&... inputs) : all_(make(inputs)...) {}

  const std::tuple<Inputs...>& all() const { return all_; }
  /// Tells the inputs whether anything has flowed back.
  void finish(const Inputs&... inputs) const {
    const auto tell = [](const auto& from, const auto& to) {
      if (to.requires_gradient()) to.node()->gradient_is_set = from.node()->gradient_is_set;
    };
    each(std::index_sequence_for<Inputs...>(), tell, inputs...);
  }

 private:
  template <class T, int rank, class Device>
  Variable<T, rank, Device> make(const Variable<T, rank, Device>& x) {
    using N = ValueNode<T, Device>;
    if (!x) return x;
    for (size_t i = 0; i < made_; ++i)
      if (originals_[i] == x.node())
        return {x.shape(), NodePointer<N>(static_cast<N*>(leaves_[i]))};
    auto leaf = make_node<N>(NodePointer<Node>(x.node()), x.mutable_value().data, x.count());
    if (x.requires_gradient()) {
      leaf->requires_gradient = true;
      leaf->gradient = x.node()->gradient_room();
      leaf->gradient_is_set = x.node()->gradient_is_set;
    }
    originals_[made_] = x.node();
    leaves_[made_++] = leaf.get();
    return {x.shape(), std::move(leaf)};
  }
  template <size_t... i, class F>
  void each(std::index_sequence<i...>, F f, const Inputs&... inputs) const {
    (f(std::get<i>(all_), inputs), ...);
  }

  std::array<Node*, sizeof...(Inputs)> originals_{}, leaves_{};
  size_t made_ = 0;
  std::tuple<Inputs...> all_;
};

/// A recorded result with the value of y.
template <class T, int rank, class Device, class Pullback, class... Inputs>
Variable<T, rank, Device> record_again(const Variable<T, rank, Device>& y, Pullback pullback,
                                       const Inputs&... inputs) {
  return make_recorded<T, rank, Device>(
      y.shape(), std::move(pullback), std::tuple<Inputs...>(inputs...), NodePointer<Node>(y.node()),
      y.mutable_value().data, y.count());
}

}  // namespace detail

/// f(inputs...) whose intermediate results are not kept: backward computes them again (Chen et al.
/// 2016, arXiv:1604.06174). Costs one more forward of f and gives the same bytes.
///
///   h = recompute([&](const auto& x) { return block(x, pass); }, h);
///
/// @param f       a pure function of its inputs and of parameters, called once now and once in
///                backward, with handles to the same values; copied. Results of the computation
///                under way are inputs, not captures
/// @param inputs  variables; gradients flow to those that want one, and to parameters within f
/// It is recorded even if no input wants a gradient, since parameters within f may.
/// @throws Error in backward if f uses results that are not among the inputs
template <class F, class... Inputs>
auto recompute(F f, const Inputs&... inputs) {
  using Result = decltype(f(inputs...));
  if (!detail::grad_mode()) return f(inputs...);
  const Result y = [&] {
    const NoGrad no_grad;
    return f(inputs...);
  }();
  const auto pull_back = [f = std::move(f)](auto dy, auto, const Inputs&... x) {
    const detail::GradMode recording(true);
    const detail::StandIns<Inputs...> leaves(x...);
    const Result again = std::apply(f, leaves.all());
    if (!again.requires_gradient()) return;
    backward(again, dy);
    leaves.finish(x...);
  };
  return detail::record_again(y, pull_back, inputs...);
}

VCELL_END_NAMESPACE
