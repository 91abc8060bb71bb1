#pragma once

#include <cmath>
#include <limits>
#include <set>

#include "vcell/core/bfloat16.hpp"
#include "vcell/kernels/attention_library.hpp"
#include "vcell/kernels/cudnn_attention_graph.hpp"
#include "vcell/kernels/device/each.cuh"
#include "vcell/tensor/cudnn_handle.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// A head's rows that are no padding.
VCELL_HOST_DEVICE inline size_t attention_rows(const int32_t* lengths, size_t b, size_t rows) {
  if (!lengths) return rows;
  const size_t length = lengths[b] > 0 ? size_t(lengths[b]) : 0;
  return length < rows ? length : rows;
}

/// to (B, heads, rows, width): what lies in heads, zeros for padding and behind head_dim.
VCELL_KERNEL void pack_heads(AttentionShape n, size_t rows, size_t width,
                             HeadsView<const float, Cuda> from, const float* data,
                             const int32_t* lengths, bfloat16* to) {
  device::for_each(n.batch * n.heads * rows * width, [&](size_t e) {
    const size_t column = e % width, i = e / width % rows, h = e / width / rows % n.heads,
                 b = e / width / rows / n.heads;
    const bool is_there = column < n.head_dim && i < attention_rows(lengths, b, rows);
    to[e] = bfloat16(
        is_there ? data[b * from.batch_stride + h * from.head_stride + i * from.row_stride + column]
                 : 0.0f);
  });
}

/// The other way; padding gets zeros, unless it is only added to, and is not read.
VCELL_KERNEL void unpack_heads(AttentionShape n, size_t rows, size_t width, const bfloat16* from,
                               const int32_t* lengths, HeadsView<float, Cuda> to, float* data) {
  device::for_each(n.batch * n.heads * rows * n.head_dim, [&](size_t e) {
    const size_t column = e % n.head_dim, i = e / n.head_dim % rows,
                 h = e / n.head_dim / rows % n.heads, b = e / n.head_dim / rows / n.heads;
    float value = 0;
    if (i < attention_rows(lengths, b, rows))
      value = from[((b * n.heads + h) * rows + i) * width + column];
    float& out = data[b * to.batch_stride + h * to.head_stride + i * to.row_stride + column];
    out = to.accumulate ? out + value : value;
  });
}

/// What cuDNN is told of padding: at least one row, which is zeros where there is none.
VCELL_KERNEL void count_rows(AttentionShape n, const int32_t* lengths, int32_t* queries,
                             int32_t* keys) {
  device::for_each(n.batch, [&](size_t b) {
    const size_t q = attention_rows(lengths, b, n.queries), k = attention_rows(lengths, b, n.keys);
    queries[b] = int32_t(q ? q : 1);
    keys[b] = int32_t(k ? k : 1);
  });
}

/// AttentionRow of sums of exponentials, as if the largest score were the logarithm of their sum.
VCELL_KERNEL void rows_of_sums(AttentionShape n, const float* sums, const int32_t* lengths,
                               AttentionRow<float>* r) {
  device::for_each(n.batch * n.heads * n.queries, [&](size_t e) {
    if (e % n.queries < attention_rows(lengths, e / n.queries / n.heads, n.queries))
      r[e] = {sums[e], 1.0f};
  });
}
/// And those of any AttentionRow.
VCELL_KERNEL void sums_of_rows(AttentionShape n, const AttentionRow<float>* r,
                               const int32_t* lengths, float* sums) {
  device::for_each(n.batch * n.heads * n.queries, [&](size_t e) {
    const bool is_there =
        e % n.queries < attention_rows(lengths, e / n.queries / n.heads, n.queries);
    sums[e] = is_there ? r[e].largest - std::log(r[e].inverse) : 0.0f;
  });
}

/// A context's handle of cuDNN with a plan for every shape that was asked for. Had by
/// `context.own<CudnnAttentionPlans>()`.
class CudnnAttentionPlans {
 public:
  explicit CudnnAttentionPlans(const Context<Cuda>& context)
      : handle_(context), version_(cudnnGetVersion()) {
    cudaDeviceProp properties{};
    check_cuda("CudnnAttentionPlans", cudaGetDeviceProperties(&properties, context.device()),
               "cudaGetDeviceProperties of ", context.device());
    capability_ = properties.major;
  }

