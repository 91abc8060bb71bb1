#pragma once

#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// Where a kernel puts a gradient. The first contribution assigns, so that nothing is set to zero
/// beforehand and what the memory held is never read; later ones are added. A null target is not
/// wanted. Targets of one call never overlap.
template <class T, int rank, class Device = Cpu>
struct Target {
  View<T, rank, Device> view{};
  bool accumulate = false;

  explicit operator bool() const { return bool(view); }
  Target<T, 2, Device> matrix() const { return {view.matrix(), accumulate}; }
  Target<T, 1, Device> flat() const { return {view.flat(), accumulate}; }
};

/// Calls f(put) with put(to, value), which adds or assigns: decided once, outside the loops of f.
template <class F>
void with_put(bool accumulate, F&& f) {
  if (accumulate)
    f([](auto& to, auto value) { to += value; });
  else
    f([](auto& to, auto value) { to = value; });
}

}  // namespace kernel
VCELL_END_NAMESPACE
