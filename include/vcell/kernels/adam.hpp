#pragma once

#include <Eigen/Core>
#include <cmath>

#include "vcell/core/device.hpp"
#include "vcell/core/parallel_for.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The numbers of one Adam step that are the same for every element.
struct AdamStep {
  double rate = 0;         ///< learning rate
  double beta1 = 0.9;      ///< decay of the first moment
  double beta2 = 0.999;    ///< decay of the second moment
  double epsilon = 1e-8;   ///< added to the root of the corrected second moment
  double l2 = 0;           ///< weight decay that is added to the gradient
  double decoupled = 0;    ///< weight decay that shrinks the value by rate * decoupled
  double correction1 = 1;  ///< 1 - beta1^t, with t the number of this step, from 1
  double correction2 = 1;  ///< 1 - beta2^t
};

/// One step of Adam on one parameter, everything in one sweep:
///
///   g  = gradient + l2 p
///   m += (1 - beta1) (g - m)
///   v  = beta2 v + (1 - beta2) g^2
///   p  = (1 - rate decoupled) p - rate / correction1 * m / (sqrt(v / correction2) + epsilon)
///
/// Views are flat and of equal length.
template <class Device>
struct Adam {
  static_assert(sizeof(Device) == 0,
                "vcell: adam has no kernel for this device in this translation unit: compile it "
                "with nvcc and include <vcell/cuda.cuh>");
};

template <>
struct Adam<Cpu> {
  template <class T>
  static Status run(const AdamStep& s, View<const T, 1> gradient, View<T, 1> value,
                    View<T, 1> first, View<T, 1> second) {
    // Eigen, because a loop over std::sqrt does not vectorise where math functions set errno.
    using In = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
    using Out = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
    const T l2 = T(s.l2), keep = T(1 - s.rate * s.decoupled), epsilon = T(s.epsilon);
    const T beta2 = T(s.beta2), rest1 = T(1 - s.beta1), rest2 = T(1 - s.beta2);
    const T step = T(s.rate / s.correction1), root2 = T(std::sqrt(s.correction2));
    parallel_for(value.shape[0], 1 << 12, [&](size_t begin, size_t end) {
      const auto n = Eigen::Index(end - begin);
      const In g(gradient.data + begin, n);
      Out p(value.data + begin, n), m(first.data + begin, n), v(second.data + begin, n);
      m += rest1 * (g + l2 * p - m);
      v = beta2 * v + rest2 * (g + l2 * p).square();
      p = keep * p - step * m / (v.sqrt() / root2 + epsilon);
    });
    return {};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
