#pragma once

#include "vcell/kernels/attention.hpp"
#include "vcell/tensor/context_cuda.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

enum class AttentionLibrary { own, cudnn };

/// Which attention of a context that may use cuDNN's runs: a fixed table, never a timing.
///
///   cudnn   Precision::bfloat16, no mask but lengths, at least 1,024 queries and keys, head_dim 64
///           or 128: what cuDNN's kernels are made for
///   own     everything else
///
/// No number of it was measured. A context uses vcell's own for everything until
/// use_cudnn_attention (kernels/attention_cudnn.cuh).
constexpr AttentionLibrary attention_library(const AttentionShape& n, Precision precision,
                                             bool is_masked) {
  const bool is_cudnn = precision == Precision::bfloat16 && !is_masked && n.queries >= 1024 &&
                        n.keys >= 1024 && (n.head_dim == 64 || n.head_dim == 128);
  return is_cudnn ? AttentionLibrary::cudnn : AttentionLibrary::own;
}

namespace detail {

/// The attention of float that a context was given beside vcell's own: the entry points of
/// Attention<Cuda>. Had by context.own<GivenAttention>().
struct GivenAttention {
  using In = HeadsView<const float, Cuda>;
  using Out = HeadsView<float, Cuda>;
  using Rows = View<AttentionRow<float>, 1, Cuda>;
  using ReadRows = View<const AttentionRow<float>, 1, Cuda>;
  struct Functions {
    size_t (*forward_scratch)(const Context<Cuda>&, const AttentionShape&, float, In, In, In,
                              const AttentionMask<Cuda>&, Out, Rows);
    Status (*forward)(const Context<Cuda>&, const AttentionShape&, float, In, In, In,
                      const AttentionMask<Cuda>&, Out, Rows, Scratch<Cuda>);
    size_t (*backward_scratch)(const Context<Cuda>&, const AttentionShape&, float, In, In, In, In,
                               In, const AttentionMask<Cuda>&, ReadRows, Out, Out, Out);
    Status (*backward)(const Context<Cuda>&, const AttentionShape&, float, In, In, In, In, In,
                       const AttentionMask<Cuda>&, ReadRows, Out, Out, Out, Scratch<Cuda>);
  };

  explicit GivenAttention(const Context<Cuda>&) {}
  Functions functions{};
  bool is_given = false;

  /// What is to run; null: vcell's own.
  static const Functions* find(const Context<Cuda>& context, const AttentionShape& n,
                               const AttentionMask<Cuda>& mask) {
    if (attention_library(n, context.precision(), mask.data != nullptr) == AttentionLibrary::own)
      return nullptr;
    const GivenAttention& given = context.own<GivenAttention>();
    return given.is_given ? &given.functions : nullptr;
  }
};

}  // namespace detail
}  // namespace kernel
VCELL_END_NAMESPACE
