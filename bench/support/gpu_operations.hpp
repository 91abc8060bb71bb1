// An operation on a GPU, forward and with its gradients, timed as recorded work.
#pragma once

#include "support/gpu.hpp"
#include "vcell/autograd/backward.hpp"

namespace vcell_bench {

/// Forward, which makes no tape, as recorded work.
template <class F>
Recorded recorded_forward(const vcell::Context<vcell::Cuda>& context, F f) {
  return Recorded(context, [=] {
    const vcell::NoGrad no_grad;
    f();
  });
}

template <class T, int rank>
vcell::Variable<T, rank, vcell::Cuda> ones_like(const vcell::Variable<T, rank, vcell::Cuda>& y) {
  vcell::Tensor<T, rank> ones(y.shape());
  for (T& v : ones.values()) v = 1;
  return vcell::Variable<T, rank, vcell::Cuda>(vcell::to_device<vcell::Cuda>(ones));
}

/// f and the gradients by the leaves of the sum of its elements, assigned.
template <class F, class... Leaves>
Recorded recorded_with_backward(const vcell::Context<vcell::Cuda>& context, F f,
                                const Leaves&... leaves) {
  const vcell::UseContext use(context);
  const auto ones = [&] {
    const vcell::NoGrad no_grad;
    return ones_like(f());
  }();
  return Recorded(context, [=] {
    (leaves.clear_gradient(), ...);
    backward(f(), ones.value());
  });
}

/// Times and prints both.
template <class F, class... Leaves>
void time_operation(const Gpu& gpu, const vcell::Context<vcell::Cuda>& context,
                    const std::string& name, const std::string& sizes, const Work& forward,
                    const Work& both, F f, const Leaves&... leaves) {
  Recorded once = recorded_forward(context, f);
  print(gpu, name, sizes, seconds_of(gpu, once), forward);
  Recorded twice = recorded_with_backward(context, f, leaves...);
  print(gpu, name + ", with backward", sizes, seconds_of(gpu, twice), both);
}

}  // namespace vcell_bench