  struct Answer {
    const CudnnPlan* plan = nullptr;
    const char* failure = nullptr;  ///< to be read as long as the plans are there
  };
  Answer find(const Context<Cuda>& context, const CudnnAttentionShape& shape, bool is_backward) {
    const std::lock_guard lock(mutex_);
    if (const auto known = plans_.find({shape, is_backward}); known != plans_.end())
      return {&known->second, nullptr};
    if (context.kept_work() && context.kept_work()->is_recording())
      return {nullptr,
              "the first attention of this shape, in work that is recorded; the run before had "
              "none"};
    if (is_backward && (capability_ < 8 || capability_ > 9))
      return {nullptr,
              "gradients of cuDNN's attention are the same in every run on devices of compute "
              "capability 8 and 9 alone"};
    if (is_backward && version_ >= 91000 && version_ < 91002)
      return {nullptr, "gradients of cuDNN 9.10.0 and 9.10.1's attention are wrong: take 9.10.2"};
    try {
      const vcell::detail::OnCudaDevice there("CudnnAttentionPlans", handle_.device());
      const CudnnGraph graph =
          is_backward ? cudnn_attention_backward(shape) : cudnn_attention_forward(shape);
      const auto& made =
          plans_.try_emplace({shape, is_backward}, graph, handle_.properties()).first->second;
      return {&made, nullptr};
    } catch (const CudaError& error) {
      return {nullptr, kept(error.what())};
    }
  }
  Status execute(const CudnnPlan& plan, const CudnnHandle::Places& places, void* workspace) {
    const std::lock_guard lock(mutex_);
    try {
      handle_.execute(plan, places, workspace);
      return {};
    } catch (const CudaError& error) {
      return {kept(error.what())};
    }
  }

 private:
  const char* kept(const char* text) { return failures_.insert(text).first->c_str(); }

  CudnnHandle handle_;
  size_t version_;
  int capability_ = 0;
  std::mutex mutex_;
  std::map<std::pair<CudnnAttentionShape, bool>, CudnnPlan> plans_;
  std::set<std::string> failures_;
};

}  // namespace detail

/// Attention by cuDNN, behind the contract of Attention<Device>, of float in contexts of
/// Precision::bfloat16. Where it departs from Attention<Cuda>: Q, K, V, O, dO and the gradients
/// themselves are rounded to bfloat16, O and the gradients before they are added to anything. It
/// takes heads of at most 128 columns, lengths, and no other mask; what it does not do, or not the
/// same way in every run, it declines before anything is queued. r is as good for
/// Attention<Cuda>::backward, and the other way.
///
/// Scratch has bfloat16 copies of everything, and backward 2 B heads queries keys bytes more. The
/// first call of a shape takes a second or two, in which cuDNN compiles.
///
/// It needs cuDNN 9.8 (-lcudnn), whose header does not come with the CUDA Toolkit.
///
/// @throws CudaError if cuDNN cannot be started (CudnnHandle)
template <class Device>
struct CudnnAttention : Missing<Device> {};

template <>
struct CudnnAttention<Cuda> {
  using Id = CudnnAttentionTensor;
  using In = HeadsView<const float, Cuda>;
  using Out = HeadsView<float, Cuda>;
  using Mask = AttentionMask<Cuda>;
  using Rows = View<AttentionRow<float>, 1, Cuda>;
  using ReadRows = View<const AttentionRow<float>, 1, Cuda>;

  static size_t forward_scratch(const Context<Cuda>& context, const AttentionShape& n, float, In,
                                In, In, const Mask& mask, Out, Rows) {
    return bytes(context, n, mask, false);
  }
  static Status forward(const Context<Cuda>& context, const AttentionShape& n, float scale, In q,
                        In k, In v, const Mask& mask, Out o,
                        Rows r,  // (batch heads queries)
                        Scratch<Cuda> scratch) {
    if (is_empty(n)) return {};
    Call call(context, n, mask, false);
    call.begin(scratch, scale, bytes(context, n, mask, false));
    call.pack(Id::q, n.queries, q);
    call.pack(Id::k, n.keys, k);
    call.pack(Id::v, n.keys, v);
    call.room(Id::o, n.queries);
    float* const sums = call.sums(Id::row_sums);
    call.execute();
    call.unpack(Id::o, n.queries, o);
    call.each(n.batch * n.heads * n.queries, detail::rows_of_sums, n, sums, mask.lengths.data,
              r.data);
    return call.status;
  }

