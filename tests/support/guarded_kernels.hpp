// The kernels of the device Guarded: those of the Cpu, queued, at the addresses that may be
// touched.
#pragma once

#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "support/guarded.hpp"
#include "vcell/kernels/adam.hpp"
#include "vcell/kernels/attention.hpp"
#include "vcell/kernels/check_step.hpp"
#include "vcell/kernels/copy.hpp"
#include "vcell/kernels/cross_entropy.hpp"
#include "vcell/kernels/dropout.hpp"
#include "vcell/kernels/elementwise.hpp"
#include "vcell/kernels/embedding.hpp"
#include "vcell/kernels/gemm.hpp"
#include "vcell/kernels/gradient_norm.hpp"
#include "vcell/kernels/layer_norm.hpp"
#include "vcell/kernels/log_softmax.hpp"
#include "vcell/kernels/manhattan_distance.hpp"
#include "vcell/kernels/mean.hpp"
#include "vcell/kernels/mean_error.hpp"
#include "vcell/kernels/median_distance.hpp"
#include "vcell/kernels/rank_sum.hpp"
#include "vcell/kernels/rms_norm.hpp"
#include "vcell/kernels/running_average.hpp"
#include "vcell/kernels/set_bias.hpp"
#include "vcell/kernels/set_discrepancy.hpp"
#include "vcell/kernels/silu_gate.hpp"
#include "vcell/kernels/sinkhorn_divergence.hpp"
#include "vcell/kernels/softmax.hpp"
#include "vcell/kernels/sum_rows.hpp"
#include "vcell/kernels/swap_axes.hpp"

namespace vcell_test {

/// Where somebody asks: the bytes of every number that a kernel is called with.
inline std::string* guarded_arguments = nullptr;

/// Turns the arguments of a kernel into those of the Cpu's at the addresses that may be touched,
/// and notes where they are.
class Opener {
 public:
  struct Range {
    const void* begin;
    size_t bytes;
  };
  std::vector<Range> ranges;

  bool are_on_device() const {
    for (const auto& [begin, bytes] : ranges)
      if (!GuardedHeap::instance().holds(begin, bytes)) return false;
    return true;
  }
  bool are_live() const {
    for (const auto& [begin, bytes] : ranges)
      if (!GuardedHeap::instance().is_live(begin, bytes)) return false;
    return true;
  }

  template <class T, int rank>
  vcell::View<T, rank> operator()(const vcell::View<T, rank, Guarded>& v) {
    return {open(v.data, v.count()), v.shape};
  }
  template <class T, int rank>
  vcell::kernel::Target<T, rank> operator()(const vcell::kernel::Target<T, rank, Guarded>& t) {
    return {(*this)(t.view), t.accumulate};
  }
  template <class T>
  vcell::kernel::MatrixView<T> operator()(const vcell::kernel::MatrixView<T, Guarded>& m) {
    const bool any = m.rows && m.columns;
    return {open(m.data, any ? (m.rows - 1) * m.stride + m.columns : 0), m.rows, m.columns,
            m.stride};
  }
  template <class T>
  vcell::kernel::HeadsView<T> operator()(const vcell::kernel::HeadsView<T, Guarded>& h) {
    return {open(h.data, 1), h.batch_stride, h.head_stride, h.row_stride, h.accumulate};
  }
  vcell::kernel::AttentionMask<> operator()(const vcell::kernel::AttentionMask<Guarded>& m) {
    return {open(m.data, 1), m.batch_stride, m.head_stride, (*this)(m.lengths)};
  }
  template <class T>
  vcell::kernel::Epilogue<T> operator()(const vcell::kernel::Epilogue<T, Guarded>& e) {
    return {e.kind, (*this)(e.bias), (*this)(e.residual), (*this)(e.stored)};
  }
  vcell::kernel::SetLengths<> operator()(const vcell::kernel::SetLengths<Guarded>& n) {
    return {(*this)(n.x), (*this)(n.y)};
  }
  /// Numbers and functions go as they are. What may hold an address has a twin above.
  template <class T>
  T operator()(const T& plain) {
    static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !holds_address<T>,
                  "this argument of a kernel lies on the host");
    if constexpr (std::is_arithmetic_v<T>)
      if (guarded_arguments)
        guarded_arguments->append(reinterpret_cast<const char*>(&plain), sizeof plain);
    return plain;
  }

 private:
  template <class T>
  static constexpr bool holds_address = requires(T t) {
    t.data;
  }
  || requires(T t) { t.view; };

  template <class T>
  T* open(T* guarded, size_t count) {
    if (!guarded || !count) return nullptr;
    ranges.push_back({guarded, count * sizeof(T)});
    return GuardedHeap::instance().open(guarded);
  }
};

