#pragma once

#include "vcell/autograd/variable.hpp"
#include "vcell/kernels/elementwise.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The operation made of a function of one number (kernels/elementwise.hpp says what F is).
template <class F, class T, int rank, class Device>
Variable<T, rank, Device> elementwise(const Variable<T, rank, Device>& x) {
  auto y = Tensor<T, rank, Device>::uninitialized(x.shape());
  kernel::check_status("elementwise", kernel::Elementwise<Device>::template forward<F>(
                                          x.value().flat(), y.view().flat()));
  return make_variable(
      std::move(y),
      [x](View<const T, rank> dy) {
        kernel::check_status("elementwise", kernel::Elementwise<Device>::template backward<F>(
                                                dy.flat(), x.value().flat(), x.gradient().flat()));
      },
      x);
}

}  // namespace detail
VCELL_END_NAMESPACE