  static size_t backward_scratch(const Context<Cuda>& context, const AttentionShape& n, float, In,
                                 In, In, In, In, const Mask& mask, ReadRows, Out, Out, Out) {
    return bytes(context, n, mask, true);
  }
  static Status backward(const Context<Cuda>& context, const AttentionShape& n, float scale, In d_o,
                         In o, In q, In k, In v, const Mask& mask, ReadRows r, Out dq, Out dk,
                         Out dv, Scratch<Cuda> scratch) {
    if (is_empty(n)) return {};
    Call call(context, n, mask, true);
    call.begin(scratch, scale, bytes(context, n, mask, true));
    call.pack(Id::q, n.queries, q);
    call.pack(Id::k, n.keys, k);
    call.pack(Id::v, n.keys, v);
    call.pack(Id::o, n.queries, o);
    call.pack(Id::d_o, n.queries, d_o);
    call.room(Id::d_q, n.queries);
    call.room(Id::d_k, n.keys);
    call.room(Id::d_v, n.keys);
    call.sums(Id::along);
    call.each(n.batch * n.heads * n.queries, detail::sums_of_rows, n, r.data, mask.lengths.data,
              call.sums(Id::row_sums));
    call.execute();
    call.unpack(Id::d_q, n.queries, dq);
    call.unpack(Id::d_k, n.keys, dk);
    call.unpack(Id::d_v, n.keys, dv);
    return call.status;
  }

 private:
  static bool is_empty(const AttentionShape& n) {
    return n.batch == 0 || n.heads == 0 || (n.queries == 0 && n.keys == 0);
  }
  static size_t width(const AttentionShape& n) { return (n.head_dim + 7) / 8 * 8; }

  /// Why it is not done; null: nothing speaks against it.
  static const char* declined(const Context<Cuda>& context, const AttentionShape& n,
                              const Mask& mask, bool is_backward) {
    if (context.precision() != Precision::bfloat16)
      return "cuDNN's attention multiplies bfloat16: it needs a context of Precision::bfloat16";
    if (mask.data) return "cuDNN's attention takes lengths, but no mask of queries and keys";
    if (n.head_dim == 0 || n.head_dim > 128)
      return "cuDNN's attention takes heads of 1 to 128 columns";
    if (n.queries == 0 || n.keys == 0)
      return "cuDNN's attention needs at least one query and one key";
    if (is_backward && n.queries == 1 && n.keys == 1)
      return "cuDNN has no gradients of attention of one query to one key";
    constexpr size_t most = size_t(std::numeric_limits<int32_t>::max());
    if (n.queries > most || n.keys > most)
      return "cuDNN's attention takes at most 2^31 - 1 queries and keys";
    return nullptr;
  }

  /// cuDNN to 9.15 needs to be told where keys end whose number is no multiple of 128: as padding.
  static CudnnAttentionShape shape_of(const AttentionShape& n, const Mask& mask) {
    return {int64_t(n.batch), int64_t(n.heads),  int64_t(n.queries),
            int64_t(n.keys),  int64_t(width(n)), mask.lengths || n.keys % 128 != 0};
  }

  static size_t bytes(const Context<Cuda>& context, const AttentionShape& n, const Mask& mask,
                      bool is_backward) {
    if (is_empty(n) || declined(context, n, mask, is_backward)) return 0;
    const CudnnAttentionShape shape = shape_of(n, mask);
    const CudnnPlan* const plan =
        context.own<detail::CudnnAttentionPlans>().find(context, shape, is_backward).plan;
    if (!plan) return 0;
    const size_t heads = n.batch * n.heads;
    const size_t of_queries = scratch_bytes<bfloat16>(heads * n.queries * width(n)),
                 of_keys = scratch_bytes<bfloat16>(heads * n.keys * width(n)),
                 of_rows = scratch_bytes<float>(heads * n.queries);
    return scratch_bytes<std::byte>(plan->workspace_bytes()) +
           (is_backward ? 4 * of_queries + 4 * of_keys + 2 * of_rows
                        : 2 * of_queries + 2 * of_keys + of_rows) +
           (shape.padded ? 2 * scratch_bytes<int32_t>(n.batch) : 0);
  }

