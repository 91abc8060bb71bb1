#pragma once

#include "vcell/kernels/check_step.hpp"
#include "vcell/kernels/device/platform.cuh"

VCELL_BEGIN_NAMESPACE
namespace kernel {
namespace detail {

/// One thread.
template <class T>
VCELL_KERNEL void check_step(const StepNumbers* numbers, double max_norm, const T* loss,
                             const double* squares, uint64_t* bad_step, StepReport* reports,
                             double* factor) {
  const double norm = std::sqrt(*squares);
  const StepReport report{numbers->step + 1, double(*loss), norm};
  reports[numbers->slot] = report;
  if (!(std::isfinite(report.loss) && std::isfinite(norm)) && *bad_step == 0)
    *bad_step = report.step;
  *factor = *bad_step ? std::nan("") : clip_factor(norm, max_norm);
}

}  // namespace detail

template <>
struct CheckStep<Cuda> {
  template <class T>
  static Status run(const Context<Cuda>& context, View<const StepNumbers, 0, Cuda> numbers,
                    double max_norm, View<const T, 0, Cuda> loss,
                    View<const double, 0, Cuda> squares, View<uint64_t, 0, Cuda> bad_step,
                    View<StepReport, 1, Cuda> reports, View<double, 0, Cuda> factor) {
    return device::launch(context, detail::check_step<T>, dim3{1}, dim3{1}, numbers.data, max_norm,
                          loss.data, squares.data, bad_step.data, reports.data, factor.data);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
