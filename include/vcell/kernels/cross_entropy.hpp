#pragma once

#include <cstdint>

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/exponential.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/rows_at_a_time.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"
#include "vcell/tensor/context.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The cross entropy of the softmax of rows of logits with one true class each, l = label[i]. Every
/// device fulfils this contract:
///
///   y[i]      = log(sum_k exp(x[i, k])) - x[i, l]
///
///   dx[i, j] (+)= dy[i] p[i, j],   j /= l,      p[i, .] = softmax(x[i, .])
///   dx[i, l] (+)= -dy[i] sum_{k /= l} p[i, k]
///
/// The largest logit is taken off first, so that no row overflows. Where the label's is the
/// largest, y is log(1 + the others' exponentials), and neither y nor dx is a difference of numbers
/// close to each other: a row that is all but certain keeps its digits. Every label lies within the
/// classes, of which there is at least one (the caller checks). Views must not overlap.
template <class Device>
struct CrossEntropy : Missing<Device> {};

/// What value and gradient of a row are made of.
template <class T>
struct CrossEntropyRow {
  T largest, true_gap;  ///< the largest logit, and how far the label's lies below it
  T true_part, others;  ///< exp(x - largest) of the label, and the sum of those of the others

  VCELL_IN_LOOPS T value() const {
    return true_gap == 0 ? std::log1p(others) : true_gap + std::log(others + true_part);
  }
  /// The gradient of value() by the label's logit, and by another one with this exp(x - largest),
  /// both with share(dy) as their scale.
  VCELL_IN_LOOPS T share(T dy) const { return dy / (others + true_part); }
  VCELL_IN_LOOPS T gradient_of_label(T scale) const { return -scale * others; }
  VCELL_IN_LOOPS T gradient_of_other(T scale, T part) const { return scale * part; }
};

template <>
struct CrossEntropy<Cpu> {
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const T, 2> x,  // (rows, classes)
                        View<const int32_t, 1> label,                     // (rows)
                        View<T, 1> y) {                                   // (rows)
    for_rows(context, x, label, [&](size_t i, const CrossEntropyRow<T>& row, const T*, size_t) {
      y.data[i] = row.value();
    });
    return {};
  }

  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 1> dy,  // (rows)
                         View<const T, 2> x,                                // (rows, classes)
                         View<const int32_t, 1> label,                      // (rows)
                         Target<T, 2> dx) {                                 // (rows, classes)
    if (!dx) return {};
    const size_t classes = x.shape[1];
    with_put(dx.accumulate, [&](auto put) {
      for_rows(
          context, x, label, [&](size_t i, const CrossEntropyRow<T>& row, const T* xi, size_t l) {
            const T share = row.share(dy.data[i]);
            T* dxi = dx.view.data + i * classes;
            for (size_t j = 0; j < classes; ++j)
              put(dxi[j], j == l ? row.gradient_of_label(share)
                                 : row.gradient_of_other(share, exponential(xi[j] - row.largest)));
          });
    });
    return {};
  }

 private:
  /// Calls f(i, row, its logits, its label) for every row.
  template <class T, class F>
  static void for_rows(const Context<Cpu>& context, View<const T, 2> x,
                       View<const int32_t, 1> label, F f) {
    const size_t classes = x.shape[1];
    const size_t grain = rows_at_a_time(classes);
    parallel_for(context, x.shape[0], grain, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) {
        const T* xi = x.data + i * classes;
        const size_t l = size_t(label.data[i]);
        CrossEntropyRow<T> row;
        row.largest = max_lanes<T>(classes, [=](size_t j) { return xi[j]; });
        row.true_gap = row.largest - xi[l];
        row.true_part = exponential(-row.true_gap);
        row.others = sum_lanes<T>(classes, [=, m = row.largest](size_t j) {
          return j == l ? T(0) : exponential(xi[j] - m);
        });
        f(i, row, xi, l);
      }
    });
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
