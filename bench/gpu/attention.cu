// Attention on a GPU, forward and with backward, at the sizes and precisions that models have.
//
//   bench/run.sh --cuda

#include "support/gpu_operations.hpp"
#include "vcell/kernels/attention.cuh"
#include "vcell/kernels/copy.cuh"
//
#include "vcell/ops/attention.hpp"

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

void run(const Gpu& gpu) {
  for (const auto& [precision, name, rate] :
       {std::tuple{Precision::float32, "float32", &GpuPeaks::float32},
        std::tuple{Precision::tf32, "tf32", &GpuPeaks::tf32},
        std::tuple{Precision::bfloat16, "bfloat16", &GpuPeaks::bfloat16}}) {
    const Context<Cuda> context(precision);
    const double most = gpu.peaks ? gpu.peaks->*rate : 0;
    if (gpu.tiny) {
      attentions(gpu, context, name, most, 1, 9, 2, 4);
      continue;
    }
    for (const size_t head_dim : {64, 84, 128})
      for (const size_t cells : {128, 256, 512, 1024, 2048})
        attentions(gpu, context, name, most, 16384 / cells, cells, 8, head_dim);
  }
}

}  // namespace

int main(int count, char** words) { return on_gpu("attention", count, words, run); }
