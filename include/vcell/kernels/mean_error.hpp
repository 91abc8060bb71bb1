#pragma once

#include <cstdint>

#include "vcell/kernels/status.hpp"
#include "vcell/kernels/sum_in_pieces.hpp"
#include "vcell/kernels/target.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// No error: the mean of what x is more than y.
struct Difference {
  template <class T>
  VCELL_HOST_DEVICE static T value(T d) {
    return d;
  }
  template <class T>
  VCELL_HOST_DEVICE static T slope(T) {
    return 1;
  }
};

struct SquaredError {
  template <class T>
  VCELL_HOST_DEVICE static T value(T d) {
    return d * d;
  }
  template <class T>
  VCELL_HOST_DEVICE static T slope(T d) {
    return 2 * d;
  }
};

/// Its slope at 0 is 0.
struct AbsoluteError {
  template <class T>
  VCELL_HOST_DEVICE static T value(T d) {
    return d < 0 ? -d : d;
  }
  template <class T>
  VCELL_HOST_DEVICE static T slope(T d) {
    return d > 0 ? T(1) : d < 0 ? T(-1) : d;  // of what is not a number the same
  }
};

/// w sum f(x[b, s, j] - y[b, s, j]) over the first lengths[b] rows of each set, in double, f one of
/// the functions above; w is 1, or 1 / (numbers that take part) for the mean.
///
///   dx (+)= w g f'(x - y),   dy (+)= the negative of it,   0 in padding, which is not read
///
/// No lengths: all rows. A shape without sets is (1, 1, n).
template <class Device>
struct MeanError : Missing<Device> {};

template <>
struct MeanError<Cpu> {
  template <class F, class T>
  static size_t forward_scratch(const Context<Cpu>&, F, View<const T, 3> x, View<const T, 3>,
                                View<const int32_t, 1>, bool, View<T, 0>) {
    return SumInPieces::bytes(x.count());
  }
  template <class F, class T>
  static Status forward(const Context<Cpu>& context, F f, View<const T, 3> x, View<const T, 3> y,
                        View<const int32_t, 1> lengths, bool mean, View<T, 0> out,
                        Scratch<> scratch) {
    const auto error = [=](size_t i) { return f.value(double(x.data[i]) - double(y.data[i])); };
    const auto real_error = [=](size_t i) { return is_real(x, lengths, i) ? error(i) : 0.0; };
    const double sum = lengths ? SumInPieces::run(context, x.count(), scratch, real_error)
                               : SumInPieces::run(context, x.count(), scratch, error);
    *out.data = T(weight(x, lengths, mean) * sum);
    return {};
  }
  template <class F, class T>
  static Status backward(const Context<Cpu>& context, F f, View<const T, 0> g, View<const T, 3> x,
                         View<const T, 3> y, View<const int32_t, 1> lengths, bool mean,
                         Target<T, 3> dx, Target<T, 3> dy) {
    const T factor = T(weight(x, lengths, mean)) * *g.data;
    const auto pull = [&](const Target<T, 3>& to, T signed_factor) {
      if (!to) return;
      with_put(to.accumulate, [&](auto put) {
        parallel_for(context, x.count(), 1 << 15, [=](size_t begin, size_t end) {
          if (!lengths)
            for (size_t i = begin; i < end; ++i)
              put(to.view.data[i], signed_factor * f.slope(x.data[i] - y.data[i]));
          else
            for (size_t i = begin; i < end; ++i)
              put(to.view.data[i],
                  is_real(x, lengths, i) ? signed_factor * f.slope(x.data[i] - y.data[i]) : T(0));
        });
      });
    };
    pull(dx, factor);
    pull(dy, -factor);
    return {};
  }

 private:
  /// Whether element i of a padded tensor is no padding.
  template <class T>
  static bool is_real(View<const T, 3> x, View<const int32_t, 1> lengths, size_t i) {
    const size_t row = i / x.shape[2];
    return row % x.shape[1] < size_t(lengths[row / x.shape[1]]);
  }
  template <class T>
  static double weight(View<const T, 3> x, View<const int32_t, 1> lengths, bool mean) {
    if (!mean) return 1;
    size_t rows = x.shape[0] * x.shape[1];
    if (lengths) {
      rows = 0;
      for (const int32_t n : lengths) rows += size_t(n);
    }
    return 1 / double(rows * x.shape[2]);
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
