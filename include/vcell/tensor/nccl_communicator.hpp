#pragma once

#include <nccl.h>

#include <cstdint>
#include <type_traits>

#include "vcell/core/bfloat16.hpp"
#include "vcell/tensor/communicator.hpp"
#include "vcell/tensor/memory_cuda.hpp"
#include "vcell/tensor/tensor.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// Turns what a call of NCCL returned into an error that names it.
/// @param function  the function of vcell that made the call
/// @param call      the call, in parts for message()
/// @throws CudaError if the call failed
template <class... Parts>
void check_nccl(const char* function, ncclResult_t result, const Parts&... call) {
  if (result == ncclSuccess) [[likely]]
    return;
  const char* const last = ncclGetLastError(nullptr);
  throw CudaError(message(function, ": ", call..., " failed: ", ncclGetErrorString(result),
                          last && *last ? message(" (", last, ")") : ""));
}

/// What NCCL calls a type.
template <class T>
constexpr ncclDataType_t nccl_type() {
  if constexpr (std::is_same_v<T, float>)
    return ncclFloat32;
  else if constexpr (std::is_same_v<T, double>)
    return ncclFloat64;
  else if constexpr (std::is_same_v<T, bfloat16>)
    return ncclBfloat16;
  else if constexpr (std::is_same_v<T, int32_t>)
    return ncclInt32;
  else {
    static_assert(std::is_same_v<T, uint64_t>, "vcell: NCCL exchanges no such type");
    return ncclUint64;
  }
}

}  // namespace detail

/// GPUs that compute together by NCCL, one a rank. It belongs to a device: every context that it is
/// called with must be of that one.
///
///   const auto id = NcclCommunicator::make_id();  // on rank 0; its bytes go to the others,
///   somehow const NcclCommunicator all(context, id, rank, size); all.all_reduce_sum(context,
///   gradients);
class NcclCommunicator {
 public:
  /// What the ranks of one communicator know each other by, 128 bytes.
  using Id = ncclUniqueId;
  /// A new one: for one communicator.
  /// @throws CudaError
  static Id make_id() {
    Id id;
    detail::check_nccl("NcclCommunicator::make_id", ncclGetUniqueId(&id), "ncclGetUniqueId");
    return id;
  }

  /// Returns when all ranks have called it.
  /// @param context  of the device that this rank computes on
  /// @throws ConfigError if rank is not below size; CudaError
  NcclCommunicator(const Context<Cuda>& context, const Id& id, size_t rank, size_t size)
      : device_(context.device()), rank_(rank), size_(size), signal_(signal_in(context)) {
    constexpr const char* function = "NcclCommunicator";
    if (rank >= size)
      throw ConfigError(message(function, ": rank is ", rank, ", expected one below ", size));
    const detail::OnCudaDevice there(function, device_);
    detail::check_nccl(function, ncclCommInitRank(&all_, int(size), id, int(rank)),
                       "ncclCommInitRank of rank ", rank, " of ", size);
  }
  ~NcclCommunicator() {
    const detail::OnCudaDevice there(device_);
    // What fails here, when the driver has gone or another rank, can be mended by nobody.
    ncclCommDestroy(all_);
  }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  size_t rank() const { return rank_; }
  size_t size() const { return size_; }

  /// NCCL adds in an order that depends on the ranks and on how their GPUs are connected alone.
  /// @throws CudaError
  template <class T>
  void all_reduce_sum(const Context<Cuda>& context, View<T, 1, Cuda> values) const {
    constexpr const char* function = "NcclCommunicator::all_reduce_sum";
    const detail::OnCudaDevice there(function, checked(function, context));
    if (values.count() == 0) return;
    detail::check_nccl(function,
                       ncclAllReduce(values.data, values.data, values.count(),
                                     detail::nccl_type<T>(), ncclSum, all_, context.stream()),
                       "ncclAllReduce of ", values.count(), " elements");
  }
  /// @throws ConfigError if there is no rank of that number; CudaError
  template <class T>
  void broadcast(const Context<Cuda>& context, View<T, 1, Cuda> values, size_t root) const {
    constexpr const char* function = "NcclCommunicator::broadcast";
    detail::check_root(function, root, size_);
    const detail::OnCudaDevice there(function, checked(function, context));
    if (values.count() == 0) return;
    detail::check_nccl(function,
                       ncclBroadcast(values.data, values.data, values.count(),
                                     detail::nccl_type<T>(), int(root), all_, context.stream()),
                       "ncclBroadcast of ", values.count(), " elements");
  }
  /// @throws CudaError
  void barrier(const Context<Cuda>& context) const {
    all_reduce_sum(context, View<int32_t, 1, Cuda>{signal_.data(), {1}});
    context.synchronize();
  }

 private:
  static Buffer<int32_t, Cuda> signal_in(const Context<Cuda>& context) {
    const UseContext use(context);
    Buffer<int32_t, Cuda> signal(1);
    signal.zero();
    context.synchronize();  // barriers may come in other contexts
    return signal;
  }
  int checked(const char* function, const Context<Cuda>& context) const {
    if (context.device() != device_) [[unlikely]]
      throw ConfigError(message(function, ": the context is of device ", context.device(),
                                " and the communicator of device ", device_,
                                "; each device needs a communicator of its own"));
    return device_;
  }

  int device_;
  size_t rank_, size_;
  mutable Buffer<int32_t, Cuda> signal_;  // what barriers add up: zeros
  ncclComm_t all_ = nullptr;
};

static_assert(Communicator<NcclCommunicator, Cuda>);

VCELL_END_NAMESPACE
