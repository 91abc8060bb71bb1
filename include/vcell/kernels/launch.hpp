#pragma once

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/scratch.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// @throws CudaError with the name of the operation if its kernel did not run
inline void check_status(const char* function, Status status) {
  if (!status.ok()) [[unlikely]]
    throw CudaError(message(function, ": the kernel did not start: ", status.failure));
}

namespace detail {

// Concepts of their own, because nvcc 13 answers `if constexpr (requires { ... })` in a function
// with packs as it did for other arguments.
template <class Kernel, class C, class... A>
concept needs_forward_scratch = requires(const C& context, const A&... arguments) {
  Kernel::forward_scratch(context, arguments...);
};
template <class Kernel, class C, class... A>
concept needs_backward_scratch = requires(const C& context, const A&... arguments) {
  Kernel::backward_scratch(context, arguments...);
};
template <class Kernel, class C, class... A>
concept needs_run_scratch = requires(const C& context, const A&... arguments) {
  Kernel::run_scratch(context, arguments...);
};

}  // namespace detail

// How operations call kernels. A kernel has the entry points `forward` and `backward`, or `run`,
// and their first argument is the context. One that needs working memory has a function
// `forward_scratch` (backward_scratch, run_scratch) of the same arguments, which says how many
// bytes; it then comes as one argument more, the last.

/// Calls K<Device>::forward in the thread's current context.
/// @throws CudaError with the name of the operation if the kernel did not run
template <template <class> class K, class Device, class... A>
void forward(const char* function, const A&... arguments) {
  const Context<Device>& context = current_context<Device>();
  if constexpr (detail::needs_forward_scratch<K<Device>, Context<Device>, A...>) {
    Buffer<std::byte, Device> memory(K<Device>::forward_scratch(context, arguments...));
    const Scratch<Device> scratch{memory.data(), {memory.count()}};
    check_status(function, K<Device>::forward(context, arguments..., scratch));
  } else {
    check_status(function, K<Device>::forward(context, arguments...));
  }
}

/// Calls K<Device>::backward in the same way.
template <template <class> class K, class Device, class... A>
void backward(const char* function, const A&... arguments) {
  const Context<Device>& context = current_context<Device>();
  if constexpr (detail::needs_backward_scratch<K<Device>, Context<Device>, A...>) {
    Buffer<std::byte, Device> memory(K<Device>::backward_scratch(context, arguments...));
    const Scratch<Device> scratch{memory.data(), {memory.count()}};
    check_status(function, K<Device>::backward(context, arguments..., scratch));
  } else {
    check_status(function, K<Device>::backward(context, arguments...));
  }
}

/// Calls K<Device>::run in the same way.
template <template <class> class K, class Device, class... A>
void run(const char* function, const A&... arguments) {
  const Context<Device>& context = current_context<Device>();
  if constexpr (detail::needs_run_scratch<K<Device>, Context<Device>, A...>) {
    Buffer<std::byte, Device> memory(K<Device>::run_scratch(context, arguments...));
    const Scratch<Device> scratch{memory.data(), {memory.count()}};
    check_status(function, K<Device>::run(context, arguments..., scratch));
  } else {
    check_status(function, K<Device>::run(context, arguments...));
  }
}

}  // namespace kernel
VCELL_END_NAMESPACE
