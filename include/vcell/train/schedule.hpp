#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "vcell/core/check.hpp"

VCELL_BEGIN_NAMESPACE

/// What the learning rate does after its warm-up.
enum class ScheduleShape {
  constant,  ///< stays
  cosine     ///< falls along half a cosine
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
};

/// @throws ConfigError if the rate is not above 0, the share not in [0, 1], or a cosine ends before
///         the warm-up does
template <class = void>
void check_schedule(const Schedule& s) {
  check_positive("Schedule", "rate", s.rate);
  if (!std::isfinite(s.rate))
    throw ConfigError(message("Schedule: rate is ", s.rate, ", expected a finite number"));
  if (!(s.last >= 0 && s.last <= 1))
    throw ConfigError(message("Schedule: last is ", s.last, ", expected a share in [0, 1]"));
  if (s.shape == ScheduleShape::cosine && s.total <= s.warmup)
    throw ConfigError(message("Schedule: total is ", s.total, " and warmup ", s.warmup,
                              "; a cosine needs more steps than its warm-up"));
}

/// The learning rate of a step: a pure function, so that work goes on exactly after a restart.
/// Warm-up and cosine together are transformers' get_cosine_schedule_with_warmup up to `total`;
/// after the end the rate stays at its last value.
/// @param step  steps taken before this one, from 0
template <class = void>
double learning_rate(const Schedule& s, uint64_t step) {
  if (step < s.warmup) return s.rate * double(step) / double(s.warmup);
  if (s.shape == ScheduleShape::constant) return s.rate;
  const uint64_t length = std::max<uint64_t>(1, s.total - std::min(s.total, s.warmup));
  const double done = double(std::min(step - s.warmup, length)) / double(length);
  return s.rate * (s.last + (1 - s.last) * 0.5 * (1 + std::cos(std::numbers::pi * done)));
}

VCELL_END_NAMESPACE
