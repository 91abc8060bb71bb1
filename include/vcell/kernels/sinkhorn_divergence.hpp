#pragma once

#include <limits>

#include "vcell/core/cmath.hpp"
#include "vcell/kernels/lanes.hpp"
#include "vcell/kernels/sinkhorn_sets.hpp"
#include "vcell/kernels/status.hpp"
#include "vcell/kernels/target.hpp"

VCELL_BEGIN_NAMESPACE
namespace kernel {

/// The epsilons of a Sinkhorn loop: d^2, then from d^2 down by the square of `scaling` as long as
/// they are above blur^2, then blur^2, for points in a box whose corners are d apart.
struct EpsilonSchedule {
  double diameter, blur, scaling;

  /// Points all in one place, or not finite, have none.
  VCELL_HOST_DEVICE bool exists() const {
    return diameter > 0 && diameter <= std::numeric_limits<double>::max();
  }
  VCELL_HOST_DEVICE size_t count() const { return steps() + 2; }
  VCELL_HOST_DEVICE double operator[](size_t i) const {
    if (i == 0) return square(diameter);
    if (i > steps()) return square(blur);
    return std::exp(2 * std::log(diameter) + double(i - 1) * (2 * std::log(scaling)));
  }

  /// Above 0, and so is one by it.
  VCELL_HOST_DEVICE static double square(double length) {
    return length * length > 1e-300 ? length * length : 1e-300;
  }

 private:
  VCELL_HOST_DEVICE size_t steps() const {
    const double n = std::ceil((std::log(blur) - std::log(diameter)) / std::log(scaling));
    return n > 0 ? size_t(n) : 0;
  }
};

/// softmin of n costs, from the largest h - c and the sum of exp((h - c - largest) / eps).
VCELL_IN_LOOPS double sinkhorn_softmin(size_t n, double largest, double sum, double eps) {
  return eps * (std::log(double(n)) - std::log(sum)) - largest;
}

/// The value of a batch whose points have no schedule.
VCELL_IN_LOOPS double sinkhorn_value_without(const EpsilonSchedule& schedule) {
  return schedule.diameter == 0 ? 0 : std::numeric_limits<double>::quiet_NaN();
}

/// The debiased Sinkhorn divergence of pairs of sets with uniform weights, cost c = d^2 / 2 and
/// eps = blur^2. With the softmin of a cost matrix and a potential h over its n columns
///
///   softmin_i(c, h) = -eps log 1/n sum_j exp((h_j - c_ij) / eps)
///
/// the loop takes, for every epsilon of the schedule in turn, potentials f of x and g of y to their
/// averages with softmin(c_xy, g) and softmin(c_yx, f), and those of x and y with themselves, p and
/// q, with softmin(c_xx, p) and softmin(c_yy, q); they begin as softmin(., 0). Then, once more,
///
///   e[b] = mean_i (softmin_i(c_xy, g) - softmin_i(c_xx, p))
///          + mean_j (softmin_j(c_yx, f) - softmin_j(c_yy, q))
///
/// where only this last step and only the points of the rows are differentiated:
///
///   dx_i (+)= g[b] / S (sum_j P_ij x_j - sum_j F_ij y_j),
///
/// P and F being the softmax over j of (p_j - c_ij) / eps and (g_j - c_ij) / eps. There is one
/// schedule for the whole batch, of the box of all its points: a pair's value depends on the
/// others. A set has at least one cell; padding is not read, has no part in the box, and gradient
/// 0. All points in one place have value 0 and gradient 0; a point that is not finite makes what it
/// touches not a number. blur is above 0, scaling above 0 and below 1.
///
/// `potentials` (B, 2, S + T) are what backward finds again: p and q, then f and g, of the cells
/// that are no padding, one after the other. Null: not kept.
///
/// All is computed in double, whatever T: eps ends some 10^5 times smaller than a cost, so that in
/// float the plan would be made of rounding.
/// (S + T)^2 D flops and about (4 + log_{1/scaling} (diameter / blur)) (S + T)^2 exponentials a
/// pair of sets forward; backward 3 (S + T)^2 D flops for both sides. Scratch for (S + T) (S + T +
/// D) doubles, a thread where there are as many pairs, else once. So on the Cpu; a GPU keeps no
/// costs (sinkhorn_divergence.cuh).
template <class Device>
struct SinkhornDivergence : Missing<Device> {};

template <>
struct SinkhornDivergence<Cpu> {
  template <class T>
  static size_t forward_scratch(const Context<Cpu>& context, View<const T, 3> x, View<const T, 3> y,
                                const SetLengths<>&, View<T, 1>, View<double, 3>, double, double) {
    return SinkhornSets<T>::scratch_bytes(context, x.shape, y.shape);
  }
  template <class T>
  static Status forward(const Context<Cpu>& context, View<const T, 3> x,  // (B, S, D)
                        View<const T, 3> y,                               // (B, T, D)
                        const SetLengths<>& lengths, View<T, 1> e,        // (B)
                        View<double, 3> potentials,                       // (B, 2, S + T)
                        double blur, double scaling, Scratch<> scratch) {
    const SinkhornSets<T> sets(context, x, y, lengths, scratch);
    const EpsilonSchedule schedule{sets.diameter(), blur, scaling};
    if (!schedule.exists()) {
      std::fill_n(e.data, e.count(), T(sinkhorn_value_without(schedule)));
      if (potentials) std::fill_n(potentials.data, potentials.count(), 0.0);
      return {};
    }
    sets.for_pairs([&](const SinkhornPair& pair) {
      sets.find_costs(pair, true, true);
      const size_t rows = pair.n + pair.m;
      double *own = pair.potentials, *across = own + rows, *next_own = across + rows,
             *next_across = next_own + rows;
      const auto step = [&](double eps) {
        parallel_for(context, rows, grain, [&](size_t begin, size_t end) {
          for (size_t i = begin; i < end; ++i) {
            next_own[i] = softmin(pair.own(i), pair.costs.row(i), own, eps);
            next_across[i] = softmin(pair.other(i), pair.costs.row(i), across, eps);
          }
        });
      };
      std::fill_n(own, 2 * rows, 0.0);
      step(schedule[0]);
      std::copy_n(next_own, 2 * rows, own);
      for (size_t k = 0; k < schedule.count(); ++k) {
        step(schedule[k]);
        for (size_t i = 0; i < 2 * rows; ++i) own[i] = 0.5 * (own[i] + next_own[i]);
      }
      if (potentials)
        for (size_t k = 0; k < 2; ++k)
          std::copy_n(own + k * rows, rows, potentials[pair.b][k].data);
      step(EpsilonSchedule::square(blur));
      const auto mean_gap = [&](RowRange set) {
        return sum_lanes<double>(
                   set.count,
                   [&](size_t i) { return next_across[set.first + i] - next_own[set.first + i]; }) /
               double(set.count);
      };
      e[pair.b] = T(mean_gap({0, pair.n}) + mean_gap({pair.n, pair.m}));
    });
    return {};
  }

