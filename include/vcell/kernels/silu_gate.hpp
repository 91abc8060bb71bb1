#pragma once

#include "vcell/kernels/logistic.hpp"
#include "vcell/kernels/rows_at_a_time.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/context.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The way back through y[i, j] = silu(z[i, j]) z[i, n + j], which a product ends with
/// (kernels/gemm_epilogue.hpp):
///
///   dz[i, j]     = dy[i, j] z[i, n + j] silu'(z[i, j])
///   dz[i, n + j] = dy[i, j] silu(z[i, j])
///
/// dz may be z.
template <class Device>
struct SiluGate : Missing<Device> {};

template <>
struct SiluGate<Cpu> {
  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 2> dy,  // (rows, n)
                         View<const T, 2> z,                                // (rows, 2 n)
                         View<T, 2> dz) {                                   // (rows, 2 n)
    const size_t n = dy.shape[1];
    const size_t grain = rows_at_a_time(n);
    parallel_for(context, dy.shape[0], grain, [=](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const T *dyi = dy.data + i * n, *zi = z.data + i * 2 * n;
        T* dzi = dz.data + i * 2 * n;
        for (size_t j = 0; j < n; ++j) {
          const T gate = zi[j], up = zi[n + j];
          const Logistic<T> l(gate);
          dzi[j] = dyi[j] * up * (l.s * (1 + gate * l.complement));
          dzi[n + j] = dyi[j] * (gate * l.s);
        }
      }
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