inline vcell::Context<vcell::Cpu> cpu() { return {}; }

/// Every kernel of Guarded: K<Cpu>, later.
template <template <class> class K>
struct Forwarded {
  using Place = const vcell::Context<Guarded>&;
  using Status = vcell::kernel::Status;

  template <class... A>
  static Status forward(Place context, const A&... a) {
    return queue(
        context, [](const auto&... b) { return K<vcell::Cpu>::forward(cpu(), b...); }, a...);
  }
  template <class... A>
  static Status backward(Place context, const A&... a) {
    return queue(
        context, [](const auto&... b) { return K<vcell::Cpu>::backward(cpu(), b...); }, a...);
  }
  template <class... A>
  static Status run(Place context, const A&... a) {
    return queue(
        context, [](const auto&... b) { return K<vcell::Cpu>::run(cpu(), b...); }, a...);
  }

  template <class... A>
  requires requires(Opener open, const A&... a) {
    K<vcell::Cpu>::forward_scratch(cpu(), open(a)...);
  }
  static size_t forward_scratch(Place, const A&... a) {
    return K<vcell::Cpu>::forward_scratch(cpu(), Opener()(a)...);
  }
  template <class... A>
  requires requires(Opener open, const A&... a) {
    K<vcell::Cpu>::backward_scratch(cpu(), open(a)...);
  }
  static size_t backward_scratch(Place, const A&... a) {
    return K<vcell::Cpu>::backward_scratch(cpu(), Opener()(a)...);
  }
  template <class... A>
  requires requires(Opener open, const A&... a) { K<vcell::Cpu>::run_scratch(cpu(), open(a)...); }
  static size_t run_scratch(Place, const A&... a) {
    return K<vcell::Cpu>::run_scratch(cpu(), Opener()(a)...);
  }

 private:
  template <class F, class... A>
  static Status queue(Place context, F f, const A&... a) {
    Opener opener;
    const std::tuple<decltype(opener(a))...> opened{opener(a)...};
    if (!opener.are_on_device()) return {"an argument does not lie in the memory of Guarded"};
    context.queue().add([f, opened, opener = std::move(opener)]() -> const char* {
      if (!opener.are_live()) return "Guarded: a kernel touches memory that was freed before it";
      return std::apply(f, opened).failure;
    });
    return {};
  }
};

}  // namespace vcell_test

VCELL_BEGIN_NAMESPACE
namespace kernel {

using vcell_test::Forwarded;
using vcell_test::Guarded;

// clang-format off
template <> struct Adam<Guarded> : Forwarded<Adam> {};
template <> struct Attention<Guarded> : Forwarded<Attention> {};
template <> struct CheckStep<Guarded> : Forwarded<CheckStep> {};
template <> struct Copy<Guarded> : Forwarded<Copy> {};
template <> struct CrossEntropy<Guarded> : Forwarded<CrossEntropy> {};
template <> struct Dropout<Guarded> : Forwarded<Dropout> {};
template <> struct Elementwise<Guarded> : Forwarded<Elementwise> {};
template <> struct Embedding<Guarded> : Forwarded<Embedding> {};
template <> struct Gemm<Guarded> : Forwarded<Gemm> {};
template <> struct GradientNorm<Guarded> : Forwarded<GradientNorm> {};
template <> struct LayerNorm<Guarded> : Forwarded<LayerNorm> {};
template <> struct LogSoftmax<Guarded> : Forwarded<LogSoftmax> {};
template <> struct ManhattanDistance<Guarded> : Forwarded<ManhattanDistance> {};
template <> struct Mean<Guarded> : Forwarded<Mean> {};
template <> struct MeanError<Guarded> : Forwarded<MeanError> {};
template <> struct MedianDistance<Guarded> : Forwarded<MedianDistance> {};
template <> struct RankSum<Guarded> : Forwarded<RankSum> {};
template <> struct RmsNorm<Guarded> : Forwarded<RmsNorm> {};
template <> struct RunningAverage<Guarded> : Forwarded<RunningAverage> {};
template <> struct SetBias<Guarded> : Forwarded<SetBias> {};
template <> struct SetDiscrepancy<Guarded> : Forwarded<SetDiscrepancy> {};
template <> struct SiluGate<Guarded> : Forwarded<SiluGate> {};
template <> struct SinkhornDivergence<Guarded> : Forwarded<SinkhornDivergence> {};
template <> struct Softmax<Guarded> : Forwarded<Softmax> {};
template <> struct SumRows<Guarded> : Forwarded<SumRows> {};
template <> struct SwapAxes<Guarded> : Forwarded<SwapAxes> {};
// clang-format on

}  // namespace kernel
VCELL_END_NAMESPACE
