#pragma once

#include <algorithm>
#include <cstdint>
#include <numbers>

#include "vcell/core/check.hpp"
#include "vcell/core/cmath.hpp"

VCELL_BEGIN_NAMESPACE

/// What the learning rate does after its warm-up.
enum class ScheduleShape {
  constant,  ///< stays
  cosine,    ///< falls along half a cosine
  chained    ///< falls along half a cosine that begins with the warm-up and multiplies into it
};

struct Schedule {
  /// The rate after warm-up, the highest there is.
  double rate = 3e-4;
  ScheduleShape shape = ScheduleShape::constant;
  /// Steps over which the rate rises linearly from 0; 0: it starts at `rate`.
  uint64_t warmup = 0;
  /// Steps after which the cosine has come to its end; unused when constant.
  uint64_t total = 0;
  /// The rate at the end of the cosine, as a share of `rate`.
  double last = 0;
  /// Chained alone, whose `warmup` and `total` count steps of the schedule:
  /// The rate at the start of the warm-up, as a share of `rate`.
  double first = 0.33;
  /// Steps of the schedule in each step of training, all but one of them before its update.
  uint64_t stride = 1;
};

/// @throws ConfigError if the rate is not above 0, a share not in [0, 1] (`first` not above 0), a
///         cosine ends before the warm-up does, or the stride is 0
template <class = void>
void check_schedule(const Schedule& s) {
  check_positive("Schedule", "rate", s.rate);
  if (!std::isfinite(s.rate))
    throw ConfigError(message("Schedule: rate is ", s.rate, ", expected a finite number"));
  if (!(s.last >= 0 && s.last <= 1))
    throw ConfigError(message("Schedule: last is ", s.last, ", expected a share in [0, 1]"));
  if (!(s.first > 0 && s.first <= 1))
    throw ConfigError(message("Schedule: first is ", s.first, ", expected a share in (0, 1]"));
  check_positive("Schedule", "stride", s.stride);
  if (s.shape != ScheduleShape::constant && s.total <= s.warmup)
    throw ConfigError(message("Schedule: total is ", s.total, " and warmup ", s.warmup,
                              "; a cosine needs more steps than its warm-up"));
}

namespace detail {

/// torch.optim's ChainedScheduler of LinearLR(first -> 1 over `warmup`) and
/// CosineAnnealingLR(total, last * rate), each in its recursive form, after n steps of theirs. With
/// v the line of the warm-up and c[n] = 1 + cos(pi n / total),
///
///   r[0] = first rate,   r[n] = (r[n - 1] v[n] / v[n - 1] - end) c[n] / c[n - 1] + end
///
/// The steps of the warm-up are replayed; from then on (r[n] - end) / c[n] stays. So the rate is
/// off the cosine by the share that the warm-up is short of `rate` when it ends, and all along at
/// `first` where there is no warm-up. After `total` it rises and falls between `end` and `rate`
/// like the cosine, without that share.
template <class = void>
double chained_rate(const Schedule& s, uint64_t n) {
  const double end = s.last * s.rate, whole = 1 - s.first;
  const auto c = [&](uint64_t k) {
    return 1 + std::cos(std::numbers::pi * double(k % (2 * s.total)) / double(s.total));
  };
  if (n > s.total) return end + (s.rate - end) / 2 * c(n);
  double r = s.rate * s.first;
  const uint64_t replayed = std::min(n, s.warmup);
  for (uint64_t k = 1; k <= replayed; ++k) {
    r *= 1 + whole / (double(s.warmup) * s.first + double(k - 1) * whole);
    r = c(k) / c(k - 1) * (r - end) + end;
  }
  return n == replayed ? r : end + c(n) / c(replayed) * (r - end);
}

}  // namespace detail

/// The learning rate of a step: a pure function, so that work goes on exactly after a restart.
/// Warm-up and cosine together are transformers' get_cosine_schedule_with_warmup up to `total`;
/// after the end the rate stays at its last value. Chained is a replay of the warm-up: two cosines
/// for each of its steps.
/// @param step  steps taken before this one, from 0
template <class = void>
double learning_rate(const Schedule& s, uint64_t step) {
  if (s.shape == ScheduleShape::chained)
    return detail::chained_rate(s, step * s.stride + s.stride - 1);
  if (step < s.warmup) return s.rate * double(step) / double(s.warmup);
  if (s.shape == ScheduleShape::constant) return s.rate;
  const uint64_t length = std::max<uint64_t>(1, s.total - std::min(s.total, s.warmup));
  const double done = double(std::min(step - s.warmup, length)) / double(length);
  return s.rate * (s.last + (1 - s.last) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
}

VCELL_END_NAMESPACE
