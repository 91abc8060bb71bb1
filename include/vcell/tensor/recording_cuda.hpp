#pragma once

#include <exception>
#include <string>
#include <utility>

#include "vcell/tensor/memory_cuda.hpp"
#include "vcell/tensor/recording.hpp"

VCELL_BEGIN_NAMESPACE

/// Work of a stream as a CUDA graph:
///
///   const Recording<Cuda> step(context, [&] { ... });  // done once, and recorded
///   if (step) step.replay();                           // done again
///
/// What is recorded are kernels with their arguments, fills and copies within the device: numbers
/// that change come from memory that the kernels read. The recording keeps all memory that the work
/// takes for itself, so that addresses stay good, and gives it back when it goes. What the work
/// leaves behind must lie in memory that was there before.
template <>
class Recording<Cuda> {
 public:
  static constexpr bool is_possible = true;

  Recording() = default;
  /// Queues work in a context, by calling f, and calls f once more to record the same.
  /// Where CUDA cannot record it, why_not() says so; the work itself has been queued even so.
  /// @param context  the one that is current for f
  /// @throws what f throws when it is first called; nothing is kept then
  template <class F>
  Recording(const Context<Cuda>& context, F&& f) : state_(std::make_unique<State>(context)) {
    state_->context.keep_memory(&state_->kept);
    f();
    if (state_->kept.taken())
      why_not_ = "it leaves memory behind that was made in it";
    else
      why_not_ = state_->record(f);
    state_->context.keep_memory(nullptr);
  }

  /// Whether there is something to replay.
  explicit operator bool() const { return state_ && why_not_.empty(); }
  /// Why the work was not recorded; empty where it was.
  const std::string& why_not() const { return why_not_; }

  /// Queues the work again.
  /// @throws CudaError
  void replay() const {
    const detail::OnCudaDevice there("Recording<Cuda>::replay", state_->context.device());
    check_cuda("Recording<Cuda>::replay", cudaGraphLaunch(state_->graph, state_->context.stream()),
               "cudaGraphLaunch");
  }

 private:
  struct State {
    Context<Cuda> context;
    detail::KeptMemory kept;
    cudaGraphExec_t graph = nullptr;

    explicit State(const Context<Cuda>& c) : context(c) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
      if (context.kept_memory() == &kept) context.keep_memory(nullptr);
      if (graph && cudaGraphExecDestroy(graph) != cudaSuccess) cudaGetLastError();
      kept.release(
          [&](void* block, size_t bytes) { Memory<Cuda>::deallocate(context, block, bytes); });
    }

    /// @return why it could not; empty when it could
    template <class F>
    std::string record(F& f) {
      constexpr const char* function = "Recording<Cuda>";
      const cudaStream_t stream = context.stream();
      cudaGraph_t recorded = nullptr;
      std::string failure;
      const detail::OnCudaDevice there(function, context.device());
      try {
        check_cuda(function, cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
                   "cudaStreamBeginCapture");
        context.set_recording(true);
        f();
      } catch (const CudaError& e) {
        failure = e.what();
      } catch (...) {
        end(recorded);
        throw;
      }
      const cudaError_t ended = end(recorded);
      try {
        if (failure.empty()) check_cuda(function, ended, "cudaStreamEndCapture");
        if (failure.empty() && kept.taken())
          failure = "it leaves memory behind that was made in it";
        if (failure.empty())
          check_cuda(function, cudaGraphInstantiate(&graph, recorded, 0), "cudaGraphInstantiate");
      } catch (const CudaError& e) {
        failure = e.what();
      }
      if (recorded && cudaGraphDestroy(recorded) != cudaSuccess) cudaGetLastError();
      return failure;
    }
    cudaError_t end(cudaGraph_t& recorded) {
      if (!context.is_recording()) return cudaSuccess;
      const cudaError_t ended = cudaStreamEndCapture(context.stream(), &recorded);
      context.set_recording(false);
      if (ended != cudaSuccess) cudaGetLastError();
      return ended;
    }
  };
  std::unique_ptr<State> state_;
  std::string why_not_ = "nothing was recorded";
};

VCELL_END_NAMESPACE
