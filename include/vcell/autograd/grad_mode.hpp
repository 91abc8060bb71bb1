#pragma once

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

// Global state, of each thread its own: whether operations record how their gradient flows back.
inline bool& grad_mode() {
  static thread_local bool on = true;
  return on;
}

/// Sets the gradient mode of this thread while it lives.
class GradMode {
 public:
  explicit GradMode(bool on) : before_(grad_mode()) { grad_mode() = on; }
  ~GradMode() { grad_mode() = before_; }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool before_;
};

}  // namespace detail

/// While it lives, operations of this thread record nothing: predictions then keep no
/// intermediate results.
///
///   NoGrad no_grad;
///   auto out = model(control, perturbation);
class NoGrad : detail::GradMode {
 public:
  NoGrad() : GradMode(false) {}
};

VCELL_END_NAMESPACE
