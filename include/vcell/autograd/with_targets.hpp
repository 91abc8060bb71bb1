#pragma once

#include <tuple>
#include <utility>

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/copy.hpp"
#include "vcell/kernels/launch.hpp"

VCELL_BEGIN_NAMESPACE

namespace detail {

/// Adds (or first assigns) a gradient that lies elsewhere.
template <class T, int rank, class Device>
void pull_copy(const char* function, std::type_identity_t<View<const T, rank, Device>> from,
               const kernel::Target<T, rank, Device>& to) {
  if (!to) return;
  const size_t n = from.count();
  kernel::run<kernel::Copy, Device>(
      function, kernel::MatrixView<const T, Device>(from.data, 1, n, n),
      kernel::MatrixView<T, Device>(to.view.data, 1, n, n), to.accumulate);
}

}  // namespace detail

/// For pull-backs whose kernel puts several gradients at once: calls f with the gradient target of
/// each input, so that no two overlap. A variable that is given twice gets working memory for its
/// second gradient, which is added afterwards.
///
///   with_targets("attention", [&](auto dq, auto dk, auto dv) { ... }, q, k, v);
template <class F, class... Inputs>
void with_targets(const char* function, F&& f, const Inputs&... inputs) {
  const detail::Node* nodes[] = {inputs.node()...};
  const auto is_repeated = [&](size_t i) {
    for (size_t j = 0; j < i; ++j)
      if (nodes[j] == nodes[i]) return true;
    return false;
  };
  const auto spare = [&]<class T, int rank, class Device>(const Variable<T, rank, Device>& x,
                                                          size_t i) {
    return x.requires_gradient() && is_repeated(i)
               ? Tensor<T, rank, Device>::uninitialized(x.shape())
               : Tensor<T, rank, Device>();
  };
  [&]<size_t... i>(std::index_sequence<i...>) {
    auto spares = std::make_tuple(spare(inputs, i)...);
    const auto target = [&](const auto& x, size_t place, auto& own) {
      using Target = decltype(x.gradient_target());
      return x.requires_gradient() && is_repeated(place) ? Target{own.view(), false}
                                                         : x.gradient_target();
    };
    f(target(inputs, i, std::get<i>(spares))...);
    const auto add = [&](const auto& x, size_t place, const auto& own) {
      if (x.requires_gradient() && is_repeated(place))
        detail::pull_copy(function, own.view(), x.gradient_target());
    };
    (add(inputs, i, std::get<i>(spares)), ...);
  }
  (std::make_index_sequence<sizeof...(Inputs)>());
}

VCELL_END_NAMESPACE
