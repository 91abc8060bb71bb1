// The energy distance of pairs of sets on a GPU, forward and with the gradient of the predicted
// side, beside the same list of operations as separate kernels with products by cuBLASLt in full
// float32: both recorded, in turns, after their values were compared.
//
//   bench/run.sh --cuda

#include <cmath>

#include "support/gpu_operations.hpp"
#include "vcell/kernels/copy.cuh"
#include "vcell/kernels/device/rows.cuh"
#include "vcell/kernels/gemm.cuh"
#include "vcell/kernels/set_discrepancy.cuh"
//
#include "vcell/kernels/launch.hpp"
#include "vcell/ops/energy_distance.hpp"

namespace {

using namespace vcell;
using namespace vcell_bench;

/// The sums of squares of rows.
__global__ void row_squares(const float* x, size_t rows, size_t columns, float* squares) {
  device::for_each_row<device::row_threads>(rows, [&](size_t row) {
    const float* xi = x + row * columns;
    const float sum = device::sum_row<device::row_threads, float>(
        columns, [=](size_t j) { return xi[j] * xi[j]; });
    if (threadIdx.x == 0) squares[row] = sum;
  });
}

/// Products of cells (B, S, T) become their distances; those of a cell with itself are 0.
__global__ void distances(const float* x_squares,  // (B, S)
                          const float* y_squares,  // (B, T)
                          size_t sets, size_t rows, size_t columns, bool same, float* products) {
  device::for_each(sets * rows * columns, [=](size_t i) {
    const size_t row = i / columns, column = i % columns, set = row / rows;
    const float t = x_squares[row] + y_squares[set * columns + column] - 2 * products[i];
    products[i] = t > 0 && !(same && row % rows == column) ? std::sqrt(t) : 0;
  });
}

__global__ void row_sums(const float* x, size_t rows, size_t columns, float* sums) {
  device::for_each_row<device::row_threads>(rows, [&](size_t row) {
    const float* xi = x + row * columns;
    const float sum =
        device::sum_row<device::row_threads, float>(columns, [=](size_t j) { return xi[j]; });
    if (threadIdx.x == 0) sums[row] = sum;
  });
}

/// The distance of each pair, from the sums of the distances of each cell to all others.
__global__ void combine(const float* across,    // (B, S)
                        const float* within_x,  // (B, S)
                        const float* within_y,  // (B, S)
                        size_t sets, size_t cells, float* energies) {
  device::for_each_row<device::row_threads>(sets, [&](size_t set) {
    const size_t first = set * cells;
    const float sum = device::sum_row<device::row_threads, float>(cells, [=](size_t j) {
      return across[first + j] - (within_x[first + j] + within_y[first + j]) / 2;
    });
    if (threadIdx.x == 0) energies[set] = sum / float(cells * cells);
  });
}

/// What u_i - v_j counts for in the gradient.
__global__ void weights(const float* d, float scale, size_t n, float* w) {
  device::for_each(n, [=](size_t i) { w[i] = d[i] > 0 ? scale / d[i] : 0; });
}

__global__ void times_sums(const float* x, const float* a, const float* b, size_t rows,
                           size_t columns, float* dx) {
  device::for_each(rows * columns, [=](size_t i) {
    const size_t row = i / columns;
    dx[i] = (a[row] + b[row]) * x[i];
  });
}

using Cells = Tensor<float, 3, Cuda>;
using Rows = Tensor<float, 2, Cuda>;

/// The list of operations.
struct Separate {
  const Cells &x, &y;
  Tensor<float, 1, Cuda>& energies;
  Cells& dx;
  size_t sets = x.shape()[0], cells = x.shape()[1], genes = x.shape()[2];

  template <class... P, class... A>
  void launch(void (*function)(P...), dim3 grid, unsigned threads, A... arguments) const {
    kernel::check_status("separate kernels", device::launch(current_context<Cuda>(), function, grid,
                                                            dim3{threads}, arguments...));
  }
  void each(size_t n, auto function, auto... arguments) const {
    launch(function, device::grid_for_each(n), device::each_threads, arguments...);
  }
  void per_row(size_t rows, auto function, auto... arguments) const {
    launch(function, device::grid_for(rows), device::row_threads, arguments...);
  }

  /// c (+)= alpha a op(b), for each set.
  void multiply(const Cells& a, bool transpose_b, const Cells& b, double alpha, bool accumulate,
                Cells& c) const {
    const auto matrix = [](const Cells& t) {
      return kernel::MatrixView<const float, Cuda>(t.data(), t.shape()[1], t.shape()[2],
                                                   t.shape()[2]);
    };
    const auto step = [](const Cells& t) { return t.shape()[1] * t.shape()[2]; };
    const kernel::GemmOptions options{.transpose_b = transpose_b,
                                      .alpha = alpha,
                                      .accumulate = accumulate,
                                      .batch = {sets, step(a), step(b), step(c)}};
    kernel::run<kernel::Gemm, Cuda>(
        "separate kernels", options, matrix(a), matrix(b),
        kernel::MatrixView<float, Cuda>(c.data(), c.shape()[1], c.shape()[2], c.shape()[2]),
        kernel::Epilogue<float, Cuda>());
  }

  Rows squares_of(const Cells& of) const {
    auto out = Rows::uninitialized({sets, cells});
    per_row(sets * cells, row_squares, of.data(), sets * cells, genes, out.data());
    return out;
  }
  Rows sums_of(const Cells& of) const {
    auto out = Rows::uninitialized({sets, cells});
    per_row(sets * cells, row_sums, of.data(), sets * cells, cells, out.data());
    return out;
  }
  Cells distances_of(const Cells& u, const Rows& u_squares, const Cells& v, const Rows& v_squares,
                     bool same) const {
    auto out = Cells::uninitialized({sets, cells, cells});
    multiply(u, true, v, 1, false, out);
    each(out.count(), distances, u_squares.data(), v_squares.data(), sets, cells, cells, same,
         out.data());
    return out;
  }
  Cells weights_of(const Cells& d, double scale) const {
    auto out = Cells::uninitialized(d.shape());
    each(d.count(), weights, d.data(), float(scale), d.count(), out.data());
    return out;
  }

