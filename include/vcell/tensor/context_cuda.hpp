#pragma once

#include <memory>
#include <mutex>
#include <typeindex>
#include <utility>
#include <vector>

#include "vcell/tensor/context.hpp"
#include "vcell/tensor/on_device_cuda.hpp"
#include "vcell/tensor/pool_cuda.hpp"
#include "vcell/tensor/precision.hpp"
#include "vcell/tensor/staging_cuda.hpp"
#include "vcell/tensor/stream_cuda.hpp"
#include "vcell/tensor/work_cuda.hpp"

VCELL_BEGIN_NAMESPACE

/// The GPU's: a stream of its own. Work runs in the order in which it was queued, and at the same
/// time as that of other contexts. A context belongs to a device, and whoever queues work in it
/// need not care which one is current: a process may use several, each through contexts of its own.
/// Memory is its device's; what is wanted on another goes there through the host. The runtime alone
/// is used, so a file compiled without nvcc can have one. Every function throws CudaError, which
/// names the call and what CUDA said of it; a failure of work that was queued before may show there
/// as well.
///
///   const Context<Cuda> second(1);
///   const UseContext use(second);
template <>
class Context<Cuda> {
 public:
  /// A new stream on the device that is current (cudaSetDevice; 0 at first).
  /// @param precision  of all products of float32 matrices that are queued here
  explicit Context(Precision precision = Precision::float32)
      : Context(current_device(), precision) {}
  /// A new stream on a device, by its number (cuda_devices).
  explicit Context(int device, Precision precision = Precision::float32)
      : state_(make_state(device, precision)) {}

  /// Another one of the same device: what is queued there goes beside what is queued here.
  Context beside() const { return Context(device(), precision()); }
  /// Where kernels are started; valid as long as the context or a copy of it.
  cudaStream_t stream() const { return state_->stream.get(); }
  /// The number of its device, as CUDA counts.
  int device() const { return state_->device; }
  /// How products of float32 matrices are computed.
  Precision precision() const { return state_->precision; }
  /// What buffers are made from, one for all contexts of a device.
  cudaMemPool_t memory_pool() const { return state_->pool; }
  /// What a library that kernels call keeps here, a handle or memory: one P, made as P(context)
  /// when it is first asked for. It goes before the stream does, and must not hold the context.
  template <class P>
  P& own() const {
    const std::lock_guard lock(state_->own_mutex);
    for (const auto& [type, part] : state_->own)
      if (type == typeid(P)) return *static_cast<P*>(part.get());
    state_->own.emplace_back(typeid(P), std::make_shared<P>(*this));
    return *static_cast<P*>(state_->own.back().second.get());
  }
  /// Queues a copy from the host, whose bytes may change as soon as it returns.
  /// @param function  who asks, for the message
  void upload(const char* function, void* to, const void* from, size_t bytes) const {
    const detail::OnCudaDevice there(function, device());
    if (state_->kept_work)
      return check_cuda(function,
                        cudaMemcpyAsync(to, state_->kept_work->pinned(function, from, bytes), bytes,
                                        cudaMemcpyHostToDevice, stream()),
                        "cudaMemcpyAsync of ", bytes, " bytes");
    state_->staging.upload(function, to, from, bytes, stream());
  }

  /// What is queued here as work that is done again and again (tensor/recording_cuda.hpp); null:
  /// nothing is.
  detail::CudaWork* kept_work() const { return state_->kept_work; }
  void keep_work(detail::CudaWork* work) const { state_->kept_work = work; }

  /// What is queued here from now on runs after what is queued there by now. The host goes on.
  void wait_for(const Context& other) const {
    if (state_ == other.state_) return;
    // One event of the other serves all: where two threads record it at once, one of them waits
    // for a little more than it asked.
    const cudaEvent_t by_now = other.state_->by_now.get();
    {
      const detail::OnCudaDevice there("Context<Cuda>::wait_for", other.device());
      check_cuda("Context<Cuda>::wait_for", cudaEventRecord(by_now, other.stream()),
                 "cudaEventRecord");
    }
    const detail::OnCudaDevice here("Context<Cuda>::wait_for", device());
    check_cuda("Context<Cuda>::wait_for", cudaStreamWaitEvent(stream(), by_now, 0),
               "cudaStreamWaitEvent");
  }
  /// Returns when all that was queued is done.
  void synchronize() const {
    check_cuda("Context<Cuda>::synchronize", cudaStreamSynchronize(stream()),
               "cudaStreamSynchronize");
  }

 private:
  static constexpr const char* made_by = "Context<Cuda>";
  static int current_device() {
    int device = 0;
    check_cuda(made_by, cudaGetDevice(&device), "cudaGetDevice");
    return device;
  }
  struct State {
    State(int number, Precision wanted) : device(number), precision(wanted) {}
    const int device;
    const Precision precision;
    cudaMemPool_t pool = detail::cuda_pool(made_by, device);
    detail::CudaStream stream{made_by};
    detail::CudaEvent by_now{made_by};
    detail::CudaStaging staging;
    detail::CudaWork* kept_work = nullptr;
    std::mutex own_mutex;
    std::vector<std::pair<std::type_index, std::shared_ptr<void>>> own;
  };
  static std::shared_ptr<State> make_state(int device, Precision precision) {
    const detail::OnCudaDevice there(made_by, device);
    return std::make_shared<State>(device, precision);
  }
  std::shared_ptr<State> state_;
};

VCELL_END_NAMESPACE
