#pragma once

#include "vcell/kernels/attention_library.hpp"
#include "vcell/kernels/device/attention_pass.cuh"
#include "vcell/kernels/device/each.cuh"
#include "vcell/kernels/device/fma_tile.cuh"
#include "vcell/kernels/device/mma_tile.cuh"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// float in the context's precision: weights and their gradients are rounded, too, before they are
/// multiplied. double, and what lies between the products, in their own. Where a context was given
/// cuDNN beside it, attention_library says which of the two runs.
template <>
struct Attention<Cuda> {
  template <class T>
  using Heads = HeadsView<T, Cuda>;
  template <class T>
  using Rows = View<AttentionRow<T>, 1, Cuda>;

  template <class T>
  static size_t forward_scratch(const Context<Cuda>& context, const AttentionShape& n, T scale,
                                Heads<const T> q, Heads<const T> k, Heads<const T> v,
                                const AttentionMask<Cuda>& mask, Heads<T> o, Rows<T> r) {
    if constexpr (std::is_same_v<T, float>)
      if (const auto* const given = detail::GivenAttention::find(context, n, mask))
        return given->forward_scratch(context, n, scale, q, k, v, mask, o, r);
    return 0;
  }

  template <class T>
  static Status forward(const Context<Cuda>& context, const AttentionShape& n, T scale,
                        Heads<const T> q, Heads<const T> k, Heads<const T> v,
                        const AttentionMask<Cuda>& mask, Heads<T> o,
                        Rows<T> r,  // (batch heads queries)
                        Scratch<Cuda> memory) {
    if constexpr (std::is_same_v<T, float>)
      if (const auto* const given = detail::GivenAttention::find(context, n, mask))
        return given->forward(context, n, scale, q, k, v, mask, o, r, memory);
    return run<detail::AttentionPass::output, T>(context, n, scale, mask, n.queries, q, k, {}, {},
                                                 v, nullptr, nullptr, r.data, o);
  }

  template <class T>
  static size_t backward_scratch(const Context<Cuda>& context, const AttentionShape& n, T scale,
                                 Heads<const T> d_o, Heads<const T> o, Heads<const T> q,
                                 Heads<const T> k, Heads<const T> v,
                                 const AttentionMask<Cuda>& mask,
                                 View<const AttentionRow<T>, 1, Cuda> r, Heads<T> dq, Heads<T> dk,
                                 Heads<T> dv) {
    if constexpr (std::is_same_v<T, float>)
      if (const auto* const given = detail::GivenAttention::find(context, n, mask))
        return given->backward_scratch(context, n, scale, d_o, o, q, k, v, mask, r, dq, dk, dv);
    return scratch_bytes<T>(n.batch * n.heads * n.queries);
  }

  template <class T>
  static Status backward(const Context<Cuda>& context, const AttentionShape& n, T scale,
                         Heads<const T> d_o, Heads<const T> o, Heads<const T> q, Heads<const T> k,
                         Heads<const T> v, const AttentionMask<Cuda>& mask,
                         View<const AttentionRow<T>, 1, Cuda> r, Heads<T> dq, Heads<T> dk,
                         Heads<T> dv, Scratch<Cuda> memory) {
    if constexpr (std::is_same_v<T, float>)
      if (const auto* const given = detail::GivenAttention::find(context, n, mask))
        return given->backward(context, n, scale, d_o, o, q, k, v, mask, r, dq, dk, dv, memory);
    using detail::AttentionPass;
    const size_t count = n.batch * n.heads * n.queries;
    T* const along = take_scratch<T>(memory, count).data;
    Status status;
    if ((dq || dk) && count) {
      constexpr unsigned threads = detail::attention_along_threads;
      status =
          device::launch(context, detail::attention_along<T>,
                         device::grid_for(count / (threads / device::warp_size) + 1), dim3{threads},
                         n, strides(d_o), strides(o), d_o.data, o.data, mask.lengths.data, along);
    }
    if (status.ok() && dv)
      status = run<AttentionPass::value_gradient, T>(context, n, scale, mask, n.keys, k, q, {}, {},
                                                     d_o, r.data, nullptr, nullptr, dv);
    if (status.ok() && dk)
      status = run<AttentionPass::key_gradient, T>(context, n, scale, mask, n.keys, k, q, v, d_o, q,
                                                   r.data, along, nullptr, dk);
    if (status.ok() && dq)
      status = run<AttentionPass::query_gradient, T>(context, n, scale, mask, n.queries, q, k, d_o,
                                                     v, k, r.data, along, nullptr, dq);
    return status;
  }

