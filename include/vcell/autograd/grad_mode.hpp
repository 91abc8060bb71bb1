#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

// One of the library's three pieces of global state: whether operations of this thread record how
// their gradient flows back.
inline bool& grad_mode() {
  static thread_local bool on = true;
  return on;
}

}  // namespace detail

/// While it lives, operations of this thread record nothing: predictions then keep no
/// intermediate results.
///
///   NoGrad no_grad;
///   auto out = model(control, perturbation);
class NoGrad {
 public:
  NoGrad() : before_(detail::grad_mode()) { detail::grad_mode() = false; }
  ~NoGrad() { detail::grad_mode() = before_; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

VCELL_END_NAMESPACE
