#pragma once

#include "vcell/autograd/make_variable.hpp"
#include "vcell/kernels/elementwise.hpp"
#include "vcell/kernels/launch.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The operation made of a function of one or more numbers (kernels/elementwise.hpp says what f
/// is), on variables of one shape.
template <class F, class T, int rank, class Device, class... More>
Variable<T, rank, Device> elementwise(const char* function, F f, const Variable<T, rank, Device>& x,
                                      const More&... more) {
  auto y = Tensor<T, rank, Device>::uninitialized(x.shape());
  kernel::forward<kernel::Elementwise, Device>(function, f, y.view().flat(), x.value().flat(),
                                               more.value().flat()...);
  return make_variable(
      std::move(y),
      [function, f](auto dy, auto, const auto&... inputs) {
        const auto pull = [&](auto by, const auto& input) {
          if (input.requires_gradient())
            kernel::backward<kernel::Elementwise, Device>(function, f, by, dy.flat(),
                                                          input.gradient_target().flat(),
                                                          inputs.value().flat()...);
        };
        [&]<int... k>(std::integer_sequence<int, k...>) {
          (pull(kernel::Argument<k>(), inputs), ...);
        }
        (std::make_integer_sequence<int, int(sizeof...(inputs))>());
      },
      x, more...);
}

}  // namespace detail
VCELL_END_NAMESPACE