 private:
  template <class T>
  static detail::HeadsStrides strides(const Heads<T>& x) {
    return {x.batch_stride, x.head_stride, x.row_stride};
  }
  template <class T>
  static bool takes_packs(const Heads<T>& x) {
    constexpr size_t width = device::full_width<T>;
    return device::fit_packs(x.data) && x.batch_stride % width == 0 && x.head_stride % width == 0 &&
           x.row_stride % width == 0;
  }

  template <bool bfloat16, class With>
  static Status on_tensor_cores(size_t head_dim, const With& with) {
    if (head_dim <= 64) return with(device::MmaTile<bfloat16, 64>());
    if (head_dim <= 96) return with(device::MmaTile<bfloat16, 96>());
    return with(device::MmaTile<bfloat16, 128>());
  }

  /// One kernel, with tiles as wide as the heads need.
  template <detail::AttentionPass pass, class T>
  static Status run(const Context<Cuda>& context, const AttentionShape& n, T scale,
                    const AttentionMask<Cuda>& mask, size_t rows, Heads<const T> a,
                    Heads<const T> b, Heads<const T> a2, Heads<const T> b2, Heads<const T> c,
                    const AttentionRow<T>* r, const T* along, AttentionRow<T>* new_r,
                    Heads<T> out) {
    const auto with = [&]<class Tile>(Tile) {
      const size_t row_tiles = (rows + Tile::rows - 1) / Tile::rows;
      const size_t column_blocks = n.head_dim ? (n.head_dim - 1) / Tile::width + 1 : 1;
      const size_t blocks = n.batch * n.heads * row_tiles * column_blocks;
      if (blocks == 0 || (n.head_dim == 0 && pass != detail::AttentionPass::output))
        return Status{};
      bool packs = true;
      for (const auto& x : {a, b, a2, b2, c}) packs = packs && takes_packs(x);
      const detail::AttentionPlan<T> plan{n,
                                          scale,
                                          strides(a),
                                          strides(b),
                                          strides(a2),
                                          strides(b2),
                                          strides(c),
                                          strides(out),
                                          mask.batch_stride,
                                          mask.head_stride,
                                          row_tiles,
                                          column_blocks,
                                          packs,
                                          pass != detail::AttentionPass::output && out.accumulate};
      return device::launch(context, detail::attention_pass<pass, Tile, T>,
                            device::grid_for(blocks), dim3{Tile::threads}, plan, a.data, b.data,
                            a2.data, b2.data, c.data, mask.data, mask.lengths.data, r, along, new_r,
                            out.data);
    };
    // Heads that are wider are made in pieces, each from scores of its own.
    if constexpr (sizeof(T) == 8) {
      return with(device::FmaTile<T, 32>());
    } else {
      if (context.precision() == Precision::bfloat16)
        return on_tensor_cores<true>(n.head_dim, with);
      if (context.precision() == Precision::tf32) return on_tensor_cores<false>(n.head_dim, with);
      if (n.head_dim <= 32) return with(device::FmaTile<T, 32>());
      if (n.head_dim <= 64) return with(device::FmaTile<T, 64>());
      if (n.head_dim <= 96) return with(device::FmaTile<T, 96>());
      return with(device::FmaTile<T, 128>());
    }
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
