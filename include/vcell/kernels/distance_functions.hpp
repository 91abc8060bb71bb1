#pragma once

#include <algorithm>
#include <limits>

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/exponential.hpp"
#include "vcell/tensor/view.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

// Functions of the squared distance t = ||u - v||^2 of two cells that SetDiscrepancy takes means
// of. One is a sum of terms, one for each sigma where it has them, each with
//
//   value(t)      its value
//   weight(t, s)  s times what (u - v) is multiplied with in the gradient by u, for t above
//                 constant_below(); pairs that are not above it have gradient 0
//
// Both run in loops that vectorise. `of` binds a function to the sigmas of a call, which lie on the
// device.

/// d = sqrt(max(t, floor)), gradient (u - v) / d.
struct EuclideanDistance {
  double floor_squared = 0;

  template <class T>
  struct Terms {
    T floor_squared;
    VCELL_HOST_DEVICE size_t count() const { return 1; }
    VCELL_HOST_DEVICE T constant_below() const { return floor_squared; }
    VCELL_HOST_DEVICE Terms operator[](size_t) const { return *this; }
    VCELL_IN_LOOPS T value(T t) const { return std::sqrt(t <= floor_squared ? floor_squared : t); }
    VCELL_IN_LOOPS T weight(T t, T scale) const { return scale / std::sqrt(t); }
  };
  template <class T, class Device>
  VCELL_HOST_DEVICE Terms<T> of(View<const T, 1, Device>) const {
    return {T(floor_squared)};
  }
};

/// t itself, gradient 2 (u - v).
struct SquaredDistance {
  template <class T>
  struct Terms {
    VCELL_HOST_DEVICE size_t count() const { return 1; }
    VCELL_HOST_DEVICE T constant_below() const { return 0; }
    VCELL_HOST_DEVICE Terms operator[](size_t) const { return *this; }
    VCELL_IN_LOOPS T value(T t) const { return t; }
    VCELL_IN_LOOPS T weight(T, T scale) const { return 2 * scale; }
  };
  template <class T, class Device>
  VCELL_HOST_DEVICE Terms<T> of(View<const T, 1, Device>) const {
    return {};
  }
};

/// sum_k exp(-t / (2 sigma_k^2)), gradient -sum_k exp(-t / (2 sigma_k^2)) / sigma_k^2 (u - v).
struct GaussianKernel {
  template <class T>
  struct Term {
    T rate;  // 1 / (2 sigma^2)
    VCELL_IN_LOOPS T value(T t) const { return exponential(-t * rate); }
    VCELL_IN_LOOPS T weight(T t, T scale) const { return scale * (-2 * rate * value(t)); }
  };
  template <class T>
  struct Terms {
    const T* sigmas;
    size_t sigma_count;
    VCELL_HOST_DEVICE size_t count() const { return sigma_count; }
    VCELL_HOST_DEVICE T constant_below() const { return 0; }
    VCELL_HOST_DEVICE Term<T> operator[](size_t k) const {
      // Finite, so that a pair at distance 0 stays at value 1 whatever the sigma.
      return {std::min(T(0.5) / sigmas[k] / sigmas[k], std::numeric_limits<T>::max() / 2)};
    }
  };
  template <class T, class Device>
  VCELL_HOST_DEVICE Terms<T> of(View<const T, 1, Device> sigmas) const {
    return {sigmas.data, sigmas.shape[0]};
  }
};

/// sum_k exp(-d / sigma_k) of d = sqrt(t), gradient -sum_k exp(-d / sigma_k) / (sigma_k d) (u - v).
struct LaplacianKernel {
  template <class T>
  struct Term {
    T rate;  // 1 / sigma
    VCELL_IN_LOOPS T value(T t) const { return exponential(-std::sqrt(t) * rate); }
    VCELL_IN_LOOPS T weight(T t, T scale) const {
      return scale * (-rate * value(t) / std::sqrt(t));
    }
  };
  template <class T>
  struct Terms {
    const T* sigmas;
    size_t sigma_count;
    VCELL_HOST_DEVICE size_t count() const { return sigma_count; }
    VCELL_HOST_DEVICE T constant_below() const { return 0; }
    VCELL_HOST_DEVICE Term<T> operator[](size_t k) const {
      return {std::min(1 / sigmas[k], std::numeric_limits<T>::max())};
    }
  };
  template <class T, class Device>
  VCELL_HOST_DEVICE Terms<T> of(View<const T, 1, Device> sigmas) const {
    return {sigmas.data, sigmas.shape[0]};
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
