// Attention on a GPU, forward and with backward, at the sizes and precisions that models have; in
// bfloat16 beside cuDNN's where that was found: behind the same contract, which copies every matrix
// to bfloat16 and back, and alone, on matrices that are bfloat16.
//
//   bench/run.sh --cuda

#include "support/gpu_operations.hpp"
#include "vcell/kernels/attention.cuh"
#include "vcell/kernels/copy.cuh"
//
#include "vcell/ops/attention.hpp"

#if defined(VCELL_BENCH_CUDNN) || defined(VCELL_EMULATE_CUDA)
#define VCELL_BENCH_HAS_CUDNN
#include "vcell/kernels/attention_cudnn.cuh"
#endif

namespace {

using namespace vcell;
using namespace vcell_bench;

void attentions(const Gpu& gpu, const Context<Cuda>& context, const char* precision, double rate,
                size_t sets, size_t cells, size_t heads, size_t head_dim) {
  const UseContext use(context);
  const Shape<3> shape{sets, cells, heads * head_dim};
  using Leaf = Variable<float, 3, Cuda>;
  const Leaf q(normal_on_gpu<3>(shape, 1), true), k(normal_on_gpu<3>(shape, 2), true),
      v(normal_on_gpu<3>(shape, 3), true);
  const double elements = double(q.count()), flops = 4 * elements * double(cells);
  // Backward is 2.5 times forward: the scores again, and four products.
  time_operation(
      gpu, context, message("attention, ", precision),
      message("B ", sets, " S ", cells, " heads ", heads, " x ", head_dim),
      {flops, 4 * 4 * elements, rate}, {3.5 * flops, 4 * 12 * elements, rate},
      [=] { return attention(q, k, v, heads); }, q, k, v);
}

#if defined(VCELL_BENCH_HAS_CUDNN)
/// What a pass through cuDNN reads and writes, of T.
template <class T>
struct Matrices {
  kernel::AttentionShape n;
  Tensor<T, 1, Cuda> q, k, v, o, d_o, dq, dk, dv;

