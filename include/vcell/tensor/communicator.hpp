#pragma once

#include <concepts>

#include "vcell/core/error.hpp"
#include "vcell/core/message.hpp"
#include "vcell/tensor/context.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE

/// Processes that compute together, and what they exchange: each has a rank, from 0 to size() - 1,
/// and all make the same calls in the same order, with views of the same size. Calls are queued in
/// the order of a context and change the view in place.
///
///   all_reduce_sum(context, values)   every element becomes the sum of those of all ranks, the
///                                     same bytes on each
///   broadcast(context, values, root)  the elements become those of one rank
///   barrier(context)                  returns when the work that every rank had queued in its
///                                     context is done
template <class C, class Device>
concept Communicator = requires(const C& c, const Context<Device>& context,
                                View<float, 1, Device> floats, View<double, 1, Device> doubles) {
  { c.rank() } -> std::same_as<size_t>;
  { c.size() } -> std::same_as<size_t>;
  c.all_reduce_sum(context, floats);
  c.all_reduce_sum(context, doubles);
  c.broadcast(context, floats, size_t(0));
  c.broadcast(context, doubles, size_t(0));
  c.barrier(context);
};

namespace detail {

/// @throws ConfigError if there is no such rank
inline void check_root(const char* function, size_t root, size_t size) {
  if (root >= size) [[unlikely]]
    throw ConfigError(message(function, ": root is ", root, ", expected a rank below ", size));
}

}  // namespace detail

/// The communicator of a process that computes alone: what it would exchange is there already.
class SingleProcess {
 public:
  size_t rank() const { return 0; }
  size_t size() const { return 1; }
  template <class T, class Device>
  void all_reduce_sum(const Context<Device>&, View<T, 1, Device>) const {}
  /// @throws ConfigError if root is not 0
  template <class T, class Device>
  void broadcast(const Context<Device>&, View<T, 1, Device>, size_t root) const {
    detail::check_root("SingleProcess::broadcast", root, 1);
  }
  template <class Device>
  void barrier(const Context<Device>& context) const {
    context.synchronize();
  }
};

static_assert(Communicator<SingleProcess, Cpu>);

VCELL_END_NAMESPACE
