// Losses of sets of cells and linear layers on a GPU, forward and with backward.
//
//   bench/run.sh --cuda

#include "support/gpu_operations.hpp"
#include "vcell/kernels/copy.cuh"
#include "vcell/kernels/elementwise.cuh"
#include "vcell/kernels/gemm.cuh"
#include "vcell/kernels/median_distance.cuh"
#include "vcell/kernels/set_discrepancy.cuh"
#include "vcell/kernels/sinkhorn_divergence.cuh"
#include "vcell/kernels/sum_rows.cuh"
//
#include "vcell/ops/linear.hpp"
#include "vcell/ops/maximum_mean_discrepancy.hpp"
#include "vcell/ops/sinkhorn_divergence.hpp"

namespace {

using namespace vcell;
using namespace vcell_bench;

struct Choice {
  Context<Cuda> context;
  const char* name;
  double rate;  // of products, at most
};

/// Losses of pairs of sets, with the gradient of one side.
void losses(const Gpu& gpu, const Choice& choice, size_t sets, size_t cells, size_t genes) {
  const UseContext use(choice.context);
  const Variable<float, 3, Cuda> x(normal_on_gpu<3>({sets, cells, genes}, 1), true),
      y(normal_on_gpu<3>({sets, cells, genes}, 2, 0.5f));
  const std::string sizes = message("B ", sets, " S ", cells, " D ", genes);
  // One product of each pair, those within a set by symmetry; backward as much again.
  const double products = 4 * double(cells) * double(x.count()), bytes = 4 * double(x.count());
  time_operation(
      gpu, choice.context, message("maximum_mean_discrepancy, ", choice.name), sizes,
      {products, 2 * bytes, choice.rate}, {2 * products, 5 * bytes, choice.rate},
      [=] {
        return maximum_mean_discrepancy(x, y, {.sigmas = {1, 2, 4, 8, 16}});
      },
      x);
  // How often it sees all pairs follows from the data: no work is declared.
  time_operation(
      gpu, choice.context, message("sinkhorn_divergence, ", choice.name), sizes, {}, {},
      [=] { return sinkhorn_divergence(x, y); }, x);
}

void products(const Gpu& gpu, const Choice& choice, size_t rows, size_t in, size_t out) {
  const UseContext use(choice.context);
  const Variable<float, 3, Cuda> x(normal_on_gpu<3>({1, rows, in}, 1), true);
  const Variable<float, 2, Cuda> w(normal_on_gpu<2>({out, in}, 2), true);
  const double flops = 2 * double(x.count()) * double(out), of_x = 4 * double(x.count()),
               of_w = 4 * double(w.count()), of_y = 4 * double(rows) * double(out);
  time_operation(
      gpu, choice.context, message("linear, ", choice.name), message(rows, " x ", in, " to ", out),
      {flops, of_x + of_w + of_y, choice.rate},
      {3 * flops, 3 * of_x + 3 * of_w + 3 * of_y, choice.rate}, [=] { return linear(x, w); }, x, w);
}

void run(const Gpu& gpu) {
  const GpuPeaks unknown{}, &peaks = gpu.peaks ? *gpu.peaks : unknown;
  // Losses multiply cells as three products of TF32 where the context allows tensor cores at all.
  for (const Choice& choice : {Choice{Context<Cuda>(Precision::float32), "float32", peaks.float32},
                               Choice{Context<Cuda>(Precision::tf32), "3xTF32", peaks.tf32 / 3}}) {
    if (gpu.tiny)
      losses(gpu, choice, 1, 3, 5);
    else
      for (const size_t cells : {64, 128, 512}) losses(gpu, choice, 16, cells, 2000);
  }
  for (const Choice& choice :
       {Choice{Context<Cuda>(Precision::float32), "float32", peaks.float32},
        Choice{Context<Cuda>(Precision::tf32), "tf32", peaks.tf32},
        Choice{Context<Cuda>(Precision::bfloat16), "bfloat16", peaks.bfloat16}}) {
    if (gpu.tiny) {
      products(gpu, choice, 5, 7, 3);
      continue;
    }
    products(gpu, choice, 2048, 672, 672);
    products(gpu, choice, 2048, 2000, 672);
    products(gpu, choice, 8192, 1488, 5952);
    products(gpu, choice, 8192, 1488, 18080);
  }
}

}  // namespace

int main(int count, char** words) { return on_gpu("operations", count, words, run); }