  explicit Matrices(const kernel::AttentionShape& shape) : n(shape) {
    for (auto* x : {&q, &k, &v, &o, &d_o, &dq, &dk, &dv}) {
      const Shape<1> count{n.batch * n.heads * n.queries * n.head_dim};
      if constexpr (std::is_same_v<T, float>)
        *x = normal_on_gpu<1>(count, 1);
      else
        *x = Tensor<T, 1, Cuda>(count);  // zeros: a product takes as long
    }
  }
  template <class U>
  kernel::HeadsView<U, Cuda> heads(U* data) const {
    const size_t width = n.heads * n.head_dim;
    return {data, n.queries * width, n.head_dim, width};
  }
};

void time_cudnn(const Gpu& gpu, const Context<Cuda>& context, const char* name, double rate,
                double element_bytes, const kernel::AttentionShape& n,
                std::function<void()> forward, const std::function<void()>& backward) {
  const double elements = double(n.batch * n.heads * n.queries * n.head_dim),
               flops = 4 * elements * double(n.keys);
  const std::string sizes =
      message("B ", n.batch, " S ", n.queries, " heads ", n.heads, " x ", n.head_dim);
  const auto both = [=] { forward(), backward(); };
  Recorded once(context, forward), twice(context, both);
  print(gpu, name, sizes, seconds_of(gpu, once), {flops, 4 * element_bytes * elements, rate});
  print(gpu, message(name, ", with backward"), sizes, seconds_of(gpu, twice),
        {3.5 * flops, 12 * element_bytes * elements, rate});
}

/// As attentions, by cuDNN.
void cudnn_attentions(const Gpu& gpu, const Context<Cuda>& context, double rate, size_t sets,
                      size_t cells, size_t heads, size_t head_dim) {
  const UseContext use(context);
  const kernel::AttentionShape n{sets, heads, cells, cells, head_dim};
  const float scale = 1 / std::sqrt(float(head_dim));
  using Row = kernel::AttentionRow<float>;
  {
    const Matrices<float> m(n);
    auto o = m.o, dq = m.dq, dk = m.dk, dv = m.dv;
    Tensor<Row, 1, Cuda> r({sets * heads * cells});
    const auto read = [&](const Tensor<float, 1, Cuda>& x) { return m.heads(x.data()); };
    const kernel::AttentionMask<Cuda> mask;
    time_cudnn(
        gpu, context, "attention, bfloat16, cuDNN", rate, 4, n,
        [&] {
          kernel::forward<kernel::CudnnAttention, Cuda>("bench", n, scale, read(m.q), read(m.k),
                                                        read(m.v), mask, m.heads(o.data()),
                                                        r.view());
        },
        [&] {
          kernel::backward<kernel::CudnnAttention, Cuda>(
              "bench", n, scale, read(m.d_o), read(o), read(m.q), read(m.k), read(m.v), mask,
              std::as_const(r).view(), m.heads(dq.data()), m.heads(dk.data()), m.heads(dv.data()));
        });
  }
  if (head_dim % 8 || cells % 128) return;  // it needs copies
  using Id = kernel::CudnnAttentionTensor;
  Matrices<bfloat16> m(n);
  Tensor<float, 1, Cuda> sums({sets * heads * cells}), along({sets * heads * cells});
  CudnnHandle handle(context);
  const kernel::CudnnAttentionShape shape{int64_t(sets),  int64_t(heads),    int64_t(cells),
                                          int64_t(cells), int64_t(head_dim), false};
  const CudnnPlan forward(kernel::cudnn_attention_forward(shape), handle.properties()),
      backward(kernel::cudnn_attention_backward(shape), handle.properties());
  Buffer<std::byte, Cuda> workspace(
      std::max({forward.workspace_bytes(), backward.workspace_bytes(), size_t(1)}));
  float factor = scale, one = 1;
  const CudnnHandle::Places there{{Id::q, m.q.data()},         {Id::k, m.k.data()},
                                  {Id::v, m.v.data()},         {Id::o, m.o.data()},
                                  {Id::row_sums, sums.data()}, {Id::scale, &factor}};
  auto all = there;
  all.insert({{Id::d_o, m.d_o.data()},
              {Id::d_q, m.dq.data()},
              {Id::d_k, m.dk.data()},
              {Id::d_v, m.dv.data()},
              {Id::along, along.data()},
              {Id::one, &one}});
  time_cudnn(
      gpu, context, "cuDNN alone, of bfloat16", rate, 2, n,
      [&] { handle.execute(forward, there, workspace.data()); },
      [&] { handle.execute(backward, all, workspace.data()); });
}
#endif

void run(const Gpu& gpu) {
  for (const auto& [precision, name, rate] :
       {std::tuple{Precision::float32, "float32", &GpuPeaks::float32},
        std::tuple{Precision::tf32, "tf32", &GpuPeaks::tf32},
        std::tuple{Precision::bfloat16, "bfloat16", &GpuPeaks::bfloat16}}) {
    const Context<Cuda> context(precision);
    const double most = gpu.peaks ? gpu.peaks->*rate : 0;
    const auto both = [&, name = name](size_t sets, size_t cells, size_t heads, size_t head_dim) {
      attentions(gpu, context, name, most, sets, cells, heads, head_dim);
#if defined(VCELL_BENCH_HAS_CUDNN)
      if (context.precision() == Precision::bfloat16)
        cudnn_attentions(gpu, context, most, sets, cells, heads, head_dim);
#endif
    };
    if (gpu.tiny) {
      both(1, 9, 2, 4);
      both(1, 128, 1, 8);
      continue;
    }
    for (const size_t head_dim : {64, 84, 128})
      for (const size_t cells : {128, 256, 512, 1024, 2048})
        both(16384 / cells, cells, 8, head_dim);
  }
}

}  // namespace

int main(int count, char** words) { return on_gpu("attention", count, words, run); }