  /// One use of a plan. Once something failed, nothing more is done.
  struct Call {
    const Context<Cuda>& context;
    AttentionShape n;
    const Mask& mask;
    Status status;
    const CudnnPlan* plan = nullptr;
    CudnnHandle::Places places;
    Scratch<Cuda> scratch;
    void* workspace = nullptr;
    float numbers[3] = {0, -std::numeric_limits<float>::infinity(), 1};

    Call(const Context<Cuda>& in, const AttentionShape& of, const Mask& masked, bool is_backward)
        : context(in), n(of), mask(masked) {
      status.failure = declined(context, n, mask, is_backward);
      if (!status.ok()) return;
      const auto found =
          context.own<detail::CudnnAttentionPlans>().find(context, shape_of(n, mask), is_backward);
      plan = found.plan;
      status.failure = found.failure;
      if (is_backward) places[Id::one] = &numbers[2];
    }
    void begin(Scratch<Cuda> memory, float scale, size_t needed) {
      if (status.ok() && memory.count() < needed)
        status.failure = "its scratch is smaller than it says";
      if (!status.ok()) return;
      scratch = memory;
      workspace = take_scratch<std::byte>(scratch, plan->workspace_bytes()).data;
      numbers[0] = scale;
      places[Id::scale] = &numbers[0];
      if (!shape_of(n, mask).padded) return;
      int32_t* const queries = take_scratch<int32_t>(scratch, n.batch).data;
      int32_t* const keys = take_scratch<int32_t>(scratch, n.batch).data;
      places[Id::query_lengths] = queries;
      places[Id::key_lengths] = keys;
      places[Id::masked] = &numbers[1];
      each(n.batch, detail::count_rows, n, mask.lengths.data, queries, keys);
    }
    template <class... P, class... A>
    void each(size_t count, void (*function)(P...), A... arguments) {
      if (status.ok())
        status = device::launch(context, function, device::grid_for_each(count),
                                dim3{device::each_threads}, arguments...);
    }
    bfloat16* room(int64_t id, size_t rows) {
      if (!status.ok()) return nullptr;
      bfloat16* const data =
          take_scratch<bfloat16>(scratch, n.batch * n.heads * rows * width(n)).data;
      places[id] = data;
      return data;
    }
    void pack(int64_t id, size_t rows, In from) {
      bfloat16* const to = room(id, rows);
      each(n.batch * n.heads * rows * width(n), detail::pack_heads, n, rows, width(n), from,
           from.data, mask.lengths.data, to);
    }
    float* sums(int64_t id) {
      if (!status.ok()) return nullptr;
      float* const data = take_scratch<float>(scratch, n.batch * n.heads * n.queries).data;
      places[id] = data;
      return data;
    }
    void execute() {
      if (status.ok())
        status = context.own<detail::CudnnAttentionPlans>().execute(*plan, places, workspace);
    }
    void unpack(int64_t id, size_t rows, Out to) {
      if (!status.ok() || !to) return;
      each(n.batch * n.heads * rows * n.head_dim, detail::unpack_heads, n, rows, width(n),
           static_cast<const bfloat16*>(places[id]), mask.lengths.data, to, to.data);
    }
  };
};

/// From now on Attention<Cuda> goes to cuDNN in a context where attention_library says so.
/// @throws CudaError if cuDNN cannot be started
inline void use_cudnn_attention(const Context<Cuda>& context) {
  context.own<detail::CudnnAttentionPlans>();
  auto& given = context.own<detail::GivenAttention>();
  using A = CudnnAttention<Cuda>;
  given.functions = {A::forward_scratch, A::forward, A::backward_scratch, A::backward};
  given.is_given = true;
}

}  // namespace kernel
VCELL_END_NAMESPACE
