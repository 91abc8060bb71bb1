#pragma once

#include <memory>
#include <string>
#include <utility>

#include "vcell/tensor/memory_cuda.hpp"
#include "vcell/tensor/recording.hpp"

VCELL_BEGIN_NAMESPACE

/// Work of a stream as a CUDA graph, which costs the host one launch:
///
///   Recording<Cuda> step(context);
///   for (...) step.run([&] { ... });  // queued the first time, recorded the second, then replayed
///
/// All runs do the same: kernels with the same arguments, fills, copies within the device, and
/// uploads of the same bytes. Numbers that change come from memory of the device that was there
/// before. The memory that the work takes for itself is kept for the next run, so that addresses
/// stay good, and given back with the recording; nothing else may be left behind in it. Recordings
/// that take turns may keep their memory together, which is then about that of the largest.
///
/// Where CUDA or the work itself does not allow a recording, why_not() says so and every run queues
/// the work as it comes.
template <>
class Recording<Cuda> {
 public:
  static constexpr bool is_possible = true;

  /// @param context  the one that is current for the work
  /// @param beside   of the same context: keep memory together with it; null: with none
  explicit Recording(const Context<Cuda>& context, const Recording* beside = nullptr)
      : state_(std::make_unique<State>(context, beside ? beside->state_->blocks : nullptr)) {}

  /// Queues the work once, by calling f where nothing is recorded, else by replaying it.
  /// @param f  does nothing but queue: where it turns out that it cannot be recorded, it is called
  ///           twice
  /// @throws CudaError; what f throws, and then the work was not queued, or not all of it
  template <class F>
  void run(F&& f) {
    if (!why_not_.empty()) return f();
    if (state_->blocks->taken()) give_up(leaves_memory);  // other work beside this one did
    if (is_recorded()) return replay();
    if (!why_not_.empty()) return f();
    if (!is_noted_) {
      state_->note(f);
      is_noted_ = true;
      if (state_->blocks->taken()) give_up(leaves_memory);
      return;
    }
    std::string failure = state_->record(f);
    if (is_recorded()) return replay();
    give_up(std::move(failure));
    f();
  }

  bool is_recorded() const { return state_->graph && why_not_.empty(); }
  /// Why the work was not recorded; empty where it was, or will be.
  const std::string& why_not() const { return why_not_; }

 private:
  static constexpr const char* leaves_memory =
      "it leaves memory behind that was made in it; make that before";

  void give_up(std::string reason) {
    why_not_ = std::move(reason);
    state_->blocks.reset();  // the last one gives them back
  }
  void replay() const {
    const detail::OnCudaDevice there("Recording<Cuda>::run", state_->context.device());
    check_cuda("Recording<Cuda>::run", cudaGraphLaunch(state_->graph, state_->context.stream()),
               "cudaGraphLaunch");
  }

  /// Memory of recordings that take turns.
  struct Blocks : detail::CudaBlocks {
    Context<Cuda> context;

    explicit Blocks(const Context<Cuda>& c) : context(c) {}
    ~Blocks() {
      for_free([&](void* block, size_t bytes) { Memory<Cuda>::deallocate(context, block, bytes); });
    }
  };
  struct State {
    Context<Cuda> context;
    std::shared_ptr<Blocks> blocks;
    detail::CudaWork work{*blocks};
    cudaGraphExec_t graph = nullptr;

    State(const Context<Cuda>& c, std::shared_ptr<Blocks> shared)
        : context(c), blocks(shared ? std::move(shared) : std::make_shared<Blocks>(c)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
      if (graph && cudaGraphExecDestroy(graph) != cudaSuccess) cudaGetLastError();
      // The pinned bytes may be on their way yet.
      if (cudaStreamSynchronize(context.stream()) != cudaSuccess) cudaGetLastError();
    }

    /// While it lives the context keeps what its work takes.
    struct Keeping {
      explicit Keeping(State& s) : context(s.context) { context.keep_work(&s.work); }
      ~Keeping() { context.keep_work(nullptr); }
      Keeping(const Keeping&) = delete;
      Keeping& operator=(const Keeping&) = delete;
      const Context<Cuda>& context;
    };

    template <class F>
    void note(F& f) {
      const Keeping keeping(*this);
      f();
    }
    /// @return why it could not; empty when it could
    template <class F>
    std::string record(F& f) {
      constexpr const char* function = "Recording<Cuda>::run";
      const Keeping keeping(*this);
      cudaGraph_t recorded = nullptr;
      std::string failure;
      const detail::OnCudaDevice there(function, context.device());
      try {
        check_cuda(function, cudaStreamBeginCapture(context.stream(), mode),
                   "cudaStreamBeginCapture");
        work.begin_recording();
        f();
        check_cuda(function, end(recorded), "cudaStreamEndCapture");
        work.check_complete(function);
        if (blocks->taken())
          failure = leaves_memory;
        else
          check_cuda(function, cudaGraphInstantiate(&graph, recorded, 0), "cudaGraphInstantiate");
      } catch (const CudaError& e) {
        failure = e.what();
      } catch (...) {
        if (end(recorded) == cudaSuccess) cudaGraphDestroy(recorded);
        throw;
      }
      if (end(recorded) != cudaSuccess) cudaGetLastError();
      if (recorded && cudaGraphDestroy(recorded) != cudaSuccess) cudaGetLastError();
      return failure;
    }
    static constexpr auto mode = cudaStreamCaptureModeThreadLocal;
    cudaError_t end(cudaGraph_t& recorded) {
      if (!work.is_recording()) return cudaSuccess;
      work.end_recording();
      return cudaStreamEndCapture(context.stream(), &recorded);
    }
  };
  std::unique_ptr<State> state_;
  bool is_noted_ = false;
  std::string why_not_;
};

VCELL_END_NAMESPACE