  void operator()(bool with_backward) const {
    const Rows x_squares = squares_of(x), y_squares = squares_of(y);
    const Cells across = distances_of(x, x_squares, y, y_squares, false),
                within_x = distances_of(x, x_squares, x, x_squares, true),
                within_y = distances_of(y, y_squares, y, y_squares, true);
    const Rows a = sums_of(across), b = sums_of(within_x), c = sums_of(within_y);
    per_row(sets, combine, a.data(), b.data(), c.data(), sets, cells, energies.data());
    if (!with_backward) return;
    const double pairs = double(cells) * double(cells);
    const Cells w = weights_of(across, 1 / pairs), own = weights_of(within_x, -1 / pairs);
    const Rows w_sums = sums_of(w), own_sums = sums_of(own);
    each(dx.count(), times_sums, x.data(), w_sums.data(), own_sums.data(), sets * cells, genes,
         dx.data());
    multiply(w, false, y, -1, true, dx);
    multiply(own, false, x, -1, true, dx);
  }
};

/// @throws Error if two results differ by more than the part of the largest element
template <int rank>
void check_near(const char* what, View<const float, rank, Cuda> found,
                View<const float, rank, Cuda> expected, double part) {
  const auto a = to_host(found), b = to_host(expected);
  double largest = 0, difference = 0;
  for (size_t i = 0; i < a.count(); ++i) {
    largest = std::max(largest, std::abs(double(b.data()[i])));
    difference = std::max(difference, std::abs(double(a.data()[i]) - double(b.data()[i])));
  }
  std::printf("  %s: differ by %.2g of the largest element at most\n", what, difference / largest);
  if (!(difference <= part * largest))
    throw Error(message(what, " of the energy distance differ by ", difference, " where ", largest,
                        " is the largest, from those of separate kernels"));
}

void compare(const Gpu& gpu, size_t sets, size_t cells, size_t genes) {
  const Context<Cuda> full, on_tensor_cores(Precision::tf32);
  const UseContext use(full);
  const auto x = normal_on_gpu<3>({sets, cells, genes}, 1),
             y = normal_on_gpu<3>({sets, cells, genes}, 2, 0.5f);
  const Variable<float, 3, Cuda> predicted(x, true), observed(y);
  Tensor<float, 1, Cuda> energies({sets});
  Cells dx(x.shape());
  const Separate separate{x, y, energies, dx};
  full.synchronize();  // the other context reads these

  const auto ours = [=] { return energy_distance(predicted, observed); };
  Recorded list_forward(full, [&] { separate(false); }), list(full, [&] { separate(true); }),
      fma_forward = recorded_forward(full, ours),
      fma = recorded_with_backward(full, ours, predicted);
  const auto compare_values = [&](const Context<Cuda>& context) {
    const UseContext here(context);
    predicted.clear_gradient();
    const auto found = ours();
    backward(found, ones_like(found).value());
    context.synchronize();
    check_near<1>("distances", found.value(), std::as_const(energies).view(), 1e-3);
    check_near<3>("gradients", predicted.gradient(), std::as_const(dx).view(), 1e-3);
  };
  const std::string sizes = message("B ", sets, " S ", cells, " D ", genes);
  std::printf("energy_distance, %s\n", sizes.c_str());
  compare_values(full);
  compare_values(on_tensor_cores);

  Recorded mma_forward = recorded_forward(on_tensor_cores, ours),
           mma = recorded_with_backward(on_tensor_cores, ours, predicted);
  // One product of each pair, those within a set by symmetry; backward as much again. Both sides
  // are read, and once more by backward, which writes one.
  const double products = 4 * double(cells) * double(x.count()), bytes = 4 * double(x.count());
  const double fma_rate = gpu.peaks ? gpu.peaks->float32 : 0,
               mma_rate = gpu.peaks ? gpu.peaks->tf32 / 3 : 0;
  for (const bool with_backward : {false, true}) {
    Recorded* const works[] = {with_backward ? &list : &list_forward,
                               with_backward ? &fma : &fma_forward,
                               with_backward ? &mma : &mma_forward};
    const char* const names[] = {"separate kernels, float32", "ours, float32", "ours, 3xTF32"};
    const auto seconds = alternately(gpu, works);
    for (size_t i = 0; i < 3; ++i)
      print(gpu, message(names[i], with_backward ? ", with backward" : ""), sizes,
            median(seconds[i]),
            {with_backward ? 2 * products : products, with_backward ? 5 * bytes : 2 * bytes,
             i == 2 ? mma_rate : fma_rate});
    std::printf("  separate kernels take %.2f times ours in float32, %.2f times ours in 3xTF32\n",
                median_ratio(seconds[0], seconds[1]), median_ratio(seconds[0], seconds[2]));
  }
}

void run(const Gpu& gpu) {
  std::printf(
      "bounds of 3xTF32 assume that mma.sync reaches a third of the TF32 rate of the data sheet, "
      "those "
      "of float32 that every\nproduct is a multiplication and an addition outside of tensor cores; "
      "those of memory, that nothing stays in a cache\n");
  if (gpu.tiny) return compare(gpu, 2, 5, 7);
  for (const size_t cells : {64, 128, 256, 512}) compare(gpu, 16, cells, 2000);
}

}  // namespace

int main(int count, char** words) { return on_gpu("energy_distance", count, words, run); }
