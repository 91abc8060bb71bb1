#pragma once

#include <cstdint>
#include <limits>

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/step_numbers.hpp"
#include "vcell/tensor/context.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// What a training step left to be read by the host later.
struct StepReport {
  uint64_t step;         ///< its number, from 1
  double loss;           ///< before the update
  double gradient_norm;  ///< before clipping
};

/// What gradients are multiplied by so that their norm is at most max_norm (0: any), as
/// torch.nn.utils.clip_grad_norm_ does.
VCELL_HOST_DEVICE inline double clip_factor(double norm, double max_norm) {
  const double factor = max_norm / (norm + 1e-6);
  return max_norm > 0 && factor < 1 ? factor : 1;
}

/// Judges a training step where its numbers are, so that nobody has to wait for them:
///
///   reports[numbers.slot] = {numbers.step + 1, loss, sqrt(squares)}
///   factor = clip_factor(sqrt(squares), max_norm), or not-a-number: do not update
///
/// A loss or norm that is not finite makes `bad_step` this step, unless it is set already; once it
/// is set (not 0), every factor is not-a-number. The slot is one of the reports.
template <class Device>
struct CheckStep : Missing<Device> {};

template <>
struct CheckStep<Cpu> {
  template <class T>
  static Status run(const Context<Cpu>&, View<const StepNumbers, 0> numbers, double max_norm,
                    View<const T, 0> loss, View<const double, 0> squares,
                    View<uint64_t, 0> bad_step, View<StepReport, 1> reports,
                    View<double, 0> factor) {
    const double norm = std::sqrt(squares());
    const StepReport report{numbers().step + 1, double(loss()), norm};
    reports[numbers().slot] = report;
    if (!(std::isfinite(report.loss) && std::isfinite(norm)) && bad_step() == 0)
      bad_step() = report.step;
    factor() = bad_step() ? std::numeric_limits<double>::quiet_NaN() : clip_factor(norm, max_norm);
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