  template <class T>
  static size_t backward_scratch(const Context<Cpu>& context, View<const T, 1>, View<const T, 3> x,
                                 View<const T, 3> y, const SetLengths<>&, View<const double, 3>,
                                 Target<T, 3>, Target<T, 3>, double) {
    return SinkhornSets<T>::scratch_bytes(context, x.shape, y.shape);
  }
  template <class T>
  static Status backward(const Context<Cpu>& context, View<const T, 1> g,  // (B)
                         View<const T, 3> x,                               // (B, S, D)
                         View<const T, 3> y,                               // (B, T, D)
                         const SetLengths<>& lengths,
                         View<const double, 3> potentials,  // (B, 2, S + T)
                         Target<T, 3> dx,                   // (B, S, D)
                         Target<T, 3> dy,                   // (B, T, D)
                         double blur, Scratch<> scratch) {
    const SinkhornSets<T> sets(context, x, y, lengths, scratch);
    const double eps = EpsilonSchedule::square(blur);
    sets.for_pairs([&](const SinkhornPair& pair) {
      sets.find_costs(pair, bool(dx), bool(dy));
      const double *own = potentials[pair.b][0].data, *across = potentials[pair.b][1].data;
      const auto side = [&](RowRange set, const Target<T, 3>& to) {
        const View<T, 2> du = to.view[pair.b];
        parallel_for(context, du.shape[0], grain, [&](size_t begin, size_t end) {
          const ProductSession session;
          const RowRange rows = RowRange{begin, end - begin}.below(set.count);
          for (size_t i = set.first + begin; i < set.first + begin + rows.count; ++i) {
            softmax(pair.own(i), pair.costs.row(i), own, eps, 1);
            softmax(pair.other(i), pair.costs.row(i), across, eps, -1);
          }
          if (!to.accumulate) std::fill_n(&du(begin, 0), (end - begin) * du.shape[1], T(0));
          sets.add_product(session, pair, {set.first + begin, rows.count},
                           double(g[pair.b]) / double(set.count), MatrixView<T>(du), begin);
        });
      };
      if (dx) side({0, pair.n}, dx);
      if (dy) side({pair.n, pair.m}, dy);
    });
    return {};
  }

 private:
  static constexpr size_t grain = 32;  // rows

  template <class = void>
  static double largest_gap(RowRange some, const double* costs, const double* potentials) {
    return max_lanes<double>(some.count, [h = potentials + some.first, c = costs + some.first](
                                             size_t j) { return h[j] - c[j]; });
  }

  template <class = void>
  static double softmin(RowRange some, const double* costs, const double* potentials, double eps) {
    const double largest = largest_gap(some, costs, potentials);
    const double sum = sum_lanes<double>(
        some.count, [h = potentials + some.first, c = costs + some.first, largest, rate = 1 / eps](
                        size_t j) { return exponential((h[j] - c[j] - largest) * rate); });
    return sinkhorn_softmin(some.count, largest, sum, eps);
  }

  /// Puts the softmax, times a sign, in place of the costs.
  template <class = void>
  static void softmax(RowRange some, double* costs, const double* potentials, double eps,
                      double sign) {
    const double largest = largest_gap(some, costs, potentials), rate = 1 / eps;
    const double* h = potentials + some.first;
    double* c = costs + some.first;
    for (size_t j = 0; j < some.count; ++j) c[j] = exponential((h[j] - c[j] - largest) * rate);
    const double sum = sum_lanes<double>(some.count, [c](size_t j) { return c[j]; });
    for (size_t j = 0; j < some.count; ++j) c[j] *= sign / sum;
  }
};

}  // namespace kernel
VCELL_END_NAMESPACE
